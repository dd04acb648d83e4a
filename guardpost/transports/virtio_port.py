"""A virtio port (/dev/virtio-ports/NAME, /dev/vport0p1): a hypervisor's byte channel.

It is no terminal: it has no speed and no settings, one program opens it at a time, and it tells
whether somebody has the other end. While nobody has, reads would end at once; so a stream waits
for that first, and ends when the other end is let go.
"""

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import Callable

__all__ = ["VirtioPort", "is_virtio_port"]

_LOOK_SECONDS = 5.0
"""Where no event tells of the other end."""

_NAME = re.compile(r"/dev/vport\d+p\d+")


def is_virtio_port(path: str) -> bool:
    return _NAME.fullmatch(os.path.realpath(path)) is not None


if sys.platform != "win32":
    import select

    from guardpost.aio.stream import Wait
    from guardpost.errors import LineLost
    from guardpost.transports.descriptor import DescriptorStream

    class VirtioPort:
        """A ByteStream. Opening it raises OSError as open(2) does: EBUSY for the second one."""

        transparent = True

        def __init__(self, path: str) -> None:
            fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
            self._fd = fd
            self._bytes = DescriptorStream(fd, fd, path, release=lambda: os.close(fd))

        async def read(self) -> bytes:
            await self._has_other_end()
            return await self._bytes.read()

        async def pump(self, receive: Callable[[bytes], Wait]) -> None:
            await self._has_other_end()
            await self._bytes.pump(receive)

        async def write(self, data: bytes) -> None:
            await self._bytes.write(data)

        async def close(self) -> None:
            await self._bytes.close()

        async def _has_other_end(self) -> None:
            """Wait for the end of the hangup that the kernel tells of until then."""
            poller = select.poll()
            poller.register(self._fd, 0)
            if not poller.poll(0):
                return
            with _Changes(self._fd) as changes:
                while not self._bytes.closed and poller.poll(0):
                    if not os.path.exists(self._bytes.name):  # unplugged: that hangs up too
                        raise LineLost(f"{self._bytes.name} is gone")
                    await changes.next(_LOOK_SECONDS)

    class _Changes:
        """Tells when something about a descriptor changes.

        A hangup that stays would wake an ordinary selector all the time; one that is asked for
        edges (epoll(7), EPOLLET) is woken by the next change alone.
        """

        def __init__(self, fd: int) -> None:
            self._epoll = select.epoll() if sys.platform == "linux" else None
            self._came = asyncio.Event()
            if self._epoll is not None:
                self._epoll.register(fd, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
                asyncio.get_running_loop().add_reader(self._epoll.fileno(), self._look)

        def _look(self) -> None:
            if self._epoll is not None and self._epoll.poll(0):
                self._came.set()

        async def next(self, seconds: float) -> None:
            """At most so many seconds."""
            self._came.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._came.wait()

        def __enter__(self) -> "_Changes":
            return self

        def __exit__(self, *_: object) -> None:
            if self._epoll is not None:
                asyncio.get_running_loop().remove_reader(self._epoll.fileno())
                self._epoll.close()
