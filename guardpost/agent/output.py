"""TextOutput: what the prompt says, on its way to a line that may be slow, stuck or away.

The connection gets a small piece at a time, so that frames never wait behind a page of text,
and no more than the line takes. What does not fit is dropped: nobody reads a line that stands
still, and a person at it would rather see what is said now.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from guardpost.aio.stream import ByteStream, Receive, pump

__all__ = ["MAX_WAITING_BYTES", "TextOutput", "WatchedStream"]

MAX_WAITING_BYTES: Final = 65536
# About 45 ms at 115200.
PIECE_BYTES: Final = 512
LOW_BYTES: Final = 1024


class TextOutput:
    """`send` hands a piece to the line. Nothing is kept while there is none."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._waiting = bytearray()
        self._is_open = False
        self._is_sending = False
        self._few_wait = asyncio.Event()
        self._few_wait.set()
        self.dropped_bytes = 0

    def write(self, data: bytes) -> None:
        """Queue `data`, or drop it."""
        if not self._is_open or len(self._waiting) + len(data) > MAX_WAITING_BYTES:
            self.dropped_bytes += len(data)
            return
        self._waiting += data
        if len(self._waiting) > LOW_BYTES:
            self._few_wait.clear()
        if not self._is_sending:
            self._go_on()

    async def drain(self) -> None:
        """Until few bytes wait."""
        await self._few_wait.wait()

    def opened(self) -> None:
        """There is a line."""
        self._is_open = True
        self._is_sending = False

    def gone(self) -> None:
        """There is none; what waited for it is dropped."""
        self._is_open = False
        self.dropped_bytes += len(self._waiting)
        self._waiting.clear()
        self._few_wait.set()

    def written(self) -> None:
        """The line took what it was given."""
        self._is_sending = False
        if self._waiting:
            self._go_on()

    def _go_on(self) -> None:
        piece = bytes(self._waiting[:PIECE_BYTES])
        del self._waiting[:PIECE_BYTES]
        if len(self._waiting) <= LOW_BYTES:
            self._few_wait.set()
        self._is_sending = True
        self._send(piece)


class WatchedStream:
    """A ByteStream that calls `written` after each write."""

    def __init__(self, stream: ByteStream, written: Callable[[], None]) -> None:
        self.transparent = stream.transparent
        self._stream = stream
        self._written = written

    async def read(self) -> bytes:
        return await self._stream.read()

    async def pump(self, receive: Receive) -> None:
        await pump(self._stream, receive)

    async def write(self, data: bytes) -> None:
        await self._stream.write(data)
        self._written()

    async def close(self) -> None:
        await self._stream.close()
