"""DescriptorStream: a ByteStream over non-blocking file descriptors (POSIX).

Reads and writes are tried at once and only wait when the kernel says so: half of
the work of asyncio's own streams. A waiter is only ever told *that* it may read, so
a cancelled read has taken nothing.
"""

import asyncio
import os
from collections.abc import Callable

from guardpost.errors import LineLost

__all__ = ["DescriptorStream"]

READ_BYTES = 65536

FAIR_TURNS = 16
"""Calls that found the kernel ready each time before everybody else gets a turn."""


class DescriptorStream:
    """Bytes both ways through one descriptor or two. One reader and one writer at a time."""

    def __init__(
        self,
        read_fd: int,
        write_fd: int,
        name: str,
        *,
        release: Callable[[], None],
        transparent: bool = True,
    ) -> None:
        """`name` is for errors; `release` closes the descriptors, once, and may not raise."""
        self.transparent = transparent
        self.name = name
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._release = release
        self._loop = asyncio.get_running_loop()
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._reads_watched = self._writes_watched = False
        self._turns = 0
        self.closed = False

    async def read(self) -> bytes:
        await self._take_turns()
        while not self.closed:
            try:
                return os.read(self._read_fd, READ_BYTES)
            except BlockingIOError:
                await self._readable()
            except OSError as error:
                raise self._lost(error) from None
        return b""

    async def write(self, data: bytes) -> None:
        await self._take_turns()
        left = memoryview(data)
        while left:
            if self.closed:
                raise LineLost(f"{self.name} is closed")
            try:
                left = left[os.write(self._write_fd, left) :]
            except BlockingIOError:
                await self._writable()
            except OSError as error:
                raise self._lost(error) from None

    async def close(self) -> None:
        self.close_now()

    def close_now(self) -> None:
        """`close` for those who cannot wait; a waiting read ends, a waiting write fails."""
        if self.closed:
            return
        self.closed = True
        self._unwatch_reads()
        self._unwatch_writes()
        for waiter in (self._reader, self._writer):
            if waiter is not None and not waiter.done():
                waiter.set_result(None)
        self._release()

    def _lost(self, error: OSError) -> LineLost:
        return LineLost(f"{self.name} is gone ({os.strerror(error.errno or 0).lower()})")

    async def _take_turns(self) -> None:
        self._turns += 1
        if self._turns >= FAIR_TURNS:
            self._turns = 0
            await asyncio.sleep(0)

    async def _readable(self) -> None:
        self._turns = 0
        if not self._reads_watched:
            self._loop.add_reader(self._read_fd, self._on_readable)
            self._reads_watched = True
        self._reader = self._loop.create_future()
        try:
            await self._reader
        finally:
            self._reader = None

    async def _writable(self) -> None:
        self._turns = 0
        if not self._writes_watched:
            self._loop.add_writer(self._write_fd, self._on_writable)
            self._writes_watched = True
        self._writer = self._loop.create_future()
        try:
            await self._writer
        finally:
            self._writer = None

    # The loop goes on watching after a wait: the next one usually follows at once. It stops at
    # the first event that nobody waits for.

    def _on_readable(self) -> None:
        if self._reader is None:
            self._unwatch_reads()
        elif not self._reader.done():
            self._reader.set_result(None)

    def _on_writable(self) -> None:
        if self._writer is None:
            self._unwatch_writes()
        elif not self._writer.done():
            self._writer.set_result(None)

    def _unwatch_reads(self) -> None:
        if self._reads_watched:
            self._loop.remove_reader(self._read_fd)
            self._reads_watched = False

    def _unwatch_writes(self) -> None:
        if self._writes_watched:
            self._loop.remove_writer(self._write_fd)
            self._writes_watched = False
