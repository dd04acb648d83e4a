"""DescriptorStream: a ByteStream over non-blocking file descriptors (POSIX).

The loop's callbacks read and write themselves, and a task is woken for what they have brought
or finished: a fast line calls many times for each piece of work there is. A cancelled read
loses nothing; the next one has it.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from guardpost.aio.stream import Receive
from guardpost.errors import LineLost
from guardpost.transports.lineio import GATHERED_MAX_BYTES, gather, put_out

__all__ = ["DescriptorStream"]

FAST_READ_BYTES = 2048
"""So much at once tells a line without a UART: the rest of the frame is there within moments."""

FAST_WRITE_BYTES = 32768
"""Packets are this long only on a line that takes them in less than 10 ms."""

FAST_WAIT_SECONDS = 0.003
"""For which the loop then stands still, once for a read or write and not for each few KiB."""

FAIR_TURNS = 16
"""Calls that found the kernel ready each time before everybody else gets a turn."""


@dataclass(slots=True)
class _Pumping:
    receive: Receive
    ended: asyncio.Future[None]
    pause: asyncio.TimerHandle | None = None


class DescriptorStream:
    """Bytes both ways through one descriptor or two. One reader and one writer at a time."""

    def __init__(
        self,
        read_fd: int,
        write_fd: int,
        name: str,
        *,
        release: Callable[[], None],
        linger: Callable[[], Awaitable[None]] | None = None,
        transparent: bool = True,
    ) -> None:
        """`name` is for errors; `release` closes the descriptors, once, and may not raise.

        close() waits for `linger` before it, when nobody reads or writes any more.
        """
        self.transparent = transparent
        self.name = name
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._release = release
        self._linger = linger
        self._loop = asyncio.get_running_loop()
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._reads_watched = self._writes_watched = False
        self._arrived: bytes | LineLost | None = None
        self._pumping: _Pumping | None = None
        self._more_follows = True  # as far as the last read tells
        self._unwritten = memoryview(b"")
        self._write_error: LineLost | None = None
        self._turns = 0
        self.closed = False

    async def read(self) -> bytes:
        while self._arrived is None and not self.closed:
            if self._more_follows:
                await self._take_turns()
                if self.closed or self._take_in():
                    break
            await self._readable()
        arrived, self._arrived = self._arrived, None
        if isinstance(arrived, LineLost):
            raise arrived
        return b"" if arrived is None or self.closed else arrived

    async def pump(self, receive: Receive) -> None:
        """As guardpost.aio.stream.pump. A task runs only for what `receive` has to say."""
        pumping = _Pumping(receive, self._loop.create_future())
        self._pumping = pumping
        try:
            if not self.closed:
                self._look()
                await pumping.ended
        finally:
            self._pumping = None
            if pumping.pause is not None:
                pumping.pause.cancel()

    def _look(self) -> None:
        """Receive what is there, and see to it that the next look is in time."""
        pumping = self._pumping
        if pumping is None or pumping.ended.done():
            return
        pumping.pause = None
        seconds = 0.0
        if self._arrived is not None or self._take_in():
            try:
                seconds = self._hand_over(pumping)
            except BaseException as error:
                if pumping.ended.done():  # `receive` has closed us
                    raise
                pumping.ended.set_exception(error)
        if pumping.ended.done():
            self._unwatch_reads()
        elif seconds > 0:
            self._unwatch_reads()
            pumping.pause = self._loop.call_later(seconds, self._look)
        else:
            self._watch_reads()

    def _hand_over(self, pumping: _Pumping) -> float:
        """What arrived and, on a fast line, the rest of its frame; returns for how long not to
        look again. Raises LineLost, and what `receive` raises.
        """
        while True:
            arrived, self._arrived = self._arrived, None
            if isinstance(arrived, LineLost):
                raise arrived
            if not arrived:
                pumping.ended.set_result(None)
                return 0.0
            seconds, delimiter = pumping.receive(arrived)
            goes_on = delimiter >= 0 and not seconds and len(arrived) >= FAST_READ_BYTES
            if not goes_on or self.closed or not self._take_in(delimiter, FAST_WAIT_SECONDS):
                return seconds

    async def write(self, data: bytes) -> None:
        await self._take_turns()
        self._unwritten = memoryview(data)
        self._write_error = None
        try:
            self._put_out(FAST_WAIT_SECONDS if len(data) >= FAST_WRITE_BYTES else 0.0)
            while self._unwritten:
                await self._writable()
        finally:
            self._unwritten = memoryview(b"")
        if self._write_error is not None:
            raise self._write_error

    async def close(self) -> None:
        """A waiting read ends, a waiting write fails."""
        if self.closed:
            return
        self._leave()
        try:
            if self._linger is not None:
                await self._linger()
        finally:
            self._release()

    def close_now(self) -> None:
        """`close` for those who cannot wait."""
        if not self.closed:
            self._leave()
            self._release()

    def _leave(self) -> None:
        self.closed = True
        self._unwatch_reads()
        self._unwatch_writes()
        if self._unwritten:
            self._fail_write(LineLost(f"{self.name} is closed"))
        pumped = self._pumping.ended if self._pumping is not None else None
        for waiter in (self._reader, self._writer, pumped):
            if waiter is not None and not waiter.done():
                waiter.set_result(None)

    def _lost(self, error: OSError) -> LineLost:
        return LineLost(f"{self.name} is gone ({os.strerror(error.errno or 0).lower()})")

    async def _take_turns(self) -> None:
        self._turns += 1
        if self._turns >= FAIR_TURNS:
            self._turns = 0
            await asyncio.sleep(0)

    # --- what the descriptors give and take now ---

    def _take_in(self, delimiter: int = -1, seconds: float = 0.0) -> bool:
        """Read what is there, all of it: the work behind is then done once. False: nothing is."""
        try:
            self._arrived = gather(self._read_fd, delimiter, seconds)
        except BlockingIOError:
            self._more_follows = False
            return False
        except OSError as error:
            self._arrived = self._lost(error)
        else:
            self._more_follows = len(self._arrived) == GATHERED_MAX_BYTES
        return True

    def _put_out(self, seconds: float = 0.0) -> None:
        """Write what the descriptor takes."""
        if self.closed:
            self._fail_write(LineLost(f"{self.name} is closed"))
            return
        try:
            taken = put_out(self._write_fd, self._unwritten, seconds)
            self._unwritten = self._unwritten[taken:]
        except BlockingIOError:
            pass
        except OSError as error:
            self._fail_write(self._lost(error))

    def _fail_write(self, error: LineLost) -> None:
        self._write_error = error
        self._unwritten = memoryview(b"")

    # --- waiting ---

    async def _readable(self) -> None:
        self._turns = 0
        self._watch_reads()
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
        if self._pumping is not None:
            self._look()
        elif self._reader is None:
            self._unwatch_reads()
            self._more_follows = True
        elif not self._reader.done() and self._take_in():
            self._reader.set_result(None)

    def _on_writable(self) -> None:
        if self._writer is None:
            self._unwatch_writes()
        elif not self._writer.done():
            self._put_out()
            if not self._unwritten:
                self._writer.set_result(None)

    def _watch_reads(self) -> None:
        if not self._reads_watched and not self.closed:
            self._loop.add_reader(self._read_fd, self._on_readable)
            self._reads_watched = True

    def _unwatch_reads(self) -> None:
        if self._reads_watched:
            self._loop.remove_reader(self._read_fd)
            self._reads_watched = False

    def _unwatch_writes(self) -> None:
        if self._writes_watched:
            self._loop.remove_writer(self._write_fd)
            self._writes_watched = False
