"""tcp: and unix: lines, and the listening side: tcp-listen: and unix-listen:.

A socket is somebody's door to a serial line (a terminal server, QEMU), so the listening
side takes one peer at a time: a second one is let in and shown out at once.
"""

import asyncio
import contextlib
import errno
import os
import socket
import stat
import sys
from collections.abc import Callable
from typing import Any

from guardpost.aio.stream import ByteStream
from guardpost.errors import LineBusy, LineLost, NoSuchTarget, TransportError
from guardpost.transports.target import Target, split_host_port

__all__ = ["Listener", "connect", "listen_once", "open_listener"]

KEEPALIVE_SECONDS = 15
"""A peer that vanished without a word (a pulled cable) is noticed after four of these."""

NO_ROOM_SECONDS = 0.5
"""Between two tries to let a peer in while this process, or the host, has no descriptor left."""

CONNECT_SECONDS = 10.0
"""For one address: the kernel would ask a dead one for two minutes, and the next never."""

LINGER_SECONDS = 0.5
"""For a peer to take our last bytes; those of QEMU and of terminal servers need milliseconds."""

NOBODY = "nobody listens there; check the address and the far end"

_NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


async def connect(target: Target, *, nobody: str = NOBODY) -> ByteStream:
    """Connect to unix:, or by TCP to what else has a HOST:PORT.

    Raises NoSuchTarget (nobody there, in the words `nobody`) or TransportError.
    """
    try:
        sock = await _connected(target)
    except OSError as error:
        raise _connect_error(target, error, nobody) from None
    return await _stream(sock, str(target), lambda: None)


async def listen_once(target: Target) -> ByteStream:
    """Listen, and wait for one peer; closing the line also ends the listening.

    Raises LineBusy (the address is in use) or TransportError.
    """
    listener = await open_listener(target)
    try:
        return await listener.accept(then=listener.close)
    except BaseException:
        listener.close()
        raise


async def open_listener(target: Target) -> "Listener":
    """Listen on tcp-listen: or unix-listen: for one peer after the other. Raises as listen_once."""
    try:
        sock = await _bound(target)
        sock.listen(8)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise LineBusy(f"{target}: the address is in use; stop whoever listens there") from None
        raise TransportError(f"{target}: {_reason(error)}") from None
    return Listener(sock, target)


class Listener:
    """Hands out one peer at a time; whoever comes while one lives is closed at once."""

    def __init__(self, sock: socket.socket, target: Target) -> None:
        self._socket = sock
        self._target = target
        self._came: asyncio.Queue[socket.socket | None] = asyncio.Queue()
        self._busy = False
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        if sys.platform == "win32":
            self._task = self._loop.create_task(self._take_peers())
        else:
            self._watch()

    @property
    def address(self) -> str:
        """Where it really listens, as a target to connect to: `tcp:127.0.0.1:40213`, `unix:/x`."""
        if self._target.scheme == "unix-listen":
            return f"unix:{self._target.address}"
        host, port = self._socket.getsockname()[:2]
        return f"tcp:[{host}]:{port}" if ":" in host else f"tcp:{host}:{port}"

    async def accept(self, *, then: Callable[[], None] | None = None) -> ByteStream:
        """The next peer; `then` is called when its line is closed.

        Raises LineLost when the listener is closed.
        """
        sock = await self._came.get()
        if sock is None:
            self._came.put_nowait(None)
            raise LineLost(f"{self._target} is closed")

        def released() -> None:
            self._busy = False
            if then is not None:
                then()

        return await _stream(sock, str(self._target), released)

    def close(self) -> None:
        """Stop listening; the peer that lives, if any, lives on. May be called twice."""
        if self._closed:
            return
        self._closed = True
        if self._task is not None:
            self._task.cancel()
        else:
            self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        while not self._came.empty():
            waiting = self._came.get_nowait()
            if waiting is not None:
                waiting.close()
        self._came.put_nowait(None)
        if self._target.scheme == "unix-listen":
            try:
                os.unlink(self._target.address)
            except OSError:
                pass

    def _on_knock(self) -> None:
        try:
            sock, _ = self._socket.accept()
        except OSError as error:
            if error.errno in _NO_ROOM:  # and the peer knocks on, as fast as the loop turns
                self._loop.remove_reader(self._socket.fileno())
                self._loop.call_later(NO_ROOM_SECONDS, self._watch)
            return  # or the peer has thought better of it
        self._let_in(sock)

    def _watch(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._socket.fileno(), self._on_knock)

    async def _take_peers(self) -> None:
        while True:
            try:
                sock, _ = await self._loop.sock_accept(self._socket)
            except OSError as error:
                if self._closed:
                    return
                if error.errno in _NO_ROOM:
                    await asyncio.sleep(NO_ROOM_SECONDS)
                continue
            self._let_in(sock)

    def _let_in(self, sock: socket.socket) -> None:
        if self._busy:
            sock.close()
            return
        self._busy = True
        self._came.put_nowait(sock)


async def _stream(sock: socket.socket, name: str, released: Callable[[], None]) -> ByteStream:
    sock.setblocking(False)
    if sock.family != getattr(socket, "AF_UNIX", None):
        _tune_tcp(sock)
    if sys.platform == "win32":
        from guardpost.transports.loop_streams import LoopStream

        reader, writer = await asyncio.open_connection(sock=sock)
        return LoopStream(reader, writer, name, released=released)
    else:
        from guardpost.transports.descriptor import DescriptorStream

        def release() -> None:
            sock.close()
            released()

        fd = sock.fileno()
        return DescriptorStream(fd, fd, name, release=release, linger=lambda: _linger(sock))


def _tune_tcp(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", KEEPALIVE_SECONDS),
        ("TCP_KEEPINTVL", KEEPALIVE_SECONDS),
        ("TCP_KEEPCNT", 3),
    ):
        option = getattr(socket, name, None)
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


async def _linger(sock: socket.socket) -> None:
    """Wait until the peer has read what we wrote: it then closes its end, too.

    What it still sends is taken: unread input would make our close a reset. QEMU drops what it
    has not read yet of a socket that is closed: every 30th goodbye, for instance.
    """
    with contextlib.suppress(OSError):  # TimeoutError is one
        sock.shutdown(socket.SHUT_WR)
        async with asyncio.timeout(LINGER_SECONDS):
            while await asyncio.get_running_loop().sock_recv(sock, 65536):
                await asyncio.sleep(0)  # else who floods us stops the clock


async def _connected(target: Target) -> socket.socket:
    loop = asyncio.get_running_loop()
    if target.scheme == "unix":
        if sys.platform == "win32":
            raise OSError(errno.EAFNOSUPPORT, "unix: is not for Windows")
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, target.address)
        except BaseException:
            sock.close()
            raise
        return sock
    host, port = split_host_port(target.address)
    failure = OSError(errno.EHOSTUNREACH, "no address")
    for family, kind, proto, _, address in await _addresses(host, port):
        sock = socket.socket(family, kind, proto)
        sock.setblocking(False)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await loop.sock_connect(sock, address)
            return sock
        except TimeoutError:
            sock.close()
            failure = OSError(errno.ETIMEDOUT, f"no answer within {CONNECT_SECONDS:g} s")
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
    raise failure


async def _addresses(host: str | None, port: int, flags: int = 0) -> list[Any]:
    """As getaddrinfo(3). Raises socket.gaierror, also for what can be no name."""
    loop = asyncio.get_running_loop()
    try:
        # As bytes: getaddrinfo() would load the idna codec, which a small executable has not.
        name = host.encode("ascii" if host.isascii() else "idna") if host is not None else None
        return await loop.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=flags)
    except (UnicodeError, LookupError):  # a label that is empty or too long
        raise socket.gaierror(socket.EAI_NONAME, "no name of a host") from None


async def _bound(target: Target) -> socket.socket:
    if target.scheme == "unix-listen":
        return _bound_unix(target.address)
    host, port = split_host_port(target.address)
    found = await _addresses(None if host == "*" else host, port, flags=socket.AI_PASSIVE)
    family, kind, proto, _, address = found[0]
    sock = socket.socket(family, kind, proto)
    try:
        sock.setblocking(False)
        if sys.platform != "win32":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    except BaseException:
        sock.close()
        raise
    return sock


def _bound_unix(path: str) -> socket.socket:
    if sys.platform == "win32":
        raise OSError(errno.EAFNOSUPPORT, "unix-listen: is not for Windows")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.setblocking(False)
    try:
        _remove_stale_socket(path)
        mask = os.umask(0o177)
        try:
            sock.bind(path)
        finally:
            os.umask(mask)
    except BaseException:
        sock.close()
        raise
    return sock


def _remove_stale_socket(path: str) -> None:
    """Remove a socket that nobody answers behind; never anything else."""
    if sys.platform == "win32":
        return
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.connect(path)
    except ConnectionRefusedError:
        os.unlink(path)
    except OSError:
        pass


def _connect_error(target: Target, error: OSError, nobody: str) -> TransportError:
    if isinstance(error, socket.gaierror):
        return NoSuchTarget(f"{target}: no host of that name; check the name")
    if error.errno in (errno.ENOENT, errno.ECONNREFUSED):
        return NoSuchTarget(f"{target}: {nobody}")
    if error.errno in (errno.EACCES, errno.EPERM):
        return TransportError(f"{target}: permission denied; check the owner of the socket")
    return TransportError(f"{target}: {_reason(error)}; check the address and the network")


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
