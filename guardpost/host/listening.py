"""Sockets that listen: TCP on loopback unless told otherwise. Of unix sockets listening_path.py."""

import asyncio
import errno
import socket
import sys

from guardpost.errors import ServiceError

__all__ = ["BACKLOG", "CannotListen", "listen_on"]

_LOOPBACK = (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6))
_EVERYWHERE = (("0.0.0.0", socket.AF_INET), ("::", socket.AF_INET6))
BACKLOG = 256
_NO_SUCH_FAMILY = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


class CannotListen(ServiceError):
    word = "cannot-listen"


async def listen_on(
    bind: str, port: int, kind: socket.SocketKind = socket.SOCK_STREAM
) -> list[socket.socket]:
    """Non-blocking sockets of `kind` on `port` of `bind`: "" is loopback, "*" every interface.

    Port 0 lets the system choose, one for both families if it can be had. Raises CannotListen.
    """
    try:
        return _sockets(await _addresses(bind, kind), port, kind)
    except OSError as error:
        where = f"[{bind}]:{port}" if ":" in bind else f"{bind or '127.0.0.1'}:{port}"
        reason = error.strerror or error
        raise CannotListen(f"{where}: {reason}; choose another address or port") from None


async def _addresses(bind: str, kind: socket.SocketKind) -> list[tuple[str, int]]:
    if bind in ("", "localhost"):
        return list(_LOOPBACK)
    if bind == "*":
        return list(_EVERYWHERE)
    loop = asyncio.get_running_loop()
    try:
        # As bytes: getaddrinfo() would load the idna codec, which a small executable has not.
        name = bind.encode("ascii" if bind.isascii() else "idna")
        found = await loop.getaddrinfo(name, None, type=kind)
    except (UnicodeError, LookupError):
        raise OSError(errno.EINVAL, "no valid host name") from None
    return [(str(info[4][0]), info[0]) for info in found]


def _sockets(
    addresses: list[tuple[str, int]], port: int, kind: socket.SocketKind
) -> list[socket.socket]:
    made: list[socket.socket] = []
    chosen, refusal = port, None
    for address, family in addresses:
        try:
            made.append(_socket(family, address, chosen, kind))
        except OSError as error:
            # Without IPv6 its loopback cannot be had; with port 0 somebody may hold
            # there what was chosen for IPv4.
            if error.errno not in _NO_SUCH_FAMILY and not (made and not port):
                for each in made:
                    each.close()
                raise
            refusal = error
            continue
        chosen = made[-1].getsockname()[1]
    if not made and refusal is not None:
        raise refusal
    return made


def _socket(family: int, address: str, port: int, kind: socket.SocketKind) -> socket.socket:
    made = socket.socket(family, kind)
    try:
        if sys.platform == "win32":
            # There SO_REUSEADDR would let two programs listen on one port.
            made.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        elif kind is socket.SOCK_STREAM:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((address, port))
        if kind is socket.SOCK_STREAM:
            made.listen(BACKLOG)
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made
