"""The bare line for a person: what is typed goes out, what the line says is shown.

It is a terminal: escape sequences reach the screen. What a picture leaves out is picture.py's.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import Awaitable, Callable, Iterator

from guardpost.aio.stream import BreakingStream, ByteStream, StatusStream
from guardpost.aio.supervisor import LineKeeper
from guardpost.console.beside import OwnedText
from guardpost.console.escape import ESCAPE, EscapeKey, Wish, key_name, menu
from guardpost.console.picture import Picture
from guardpost.errors import TransportError
from guardpost.interrupts import ending_as_ctrl_c
from guardpost.services.relay import LocalEnd

__all__ = ["Terminal", "raw_terminal"]

_QUIET_SECONDS = 2.0
"""After the end of a piped standard input: how long the line must say nothing."""
_READ_BYTES = 65536
_TYPED_MAX_BYTES = 1 << 20
"""Of what was typed that waits for a line that takes nothing; behind it keys are dropped, and the
escape key is heeded."""
_AWAY = "the line is away"
_LEAVING_SECONDS = 1.0
"""For what was typed before the wish to quit."""
_KNOCKS_SECONDS = (0.0, 1.0, 1.2)
"""Before each Enter: an agent is deaf for 2 s after a frame, so the last is heard at the latest."""
_CLEAR = b"\x1b[!p\x0f\x1b[0m\x1b[H\x1b[2J"  # DECSTR, SI, SGR 0, home, ED
_SET_RIGHT = b"\x1b[!p\x0f\x1b[0m"


class Terminal:
    """Standard input and output on a line; a line that vanishes is waited for."""

    def __init__(
        self,
        name: str,
        open_line: Callable[[], Awaitable[ByteStream]],
        end: LocalEnd,
        say: Callable[..., None],
        *,
        picture: Picture | None = None,
        keys: bool,
        escape: bytes = ESCAPE,
        on_break: Callable[[], None] = lambda: None,
    ) -> None:
        """`say` takes lines for the person. `keys`: somebody types, so that the escape key counts.

        `on_break` is called after a BREAK went out.
        """
        self._name = name
        self._open = open_line
        self._end = end
        self._tell = say
        self._picture = picture or Picture(raw=True)
        self._keys = keys
        self._escape = escape
        self._on_break = on_break
        self._stream: ByteStream | None = None
        self._loop = asyncio.get_running_loop()
        self._keeper = LineKeeper(open_line, self._say, clock=self._loop.time)
        self._opened_at = self._heard_at = self._shown_at = 0.0
        self._received = self._sent = 0
        self._alarm: asyncio.TimerHandle | None = None
        self._writing = asyncio.Lock()
        self._unshown = bytearray()
        self._typed: asyncio.Queue[bytes | Wish] = asyncio.Queue()
        self._typed_bytes = 0
        self._told_unsent = ""
        self._is_away = False
        self._was_opened = asyncio.Event()
        self._told_of_log = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, *, wait: bool = False) -> None:
        """Until a person quits, or the input has ended and the line is quiet.

        `wait`: for a line that is not there yet; else TransportError when it cannot be opened at
        first. Raises OSError when the output cannot be written.
        """
        showing = asyncio.ensure_future(self._show(wait))
        typing = asyncio.ensure_future(self._type())
        writing = asyncio.ensure_future(self._write_typed())
        halves = (showing, typing, writing)
        try:
            done, _ = await asyncio.wait(halves, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            tasks = (*halves, *self._tasks)
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._alarm is not None:
                self._alarm.cancel()
            if self._stream is not None:
                await self._stream.close()
            if self._keys and not self._picture.raw:
                with contextlib.suppress(OSError):
                    await self._end.write(_SET_RIGHT)

    # --- what the line says ---

    async def _show(self, wait: bool) -> None:
        await self._open_first(wait)
        while True:
            reason = await self._read_line()
            stream, self._stream = self._stream, None
            self._is_away = True
            self._typed_bytes = 0
            while not self._typed.empty():  # later this would be an old command
                self._typed.get_nowait()
                self._typed.task_done()
                self._not_sent(_AWAY)
            if stream is not None:
                await stream.close()
            self._stream = await self._keeper.again(reason)
            self._line_opened()

    async def _open_first(self, wait: bool) -> None:
        key = key_name(self._escape)
        if wait:
            self._is_away = True
            if self._keys:
                self._tell(f"{key} q quits")
            self._stream = await self._keeper.open()
        else:
            self._stream = await self._open()
        self._line_opened()
        self._note(f"connected to {self._name}")
        if self._keys:
            self._tell(f"connected to {self._name}; {key} q quits, {key} ? tells more")
        self._was_opened.set()

    async def _read_line(self) -> str:
        """Why the line has ended."""
        try:
            while self._stream is not None and (data := await self._stream.read()):
                self._heard_at = self._loop.time()
                self._received += len(data)
                self._take(self._picture.feed(data, self._heard_at))
                self._arm()
                await self._flush()
                self._look_at_log()
            return "the line has ended"
        except TransportError as error:
            return str(error)

    def _line_opened(self) -> None:
        self._told_unsent = ""
        self._is_away = False
        self._opened_at = self._loop.time()
        stream = self._stream
        if isinstance(stream, OwnedText):
            stream.tell = self._say
            self._picture.opened(stream.profile)
        else:
            self._picture.opened(None)

    def _take(self, shown: bytes) -> None:
        """To be shown, in this order; _flush() does it."""
        if shown:
            self._shown_at = self._loop.time()
            self._unshown += shown

    async def _flush(self) -> None:
        async with self._writing:
            shown = bytes(self._unshown)
            self._unshown.clear()
            if shown:
                await self._end.write(shown)

    def _arm(self) -> None:
        """What the picture holds back is shown in time even if nothing follows."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        deadline = self._picture.next_deadline()
        if deadline is not None:
            self._alarm = self._loop.call_at(deadline, self._on_alarm, deadline)

    def _on_alarm(self, deadline: float) -> None:
        # The loop may call a little before the time that it was asked for.
        self._take(self._picture.handle_timeout(max(self._loop.time(), deadline)))
        self._arm()
        self._spawn(self._flush())

    def _spawn(self, work: "Awaitable[None]") -> None:
        task = asyncio.ensure_future(_finished(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- what is typed ---

    async def _type(self) -> None:
        key = EscapeKey(self._escape)
        if not self._keys:
            await self._was_opened.wait()
        while typed := await self._end.read(_READ_BYTES):
            if not self._keys:
                await self._send(typed)
                continue
            for what in key.feed(typed):
                if what is Wish.QUIT:
                    await self._until_sent()
                    return
                if isinstance(what, bytes) or what is Wish.BREAK:
                    await self._put(what)
                else:
                    await self._fulfil(what)
        if not self._keys:
            await self._until_quiet()

    async def _put(self, what: bytes | Wish) -> None:
        """Behind what was typed before, for a line that is there; a first one is soon."""
        if self._is_away:
            await (self._send(what) if isinstance(what, bytes) else self._send_break())
        elif isinstance(what, bytes) and self._typed_bytes + len(what) > _TYPED_MAX_BYTES:
            self._not_sent("the line takes nothing")
        else:
            self._typed_bytes += len(what) if isinstance(what, bytes) else 0
            self._typed.put_nowait(what)

    def _not_sent(self, why: str) -> None:
        """Said once, and not for each key."""
        if why != self._told_unsent:
            self._told_unsent = why
            self._tell(f"not sent: {why}")

    async def _write_typed(self) -> None:
        """Apart from the keys, so that a line which takes nothing leaves the escape key alone."""
        await self._was_opened.wait()
        while True:
            what = await self._typed.get()
            try:
                if isinstance(what, bytes):
                    self._typed_bytes -= len(what)
                    await self._send(what)
                else:
                    await self._send_break()
            finally:
                self._typed.task_done()

    async def _until_sent(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LEAVING_SECONDS):
                await self._typed.join()

    async def _fulfil(self, wish: Wish) -> None:
        match wish:
            case Wish.HELP:
                self._tell(*menu(self._escape))
            case Wish.STATUS:
                self._tell(*self._status())
            case Wish.KNOCK:
                self._spawn(self._knock())
            case Wish.TIMES:
                self._picture.times = not self._picture.times
                self._tell(f"time stamps {_on_off(self._picture.times)}")
            case Wish.RAW:
                self._picture.raw = not self._picture.raw
                self._tell(f"all bytes as they are: {_on_off(self._picture.raw)}")
            case Wish.CLEAR:
                self._take(_CLEAR)
                await self._flush()
            case _:
                pass  # _type() knows them

    async def _send(self, data: bytes) -> None:
        # While the line is away, keystrokes go nowhere: later they would be an old command.
        stream = self._stream
        if stream is None:
            self._not_sent(_AWAY)
            return
        with contextlib.suppress(TransportError):  # _show() says so
            await stream.write(data)
            self._sent += len(data)
            self._told_unsent = ""

    async def _knock(self) -> None:
        knocked_at = self._loop.time()
        for pause in _KNOCKS_SECONDS:
            await asyncio.sleep(pause)
            if self._shown_at > knocked_at:  # frames are no answer
                return
            await self._put(b"\r")  # a line has one writer

    async def _send_break(self) -> None:
        stream = self._stream
        if stream is None:
            self._tell(f"no BREAK: {_AWAY}")
        elif not isinstance(stream, BreakingStream):
            self._tell("this kind of line has no BREAK")
        else:
            try:
                sent = await stream.send_break()
            except TransportError as error:
                self._tell(f"no BREAK: {error}")
                return
            if sent:
                self._on_break()
            self._say("a BREAK was sent" if sent else "no BREAK: this line has none, like a pty")

    def _status(self) -> list[str]:
        stream, picture = self._stream, self._picture
        since = f"{self._loop.time() - self._opened_at:.0f} s"
        known = stream.status() if isinstance(stream, StatusStream) else ""
        lines = [
            f"{self._name}: " + (f"open for {since}" if stream is not None else "away"),
            f"{self._received} bytes received, {self._sent} sent",
            f"{picture.filter.frames} frames of a session beside us, "
            f"{picture.filter.hidden_bytes} bytes hidden with hellos and delimiters",
            f"time stamps {_on_off(picture.times)}, raw {_on_off(picture.raw)}",
        ]
        if picture.log is not None:
            lines.append(f"log: {picture.log.failure or 'written'}")
        return [lines[0], known, *lines[1:]] if known else lines

    def _say(self, sentence: str) -> None:
        """What happened to the line: for the person, and the log."""
        self._tell(sentence)
        self._note(sentence)

    def _look_at_log(self) -> None:
        log = self._picture.log
        if log is not None and log.failure and not self._told_of_log:
            self._told_of_log = True
            self._tell(f"the log is not written any more: {log.failure}")

    def _note(self, sentence: str) -> None:
        if self._picture.log is not None:
            self._picture.log.note(sentence)

    async def _until_quiet(self) -> None:
        clock = self._loop.time
        self._heard_at = max(self._heard_at, clock())
        while (rest := self._heard_at + _QUIET_SECONDS - clock()) > 0:
            await asyncio.sleep(rest)


async def _finished(work: "Awaitable[None]") -> None:
    with contextlib.suppress(OSError):  # the reader of our output has gone, as _show() meets too
        await work


def _on_off(on: bool) -> str:
    return "on" if on else "off"


@contextlib.contextmanager
def raw_terminal(descriptor: int) -> Iterator[None]:
    """Every key as a byte, at once, while the block runs; nothing where there is no terminal.

    SIGTERM and SIGHUP leave through here as well.
    """
    if sys.platform == "win32" or descriptor < 0 or not os.isatty(descriptor):
        yield
    else:
        import termios
        import tty

        before = termios.tcgetattr(descriptor)
        with ending_as_ctrl_c():
            try:
                tty.setraw(descriptor, termios.TCSADRAIN)
                yield
            finally:
                with contextlib.suppress(termios.error):  # it has hung up
                    termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
