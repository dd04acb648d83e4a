"""Forwards: TCP ports that listen here and lead, connection by connection, into tunnels.

The syntax and the defaults are those of ssh -L. A Forwarder does not know what opens a
tunnel, so that it serves every kind of forward that starts with an accepted connection.
"""

import asyncio
import errno
import re
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import NamedTuple

from guardpost.aio.channel import Channel
from guardpost.errors import ChannelReset, ServiceError, UsageError
from guardpost.services.relay import SocketEnd, relay

__all__ = [
    "CannotListen",
    "Forward",
    "Forwarder",
    "format_address",
    "parse_destination",
    "parse_forward",
]

Tunnels = Callable[[str, int], Awaitable[Channel]]
"""Opens a tunnel to (host, port), as tunnel.open_tunnel does. Raises ChannelReset."""

_LOOPBACK = (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6))
_EVERYWHERE = (("0.0.0.0", socket.AF_INET), ("::", socket.AF_INET6))
_BACKLOG = 256
# Out of descriptors: those of finished connections come back.
_ACCEPT_PAUSE_SECONDS = 0.5
_NO_SUCH_FAMILY = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)

# A word between colons; brackets let an IPv6 address be one.
_PART = re.compile(r"\[([^\[\]]*)\]|([^:\[\]]*)")


class CannotListen(ServiceError):
    word = "cannot-listen"


class Forward(NamedTuple):
    """Where to listen here, and where to connect over there."""

    bind: str
    """An address or name; "" is loopback, "*" every interface."""

    port: int
    """0 lets the system choose."""

    host: str
    host_port: int


def parse_forward(text: str) -> Forward:
    """Parse ssh's `[BIND:]PORT:HOST:HOSTPORT`; `PORT` alone is that port of the host itself.

    An IPv6 address stands in brackets; BIND empty or `*` is every interface. Raises UsageError.
    """
    if "/" in text:
        raise UsageError(f"{text}: unix sockets cannot be forwarded yet; give TCP ports")
    parts = _split(text)
    if len(parts) == 1 and parts[0].isdigit():
        same = _port(text, parts[0], lowest=1)
        return Forward("", same, "127.0.0.1", same)
    if len(parts) not in (3, 4):
        raise UsageError(f"{text}: not a forward; write [BIND:]PORT:HOST:HOSTPORT")
    bind = (parts[0] or "*") if len(parts) == 4 else ""
    port, host, host_port = parts[-3:]
    if not host:
        raise UsageError(f"{text}: no host to connect to; write [BIND:]PORT:HOST:HOSTPORT")
    return Forward(bind, _port(text, port), host, _port(text, host_port, lowest=1))


def parse_destination(text: str, port: str | None = None) -> tuple[str, int]:
    """Parse `HOST:PORT` (divided at the last colon), or HOST and PORT as two words.

    Brackets around an IPv6 address are taken off. Raises UsageError.
    """
    host = text
    if port is None:
        host, colon, port = text.rpartition(":")
        if not colon:
            raise UsageError(f"{text}: no port; write HOST:PORT")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not host:
        raise UsageError(f"{text}: no host; write HOST:PORT")
    return host, _port(text, port, lowest=1)


def format_address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _split(text: str) -> list[str]:
    parts, at = [], 0
    while True:
        match = _PART.match(text, at)
        end = match.end() if match else at
        if match is None or (end < len(text) and text[end] != ":"):
            raise UsageError(f"{text}: brackets that do not close; write [ADDRESS]:PORT")
        parts.append(match[1] if match[1] is not None else match[2])
        if end == len(text):
            return parts
        at = end + 1


def _port(text: str, word: str, lowest: int = 0) -> int:
    if not (word.isascii() and word.isdigit() and lowest <= int(word) <= 65535):
        raise UsageError(f"{text}: {word or 'nothing'} is not a port ({lowest} to 65535)")
    return int(word)


class Forwarder:
    """One forward, listening while its `async with` block runs.

    `report` gets one line for each connection that failed. A connection whose tunnel is
    refused is reset, so that its client sees an error and not an empty answer.
    """

    def __init__(self, tunnels: Tunnels, forward: Forward, report: Callable[[str], None]) -> None:
        self.forward = forward
        self.listening: list[tuple[str, int]] = []
        """(address, port) of each listening socket; the port is the one chosen for 0."""
        self._tunnels = tunnels
        self._report = report
        self._sockets: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def connections(self) -> int:
        """How many connections are open now."""
        return len(self._tasks) - len(self._sockets)

    async def __aenter__(self) -> "Forwarder":
        """Listen. Raises CannotListen when the address or port cannot be had."""
        try:
            await self._listen()
        except OSError as error:
            self._close_sockets()
            where = format_address(self.forward.bind or "127.0.0.1", self.forward.port)
            raise CannotListen(
                f"{where}: {error.strerror or error}; choose another address or port"
            ) from None
        for listener in self._sockets:
            self._spawn(self._accept(listener))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._close_sockets()

    async def _listen(self) -> None:
        port, refusal = self.forward.port, None
        for address, family in await self._addresses():
            try:
                listener = _listening_socket(family, address, port)
            except OSError as error:
                # Without IPv6 its loopback cannot be had; with port 0 somebody may hold
                # there what was chosen for IPv4.
                chosen = self._sockets and not self.forward.port
                if error.errno not in _NO_SUCH_FAMILY and not chosen:
                    raise
                refusal = error
                continue
            self._sockets.append(listener)
            address, port = listener.getsockname()[:2]
            self.listening.append((address, port))
        if not self._sockets and refusal is not None:
            raise refusal

    async def _addresses(self) -> list[tuple[str, int]]:
        bind = self.forward.bind
        if bind in ("", "localhost"):
            return list(_LOOPBACK)
        if bind == "*":
            return list(_EVERYWHERE)
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(bind, None, type=socket.SOCK_STREAM)
        return [(str(info[4][0]), info[0]) for info in found]

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, address = await loop.sock_accept(listener)
            except OSError as error:
                self._report(f"cannot accept a connection: {error.strerror or error}")
                await asyncio.sleep(_ACCEPT_PAUSE_SECONDS)
                continue
            self._spawn(self._carry(SocketEnd(client), format_address(*address[:2])))

    async def _carry(self, end: SocketEnd, client: str) -> None:
        host, port = self.forward.host, self.forward.host_port
        try:
            await relay(await self._tunnels(host, port), end)
            end.close()
        except ChannelReset as error:
            self._report(f"{client} to {format_address(host, port)}: {error}")
        except OSError as error:
            self._report(f"{client} went away: {error.strerror or error}")
        finally:
            # After close() this does nothing.
            end.abort()

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _close_sockets(self) -> None:
        for listener in self._sockets:
            listener.close()


def _listening_socket(family: int, address: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            # There SO_REUSEADDR would let two programs listen on one port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener
