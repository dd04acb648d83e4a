"""The bare line for a person: what is typed goes out, what comes in is shown as it is.

It is a terminal: unlike everything else that shows the line's text, it leaves that raw.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator

from guardpost.aio.stream import ByteStream
from guardpost.aio.supervisor import reopen
from guardpost.console.escape import EscapeKey, Wish
from guardpost.console.line import Line
from guardpost.errors import TransportError
from guardpost.services.relay import LocalEnd

__all__ = ["HELP", "Terminal", "raw_terminal"]

HELP = "Ctrl-] then . or q: quit, b: send BREAK, ?: this, Ctrl-]: itself"
_QUIET_SECONDS = 2.0
"""After the end of a piped standard input: how long the line must say nothing."""
_READ_BYTES = 65536


class Terminal:
    """Standard input and output on a line; a line that vanishes is waited for."""

    def __init__(
        self, line: Line, end: LocalEnd, say: Callable[[str], None], *, keys: bool
    ) -> None:
        """`keys`: a person types, so that the escape key has its meaning."""
        self._line = line
        self._end = end
        self._say = say
        self._keys = keys
        self._stream: ByteStream | None = None
        self._heard_at = 0.0

    async def run(self) -> None:
        """Until a person quits, or the input has ended and the line is quiet.

        Raises TransportError when the line cannot be opened at first, OSError when the output
        cannot be written.
        """
        self._stream = await self._line.open()
        if self._keys:
            self._say(f"connected to {self._line.name}; Ctrl-] q quits, Ctrl-] ? tells more")
        showing = asyncio.ensure_future(self._show())
        typing = asyncio.ensure_future(self._type())
        try:
            done, _ = await asyncio.wait((showing, typing), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            showing.cancel()
            typing.cancel()
            await asyncio.gather(showing, typing, return_exceptions=True)
            if self._stream is not None:
                await self._stream.close()

    async def _show(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                while self._stream is not None and (data := await self._stream.read()):
                    self._heard_at = loop.time()
                    await self._end.write(data)
                reason = "the line has ended"
            except TransportError as error:
                reason = str(error)
            stream, self._stream = self._stream, None
            if stream is not None:
                await stream.close()
            self._say(f"{reason}; waiting for it to come back")
            self._stream = await reopen(self._line.open)
            self._say("the line is back")

    async def _type(self) -> None:
        key = EscapeKey()
        while typed := await self._end.read(_READ_BYTES):
            for what in key.feed(typed) if self._keys else [typed]:
                if what is Wish.QUIT:
                    return
                if what is Wish.HELP:
                    self._say(HELP)
                elif what is Wish.BREAK:
                    await self._send_break()
                elif isinstance(what, bytes):
                    await self._send(what)
        if not self._keys:
            await self._until_quiet()

    async def _send(self, data: bytes) -> None:
        # While the line is away, keystrokes go nowhere: later they would be an old command.
        if self._stream is not None:
            with contextlib.suppress(TransportError):  # _show() says so
                await self._stream.write(data)

    async def _send_break(self) -> None:
        send_break = getattr(self._stream, "send_break", None)
        if send_break is None:
            self._say("this kind of line has no BREAK")
        else:
            await send_break()

    async def _until_quiet(self) -> None:
        clock = asyncio.get_running_loop().time
        self._heard_at = max(self._heard_at, clock())
        while (rest := self._heard_at + _QUIET_SECONDS - clock()) > 0:
            await asyncio.sleep(rest)


@contextlib.contextmanager
def raw_terminal(descriptor: int) -> Iterator[None]:
    """Every key as a byte, at once, while the block runs; nothing where there is no terminal.

    SIGTERM and SIGHUP become KeyboardInterrupt, so that they leave through here as well.
    """
    if sys.platform == "win32" or descriptor < 0 or not os.isatty(descriptor):
        yield
    else:
        import termios
        import tty

        before = termios.tcgetattr(descriptor)
        handlers = {
            number: signal.signal(number, _interrupt) for number in (signal.SIGTERM, signal.SIGHUP)
        }
        try:
            tty.setraw(descriptor, termios.TCSADRAIN)
            yield
        finally:
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
            for number, handler in handlers.items():
                signal.signal(number, handler)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
