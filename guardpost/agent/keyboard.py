"""Keyboard: what is typed while a command runs, kept for the prompt or lent to the command."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Final

__all__ = ["Keyboard", "Typed"]

# Typed while a command runs; what is beyond is dropped, as a terminal would.
MAX_AHEAD_BYTES: Final = 1000

# What a command was typed and has not read: a line at 115200 brings so much in 5 s.
MAX_TYPED_BYTES: Final = 65536


class Typed:
    """What a command reads of the keyboard while it is lent."""

    def __init__(self) -> None:
        self.dropped = 0
        """Bytes that came faster than the command read them."""
        self._waiting = bytearray()
        self._came = asyncio.Event()

    def feed(self, data: bytes) -> None:
        room = MAX_TYPED_BYTES - len(self._waiting)
        self._waiting += data[:room]
        self.dropped += len(data[room:])
        self._came.set()

    async def read(self) -> bytes:
        """What was typed, as soon as there is something."""
        await self._came.wait()
        self._came.clear()
        data = bytes(self._waiting)
        self._waiting.clear()
        return data

    async def is_pressed(self, key: bytes, seconds: float) -> bool:
        """Whether `key` is, within that time; other keys are dropped."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while key not in await self.read():
                    pass
                return True
        return False


class Keyboard:
    """One for a prompt."""

    def __init__(self) -> None:
        self.is_raw = False
        """Everything is the command's, Ctrl-C too: it has a terminal of its own."""
        self._ahead = bytearray()
        self._typed: Typed | None = None

    def take(self, data: bytes) -> None:
        """`data` was typed."""
        if self._typed is not None:
            self._typed.feed(data)
        else:
            self._ahead += data[: MAX_AHEAD_BYTES - len(self._ahead)]

    def typed_ahead(self) -> bytes:
        """What nobody has taken so far; it is forgotten here."""
        ahead = bytes(self._ahead)
        self._ahead.clear()
        return ahead

    @contextlib.contextmanager
    def lent(self, *, raw: bool = False) -> Iterator[Typed]:
        """For a command: what is typed meanwhile is its own."""
        self._typed = Typed()
        self.is_raw = raw
        try:
            yield self._typed
        finally:
            self._typed = None
            self.is_raw = False
