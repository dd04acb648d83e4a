"""ThreadedSerial: a pyserial port read by a thread, for Windows, where a loop cannot watch it.

The thread waits without a timeout and is woken by `cancel_read`: no polling. It stops
reading while the user of the line is behind, so that the driver's buffer fills up and
flow control, where there is any, does its work.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Protocol

from guardpost.errors import LineLost

__all__ = ["ThreadedSerial"]

AHEAD_BYTES = 65536
"""How much the thread reads ahead of the user."""

LARGEST_READ_BYTES = 4096

GIVE_UP_SECONDS = 2.0
"""A driver that does not let go of a read or a write after that keeps its thread."""

LOOK_SECONDS = 0.02


class Port(Protocol):
    """What we use of serial.Serial."""

    @property
    def in_waiting(self) -> int: ...
    def read(self, size: int = 1) -> bytes: ...
    def write(self, data: bytes, /) -> int | None: ...
    def cancel_read(self) -> None: ...
    def cancel_write(self) -> None: ...
    def send_break(self, duration: float = 0.25) -> None: ...
    def close(self) -> None: ...


class ThreadedSerial:
    """A ByteStream; `port` was opened with timeout=None and is ours to close."""

    transparent = True

    def __init__(self, port: Port, name: str) -> None:
        self.name = name
        self._port = port
        self._loop = asyncio.get_running_loop()
        self._arrived: deque[bytes] = deque()
        self._arrived_bytes = 0
        self._news = asyncio.Event()
        self._room = threading.Event()
        self._room.set()
        self._closed = False
        self._failure: OSError | None = None
        self._writing: Future[int | None] | None = None
        self._writes = ThreadPoolExecutor(1, thread_name_prefix="line-writer")
        self._thread = threading.Thread(target=self._read_port, name="line-reader", daemon=True)
        self._thread.start()

    async def read(self) -> bytes:
        while not self._arrived:
            if self._closed:
                return b""
            if self._failure is not None:
                raise LineLost(f"{self.name} is gone ({self._failure})")
            self._news.clear()
            await self._news.wait()
        data = b"".join(self._arrived)
        self._arrived.clear()
        self._arrived_bytes = 0
        self._room.set()
        return data

    async def write(self, data: bytes) -> None:
        if self._closed:
            raise LineLost(f"{self.name} is closed")
        writing = self._writes.submit(self._port.write, data)
        self._writing = writing
        try:
            await asyncio.wrap_future(writing)
        except OSError as error:
            raise LineLost(f"{self.name} is gone ({error})") from None
        if self._closed:
            raise LineLost(f"{self.name} is closed")

    async def send_break(self) -> bool:
        """As BreakingStream; what was written before leaves first."""
        if self._closed:
            raise LineLost(f"{self.name} is closed")
        try:
            await asyncio.wrap_future(self._writes.submit(self._port.send_break))
        except OSError as error:
            raise LineLost(f"{self.name} is gone ({error})") from None
        return True

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._news.set()
        self._room.set()
        await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        self._cancel(self._port.cancel_read)
        self._thread.join(timeout=GIVE_UP_SECONDS)
        for _ in range(round(GIVE_UP_SECONDS / LOOK_SECONDS)):
            if self._writing is None or self._writing.done():
                break
            # It may not have come to where it can be woken at the first call.
            self._cancel(self._port.cancel_write)
            wait([self._writing], timeout=LOOK_SECONDS)
        self._writes.shutdown(wait=False, cancel_futures=True)
        try:
            self._port.close()
        except OSError:
            pass

    def _cancel(self, wake: Callable[[], None]) -> None:
        try:
            wake()
        except OSError:
            pass  # nobody was waiting there, or the port is gone

    # -- in the thread

    def _read_port(self) -> None:
        while not self._closed:
            self._room.wait()
            try:
                data = self._port.read(1)
                more = min(self._port.in_waiting, LARGEST_READ_BYTES) if data else 0
                data += self._port.read(more) if more else b""
            except OSError as error:
                self._tell(b"", error)
                return
            if data:
                self._tell(data, None)

    def _tell(self, data: bytes, failure: OSError | None) -> None:
        self._room.clear()  # until the loop has counted these
        try:
            self._loop.call_soon_threadsafe(self._on_news, data, failure)
        except RuntimeError:
            self._closed = True  # the loop is closed: nobody will read any more

    def _on_news(self, data: bytes, failure: OSError | None) -> None:
        if data:
            self._arrived.append(data)
            self._arrived_bytes += len(data)
        self._failure = failure
        if self._arrived_bytes < AHEAD_BYTES:
            self._room.set()
        self._news.set()
