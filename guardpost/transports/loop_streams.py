"""LoopStream: a ByteStream over asyncio's own reader and writer, for Windows.

Its loop can watch no descriptors, only read and write what it opened itself.
"""

import asyncio
from collections.abc import Callable

from guardpost.errors import LineLost

__all__ = ["LoopStream"]

READ_BYTES = 65536


class LoopStream:
    """One reader and one writer at a time, as every ByteStream."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        name: str,
        *,
        released: Callable[[], None],
        transparent: bool = True,
    ) -> None:
        """`released` is called once, when the stream is closed."""
        self.transparent = transparent
        self.name = name
        self._reader = reader
        self._writer = writer
        self._released = released
        self.closed = False
        # `write` returns when the operating system has taken everything, not our own buffer.
        writer.transport.set_write_buffer_limits(high=0)

    async def read(self) -> bytes:
        if self.closed:
            return b""
        try:
            return await self._reader.read(READ_BYTES)
        except OSError as error:
            raise LineLost(f"{self.name} is gone ({error})") from None

    async def write(self, data: bytes) -> None:
        if not self.closed:
            try:
                self._writer.write(data)
                await self._writer.drain()
            except OSError as error:
                raise LineLost(f"{self.name} is gone ({error})") from None
        if self.closed:
            raise LineLost(f"{self.name} is closed")

    async def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._writer.transport.abort()
            self._reader.feed_eof()
            self._released()
