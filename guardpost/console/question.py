"""Asks the person at the terminal, whatever standard input and output are used for."""

import asyncio
import os
import sys

__all__ = ["ask"]


async def ask(question: str) -> bool | None:
    """True for yes, False for anything else, None when there is no terminal to ask on."""
    if sys.platform == "win32":
        if not sys.stdin or not sys.stdin.isatty():
            return None
        answer = await asyncio.to_thread(input, question)
        return _means_yes(answer.encode())
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        os.write(terminal, question.encode())
        return _means_yes(await _line(terminal))
    except OSError:
        return None
    finally:
        os.close(terminal)


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


def _means_yes(answer: bytes) -> bool:
    return answer.strip().lower() in (b"y", b"yes")
