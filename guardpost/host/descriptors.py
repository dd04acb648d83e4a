"""Reading and writing file descriptors from the event loop without blocking it.

They may be anything a shell hands over: pipes, terminals, files, /dev/null. Their
flags stay as they are (O_NONBLOCK belongs to the open file, which others share):
POSIX asks poll() before each call; Windows, which cannot, reads in a thread.
"""

import asyncio
import errno
import functools
import os
import socket
import stat
import sys

from guardpost.host.own_thread import in_own_thread

__all__ = ["DescriptorReader", "DescriptorWriter", "end_of_output"]

# What a read answers when nobody can write any more: a hung-up terminal, or a
# descriptor that was closed before we were started.
_ENDED = (errno.EIO, errno.EBADF)

if sys.platform != "win32":
    import select

    # POSIX: a pipe that polls as writable takes this much without blocking.
    _PIECE_BYTES = select.PIPE_BUF

    def _ready(fd: int, event: int) -> bool:
        poller = select.poll()
        poller.register(fd, event)
        return bool(poller.poll(0))

    class DescriptorReader:
        """Reads one descriptor, which stays the caller's to close (after the last read)."""

        def __init__(self, fd: int) -> None:
            self._fd = fd
            self.finishing = False
            self._waiter: asyncio.Future[None] | None = None

        async def read(self, limit: int = 65536) -> bytes:
            """Up to `limit` bytes as soon as there is one; b"" at the end. Raises OSError."""
            while True:
                if _ready(self._fd, select.POLLIN):
                    try:
                        return os.read(self._fd, limit)
                    except BlockingIOError:
                        pass
                    except OSError as error:
                        if error.errno in _ENDED:
                            return b""
                        raise
                if self.finishing:
                    return b""
                await self._readable()

        def finish(self) -> None:
            """From now on read() gives what is there already, then b"" instead of waiting."""
            self.finishing = True
            _wake(self._waiter)

        async def _readable(self) -> None:
            loop = asyncio.get_running_loop()
            self._waiter = loop.create_future()
            loop.add_reader(self._fd, _wake, self._waiter)
            try:
                await self._waiter
            finally:
                loop.remove_reader(self._fd)

    class DescriptorWriter:
        """Writes one descriptor, which stays the caller's to close."""

        def __init__(self, fd: int) -> None:
            self._fd = fd
            mode = os.fstat(fd).st_mode
            patient = os.get_blocking(fd) and not stat.S_ISREG(mode)
            self._piece = _PIECE_BYTES if patient else sys.maxsize
            self._waiter: asyncio.Future[None] | None = None
            self._is_abandoned = False

        def abandon(self) -> None:
            """Whoever waits in write(), and whoever calls it later, gets BrokenPipeError.

            To be called before the descriptor is closed: its number may be given to another, which
            the loop would take for this one.
            """
            self._is_abandoned = True
            if self._waiter is not None:
                asyncio.get_running_loop().remove_writer(self._fd)
                _wake(self._waiter)

        async def write(self, data: bytes) -> None:
            """Return when the operating system took all of `data`.

            Raises BrokenPipeError when nobody reads any more, or another OSError.
            """
            view = memoryview(data)
            while view:
                if self._is_abandoned:
                    raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
                if _ready(self._fd, select.POLLOUT):
                    try:
                        view = view[os.write(self._fd, view[: self._piece]) :]
                        continue
                    except BlockingIOError:
                        pass
                await self._writable()

        async def _writable(self) -> None:
            loop = asyncio.get_running_loop()
            self._waiter = loop.create_future()
            loop.add_writer(self._fd, _wake, self._waiter)
            try:
                await self._waiter
            finally:
                self._waiter = None
                if not self._is_abandoned:
                    loop.remove_writer(self._fd)

else:

    class DescriptorReader:
        """Reads one descriptor, which stays the caller's to close (after the last read)."""

        def __init__(self, fd: int) -> None:
            self._fd = fd
            self._pending: asyncio.Future[bytes] | None = None
            self._finish: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def read(self, limit: int = 65536) -> bytes:
            """Up to `limit` bytes as soon as there is one; b"" at the end. Raises OSError."""
            if self._pending is None:
                self._pending = in_own_thread(functools.partial(self._read, limit))
            # A cancelled read() leaves its bytes to the next one.
            await asyncio.wait((self._pending, self._finish), return_when=asyncio.FIRST_COMPLETED)
            if not self._pending.done():
                return b""
            pending, self._pending = self._pending, None
            return pending.result()

        def finish(self) -> None:
            """From now on read() gives what is there already, then b"" instead of waiting."""
            _wake(self._finish)

        @property
        def finishing(self) -> bool:
            return self._finish.done()

        def _read(self, limit: int) -> bytes:
            try:
                return os.read(self._fd, limit)
            except OSError as error:
                if error.errno in (*_ENDED, errno.EPIPE, errno.EINVAL):
                    return b""
                raise

    class DescriptorWriter:
        """Writes one descriptor, which stays the caller's to close."""

        def __init__(self, fd: int) -> None:
            self._fd = fd
            self._abandoned: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def abandon(self) -> None:
            """Whoever waits in write(), and whoever calls it later, gets BrokenPipeError."""
            _wake(self._abandoned)

        async def write(self, data: bytes) -> None:
            """Return when the operating system took all of `data`.

            Raises BrokenPipeError when nobody reads any more, or another OSError.
            """
            view = memoryview(data)
            while view:
                writing = in_own_thread(functools.partial(self._write, view))
                ends = (writing, self._abandoned)
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                if self._abandoned.done():
                    raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
                view = view[writing.result() :]

        def _write(self, view: memoryview) -> int:
            try:
                return os.write(self._fd, view)
            except OSError as error:
                # What the C library answers for a pipe that nobody reads any more.
                if error.errno == errno.EINVAL:
                    raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)) from None
                raise


def end_of_output(fd: int) -> None:
    """Tell whoever reads `fd` that nothing follows, while the number stays taken.

    (Closing descriptor 1 would give its number to the next file somebody opens.)
    """
    if stat.S_ISSOCK(os.fstat(fd).st_mode):
        with socket.socket(fileno=os.dup(fd)) as sock:
            sock.shutdown(socket.SHUT_WR)
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, fd)
    finally:
        os.close(nowhere)


def _wake(waiter: "asyncio.Future[None] | None") -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
