"""A program on a terminal of the host, and a person's screen and keys here.

What is typed goes there, what the program shows is shown. Lines of ours stand between its
output; on a screen that a program has for itself they stand at the bottom until it draws again.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence

from guardpost.aio.channel import Channel
from guardpost.console.escape import SHELL_WISHES, EscapeKey, Wish, key_name, menu
from guardpost.console.screen_state import ScreenState
from guardpost.errors import ChannelReset, RemoteProtocolError, ResetCode
from guardpost.services.program import (
    Exit,
    Leave,
    Resize,
    Stderr,
    Stdin,
    StdinEof,
    Stdout,
    ToAgent,
    to_console,
)
from guardpost.services.records import RecordReader, write_record
from guardpost.services.relay import LocalEnd
from guardpost.termsafe import safe_text

__all__ = ["RemoteTerminal", "screen_size", "winch_calls"]

_READ_BYTES = 4096
_REDRAW_SECONDS = 0.05
"""Between the wish to draw again and the next key: less(1) loses one within 10 ms of SIGWINCH."""
_TYPED_MAX = 256
"""Pieces that wait for a line that is away: a megabyte, behind which the escape key is heeded."""
_LEAVING_SECONDS = 3.0
"""For what was typed before the wish to leave, on a line that may be away."""


class RemoteTerminal:
    """`channel` carries program.py's records; `end` is the person's terminal, or files.

    `escape` is empty for none, and where nobody types. `status` tells how the line does.
    """

    def __init__(
        self,
        channel: Channel,
        end: LocalEnd,
        *,
        escape: bytes,
        status: Callable[[], Awaitable[list[str]]],
        is_kept: bool = False,
    ) -> None:
        self.left: Wish | None = None
        """How the person has left it: DISCONNECT or DETACH."""
        self.is_cut = False
        """Nobody knows whether all that was typed before that has arrived."""
        self._channel = channel
        self._end = end
        self._escape = escape
        self._status = status
        self._is_kept = is_kept
        self._screen = ScreenState()
        self._showing = asyncio.Lock()
        self._typed: asyncio.Queue[ToAgent] = asyncio.Queue(_TYPED_MAX)
        self._size = (0, 0)
        self._wants_redraw = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> Exit | None:
        """How the program ended; None when the person has left it (`left`).

        Raises ChannelReset, RemoteProtocolError, and OSError of the person's end.
        """
        showing = asyncio.ensure_future(self._show())
        typing = asyncio.ensure_future(self._type())
        sending = asyncio.ensure_future(self._send())
        halves: tuple[asyncio.Future[Exit | None] | asyncio.Future[None], ...]
        halves = (showing, typing, sending)
        try:
            waiting = {*halves}
            while not showing.done() and self.left is None:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            if not showing.done() and not await self._leave(showing):
                self._channel.reset(ResetCode.CANCELLED)
                return None
            await self._channel.close()
            return showing.result()
        except BaseException:
            self._channel.reset(ResetCode.CANCELLED)
            raise
        finally:
            for task in (*halves, *self._tasks):
                task.cancel()
            await asyncio.gather(*halves, *self._tasks, return_exceptions=True)
            with contextlib.suppress(OSError):
                await self._end.write(self._screen.undo())

    async def _leave(self, showing: "asyncio.Future[Exit | None]") -> bool:
        """Whether the agent has ended the channel: the program then has all that was typed."""
        try:
            async with asyncio.timeout(_LEAVING_SECONDS):
                await self._typed.put(Leave())
                await asyncio.wait((showing,))
            showing.result()
        except (TimeoutError, ChannelReset, RemoteProtocolError):
            self.is_cut = True
        return not self.is_cut

    # --- what the program shows ---

    async def _show(self) -> Exit | None:
        records = RecordReader(self._channel)
        while (record := await records.read(to_console)) is not None:
            if isinstance(record, Exit):
                return record
            if isinstance(record, Stdout | Stderr):
                async with self._showing:
                    await self._end.write(self._screen.feed(record.data))
            del record  # the next one may take a day
        return None

    def tell(self, *lines: str) -> None:
        """Show lines of ours: what happened to the line. A full screen is drawn again when the
        program hears of it, which is when the line is back."""
        self._spawn(self._show_lines(lines))
        if self._screen.is_alternate:
            self.resize(*self._size)

    async def _show_lines(self, lines: Sequence[str]) -> None:
        rows, columns = self._size
        async with self._showing:
            texts = [f"guardpost: {safe_text(line)}" for line in lines]
            if self._screen.is_alternate and rows:
                first = max(1, rows - len(texts) + 1)
                shown = "".join(
                    f"\x1b[{first + n};1H\x1b[0;7m\x1b[2K{text[:columns]}\x1b[0m"
                    for n, text in enumerate(texts[:rows])
                )
                await self._end.write(f"\x1b7{shown}\x1b8".encode())
            else:
                start = "" if self._screen.is_at_start else "\r\n"
                shown = start + "".join(f"{text}\r\n" for text in texts)
                await self._end.write(self._screen.feed(shown.encode()))

    def _spawn(self, work: Awaitable[None]) -> None:
        async def finished() -> None:
            with contextlib.suppress(OSError):  # the reader of our output has gone: _show() sees it
                await work

        task = asyncio.ensure_future(finished())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- what is typed ---

    def resize(self, rows: int, columns: int) -> None:
        """The person's screen has this size now; when it has it already, it is drawn again."""
        self._size = (rows, columns)
        if rows and columns and not self._typed.full():  # else nothing is sent anyway
            self._typed.put_nowait(Resize(rows, columns))

    async def _type(self) -> None:
        key = EscapeKey(self._escape, SHELL_WISHES)
        while typed := await self._end.read(_READ_BYTES):
            for what in key.feed(typed):
                if isinstance(what, Wish):
                    await self._fulfil(what)
                    if self.left is not None:
                        return
                    continue
                if self._wants_redraw:
                    self._wants_redraw = False
                    self.resize(*self._size)
                    await asyncio.sleep(_REDRAW_SECONDS)
                await self._typed.put(Stdin(what))
        await self._typed.put(StdinEof())

    async def _send(self) -> None:
        """Apart from the keys, so that a line that is away leaves the escape key alone."""
        while True:
            record = await self._typed.get()
            # Of many sizes, as a mouse that drags a window makes, the last is enough.
            while isinstance(record, Resize) and not self._typed.empty():
                following = self._typed.get_nowait()
                if not isinstance(following, Resize):
                    await write_record(self._channel, record)
                record = following
            await write_record(self._channel, record)

    async def _fulfil(self, wish: Wish) -> None:
        if wish is Wish.DISCONNECT or (wish is Wish.DETACH and self._is_kept):
            self.left = wish
            return
        if wish is Wish.DETACH:
            lines = [
                f"it is not kept: 'guardpost shell --keep' can be left; {self._key} ? for more"
            ]
        elif wish is Wish.LINE:
            lines = await self._status()
        else:
            lines = menu(self._escape, SHELL_WISHES)
        await self._show_lines(lines)
        self._wants_redraw = self._screen.is_alternate

    @property
    def _key(self) -> str:
        return key_name(self._escape)


def screen_size(descriptor: int) -> tuple[int, int] | None:
    """Rows and columns; None where there is no screen, or it does not say."""
    try:
        columns, rows = os.get_terminal_size(descriptor)
    except OSError:
        return None
    return (rows, columns) if rows and columns else None


@contextlib.contextmanager
def winch_calls(changed: Callable[[], None]) -> Iterator[None]:
    """Call `changed` in the event loop whenever the size of the screen does."""
    if sys.platform == "win32":
        yield
    else:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGWINCH, changed)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGWINCH)
