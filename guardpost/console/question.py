"""Asks the person at the terminal, whatever standard input and output are used for."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator

__all__ = ["ask", "ask_secret"]


async def ask(question: str) -> bool | None:
    """True for yes, False for anything else, None when there is no terminal to ask on."""
    answer = await _answer(question)
    return None if answer is None else answer.strip().lower() in ("y", "yes")


async def ask_secret(question: str) -> str | None:
    """What was typed, unseen, without its line end; None when there is no terminal to ask on."""
    return await _answer(question, seen=False)


if sys.platform == "win32":

    async def _answer(question: str, *, seen: bool = True) -> str | None:
        import getpass

        if not sys.stdin or not sys.stdin.isatty():
            return None
        return await asyncio.to_thread(input if seen else getpass.getpass, question)

else:

    async def _answer(question: str, *, seen: bool = True) -> str | None:
        try:
            terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            with contextlib.nullcontext() if seen else _unseen(terminal):
                os.write(terminal, question.encode())
                typed = await _line(terminal)
            return typed.decode("utf-8", "surrogateescape").rstrip("\r\n")
        except OSError:
            return None
        finally:
            os.close(terminal)

    @contextlib.contextmanager
    def _unseen(terminal: int) -> Iterator[None]:
        """What is typed does not show; the line end does, so that the next line starts a line."""
        import termios

        before = termios.tcgetattr(terminal)
        without = termios.tcgetattr(terminal)
        without[3] = without[3] & ~termios.ECHO | termios.ECHONL
        termios.tcsetattr(terminal, termios.TCSADRAIN, without)
        try:
            yield
        finally:
            with contextlib.suppress(termios.error):  # it has hung up
                termios.tcsetattr(terminal, termios.TCSADRAIN, before)


async def _line(descriptor: int) -> bytes:
    """A terminal gives whole lines; the event loop stays free, so that Ctrl-C works."""
    loop = asyncio.get_running_loop()
    readable: asyncio.Future[None] = loop.create_future()

    def on_readable() -> None:
        if not readable.done():
            readable.set_result(None)

    loop.add_reader(descriptor, on_readable)
    try:
        await readable
    finally:
        loop.remove_reader(descriptor)
    return os.read(descriptor, 1024)
