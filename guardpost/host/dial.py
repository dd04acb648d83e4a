"""Connect to a name or an address over TCP, and say precisely why that failed.

All addresses of a name are tried, each with a short head start (RFC 8305, "Happy
Eyeballs"), since a rescue system often has one address family configured and not routed.
"""

import asyncio
import errno
import itertools
import os
import socket
import sys
from collections.abc import Sequence
from typing import Any

from guardpost.errors import ResetCode

__all__ = ["DialError", "connect", "connect_datagrams", "connect_path"]

# RFC 8305 section 8, "Connection Attempt Delay".
_HEAD_START_SECONDS = 0.25

# The most telling answer of several addresses comes first.
_BY_TELLING = (
    ResetCode.REFUSED,
    ResetCode.TIMEOUT,
    ResetCode.UNREACHABLE,
    ResetCode.FAILED,
)
_UNREACHABLE = {
    *(errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL),
    *(errno.EAFNOSUPPORT, getattr(errno, "EHOSTDOWN", errno.EHOSTUNREACH)),
}
# ConnectEx answers with these where connect() would set errno.
_WINDOWS = {1231: ResetCode.UNREACHABLE, 1232: ResetCode.UNREACHABLE, 121: ResetCode.TIMEOUT}

AddressInfo = tuple[int, int, int, str, Any]


class DialError(Exception):
    """No connection: `code` and `text` are what the peer is told."""

    def __init__(self, code: ResetCode, text: str = "") -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


async def connect(host: str, port: int, timeout: float) -> socket.socket:
    """Return a connected, non-blocking socket.

    `host` is a name or an address of either family, `timeout` seconds cover the look-up too.
    Raises DialError with REFUSED, UNREACHABLE, TIMEOUT, NAME_NOT_FOUND or FAILED.
    """
    try:
        async with asyncio.timeout(timeout):
            return await _race(_interleaved(await _resolve(host, port)))
    except TimeoutError:
        raise DialError(ResetCode.TIMEOUT, f"no answer in {timeout:g} s") from None


async def connect_datagrams(host: str, port: int) -> socket.socket:
    """A non-blocking UDP socket that sends to, and hears, only the first address of `host`.

    Raises DialError as connect() does.
    """
    addresses = await _resolve(host, port, socket.SOCK_DGRAM)
    family, kind, protocol, _, where = _interleaved(addresses)[0]
    try:
        sock = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _told_apart(error) from None
    try:
        sock.setblocking(False)
        sock.connect(where)  # of a datagram socket this does not wait
    except OSError as error:
        sock.close()
        raise _told_apart(error) from None
    return sock


async def connect_path(path: bytes, timeout: float) -> socket.socket:
    """As connect(), to a unix socket. Raises DialError: NOT_FOUND too."""
    if sys.platform == "win32":
        raise DialError(ResetCode.UNSUPPORTED, "there are no unix sockets on Windows")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        async with asyncio.timeout(timeout):
            await asyncio.get_running_loop().sock_connect(sock, path)
    except TimeoutError:
        sock.close()
        raise DialError(ResetCode.TIMEOUT, f"no answer in {timeout:g} s") from None
    except FileNotFoundError:
        sock.close()
        raise DialError(ResetCode.NOT_FOUND, "there is no such socket") from None
    except (OSError, ValueError) as error:
        sock.close()
        if isinstance(error, OSError):
            raise _told_apart(error) from None
        raise DialError(ResetCode.FAILED, "no path of a socket") from None
    except BaseException:
        sock.close()
        raise
    return sock


async def _resolve(
    host: str, port: int, kind: socket.SocketKind = socket.SOCK_STREAM
) -> Sequence[AddressInfo]:
    try:
        # As bytes: getaddrinfo() would load the idna codec even for a plain name.
        name = host.encode("ascii" if host.isascii() else "idna")
    except (UnicodeError, LookupError):  # a small executable has no idna codec
        raise DialError(ResetCode.NAME_NOT_FOUND, "no valid host name") from None
    if not name or b"\0" in name:
        raise DialError(ResetCode.NAME_NOT_FOUND, "no valid host name")
    try:
        # An address needs no look-up, and so no thread.
        return socket.getaddrinfo(name, port, type=kind, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        pass
    try:
        loop = asyncio.get_running_loop()
        return await loop.getaddrinfo(name, port, type=kind)
    except socket.gaierror as error:
        raise DialError(ResetCode.NAME_NOT_FOUND, error.strerror or "") from None
    except UnicodeError:
        raise DialError(ResetCode.NAME_NOT_FOUND, "no valid host name") from None


def _interleaved(addresses: Sequence[AddressInfo]) -> list[AddressInfo]:
    """RFC 8305 section 4: families take turns, the resolver's first choice begins."""
    if not addresses:
        raise DialError(ResetCode.NAME_NOT_FOUND, "the name has no address")
    first = [each for each in addresses if each[0] == addresses[0][0]]
    others = [each for each in addresses if each[0] != addresses[0][0]]
    return [each for pair in itertools.zip_longest(first, others) for each in pair if each]


async def _race(addresses: list[AddressInfo]) -> socket.socket:
    running: set[asyncio.Task[socket.socket]] = set()
    failures: list[DialError] = []
    waiting = iter(addresses)
    try:
        while True:
            following = next(waiting, None)
            if following is not None:
                running.add(asyncio.ensure_future(_connect_one(following)))
            elif not running:
                raise min(failures, key=lambda each: _BY_TELLING.index(each.code))
            done, running = await asyncio.wait(
                running,
                timeout=None if following is None else _HEAD_START_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
            connected = [task.result() for task in done if not _failure(task, failures)]
            for spare in connected[1:]:
                spare.close()
            if connected:
                return connected[0]
    finally:
        await _abandon(running)


def _failure(task: "asyncio.Task[socket.socket]", failures: list[DialError]) -> bool:
    error = task.exception()
    if isinstance(error, DialError):
        failures.append(error)
    elif error is not None:
        raise error
    return error is not None


async def _abandon(running: "set[asyncio.Task[socket.socket]]") -> None:
    for task in running:
        task.cancel()
    for result in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(result, socket.socket):
            result.close()


async def _connect_one(address: AddressInfo) -> socket.socket:
    family, kind, protocol, _, where = address
    try:
        sock = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _told_apart(error) from None
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, where)
    except OSError as error:
        sock.close()
        raise _told_apart(error) from None
    except BaseException:
        sock.close()
        raise
    return sock


def _told_apart(error: OSError) -> DialError:
    text = os.strerror(error.errno) if error.errno else str(error)
    if isinstance(error, ConnectionRefusedError):
        return DialError(ResetCode.REFUSED)
    if isinstance(error, TimeoutError):
        return DialError(ResetCode.TIMEOUT, text)
    if error.errno in _UNREACHABLE:
        return DialError(ResetCode.UNREACHABLE, text)
    return DialError(_WINDOWS.get(getattr(error, "winerror", 0), ResetCode.FAILED), text)
