"""Forwards: what listens on one side and leads, connection by connection, to the other.

The syntax and the defaults are those of ssh's -L, -R and -D. Nothing here knows what opens a
tunnel.
"""

import asyncio
import contextlib
import re
import socket
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from guardpost.aio.channel import Channel
from guardpost.errors import ChannelReset, UsageError
from guardpost.host.listening import listen_on
from guardpost.host.listening_path import listen_on_path
from guardpost.services.listener import Listener, format_address
from guardpost.services.relay import SocketEnd, relay
from guardpost.services.socks import SocksError, SocksServer

__all__ = [
    "Forward",
    "Forwarder",
    "format_address",
    "parse_destination",
    "parse_dynamic",
    "parse_forward",
]

Tunnels = Callable[[str, int, str], Awaitable[Channel]]
"""Opens a tunnel to (host, port, path), as tunnel.open_tunnel does. Raises ChannelReset."""

# A client that says so slowly where it wants to go takes a place that another could have.
SOCKS_SECONDS = 20.0


# A word between colons; brackets let an IPv6 address be one.
_PART = re.compile(r"\[([^\[\]]*)\]|([^:\[\]]*)")


class Forward(NamedTuple):
    """Where to listen, and where to connect on the other side."""

    bind: str
    """An address or name; "" is loopback, "*" every interface."""

    port: int
    """0 lets the system choose."""

    host: str
    """Empty for -D: each client says its own."""

    host_port: int
    bind_path: str = ""
    """A unix socket to listen on instead."""

    path: str = ""
    """A unix socket to connect to instead."""

    @property
    def destination(self) -> str:
        """For a person."""
        return self.path or (format_address(self.host, self.host_port) if self.host else "SOCKS")


def parse_forward(text: str) -> Forward:
    """Parse ssh's `[BIND:]PORT:HOST:HOSTPORT`; `PORT` alone is that port of the host itself.

    An IPv6 address stands in brackets; BIND empty or `*` is every interface. A path stands for
    `[BIND:]PORT`, for `HOST:HOSTPORT`, or for both. Raises UsageError.
    """
    parts = _split(text)
    if any("/" in part for part in parts):
        return _parse_paths(text, parts)
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


def _parse_paths(text: str, parts: list[str]) -> Forward:
    match [("/" in part, part) for part in parts]:
        case [(True, bind_path), (True, path)]:
            return Forward("", 0, "", 0, bind_path, path)
        case [(True, bind_path), (False, host), (False, port)] if host:
            return Forward("", 0, host, _port(text, port, lowest=1), bind_path)
        case [(False, port), (True, path)]:
            return Forward("", _port(text, port), "", 0, path=path)
        case [(False, bind), (False, port), (True, path)]:
            return Forward(bind or "*", _port(text, port), "", 0, path=path)
    raise UsageError(f"{text}: not a forward; write [BIND:]PORT:/PATH or /PATH:HOST:HOSTPORT")


def parse_dynamic(text: str) -> Forward:
    """Parse ssh -D's `[BIND:]PORT`. Raises UsageError."""
    parts = _split(text)
    if "/" in text:
        return Forward("", 0, "", 0, bind_path=text)
    if len(parts) > 2:
        raise UsageError(f"{text}: not a port for SOCKS; write [BIND:]PORT")
    bind = (parts[0] or "*") if len(parts) == 2 else ""
    return Forward(bind, _port(text, parts[-1]), "", 0)


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
    refused is reset, so that its client sees an error and not an empty answer; a client of
    SOCKS is told why.
    """

    def __init__(self, tunnels: Tunnels, forward: Forward, report: Callable[[str], None]) -> None:
        self.forward = forward
        self.listening: list[tuple[str, int]] = []
        """(address, port) of each listening socket; the port is the one chosen for 0."""
        self._tunnels = tunnels
        self._report = report
        self._listener: Listener | None = None
        self._stack = contextlib.AsyncExitStack()

    @property
    def connections(self) -> int:
        """How many connections are open now."""
        return self._listener.connections if self._listener is not None else 0

    async def __aenter__(self) -> "Forwarder":
        """Listen. Raises CannotListen when the address, port or path cannot be had."""
        wanted = self.forward
        sockets: list[socket.socket]
        if wanted.bind_path:
            sockets = [listen_on_path(wanted.bind_path)]
        else:
            sockets = await listen_on(wanted.bind, wanted.port)
            self.listening = [each.getsockname()[:2] for each in sockets]
        listener = Listener(sockets, self._serve, self._report)
        self._listener = await self._stack.enter_async_context(listener)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    async def _serve(self, client: socket.socket, name: str) -> None:
        end = SocketEnd(client)
        there = self.forward.destination
        try:
            if self.forward.host or self.forward.path:
                await self._carry(end)
            else:
                there = await self._carry_socks(end)
            end.close()
        except ChannelReset as error:
            self._report(f"{name} to {there}: {error}")
        except _Refused as refusal:
            self._report(f"{name} to {refusal}")
        except OSError as error:
            self._report(f"{name} went away: {error.strerror or error}")
        finally:
            # After close() this does nothing.
            end.abort()

    async def _carry(self, end: SocketEnd) -> None:
        wanted = self.forward
        await relay(await self._tunnels(wanted.host, wanted.host_port, wanted.path), end)

    async def _carry_socks(self, end: SocketEnd) -> str:
        """Where it went. Raises _Refused, ChannelReset, OSError."""
        server = SocksServer()
        async with asyncio.timeout(SOCKS_SECONDS):
            host, port = await _asked(end, server)
        there = format_address(host, port)
        try:
            channel = await self._tunnels(host, port, "")
        except ChannelReset as error:
            await end.write(server.refused(error.code))
            end.close()
            raise _Refused(f"{there}: {error}") from None
        await end.write(server.granted())
        if server.rest:
            await channel.write(server.rest)
        await relay(channel, end)
        return there


class _Refused(Exception):
    """A client of SOCKS was told that it cannot have its connection."""


async def _asked(end: SocketEnd, server: SocksServer) -> tuple[str, int]:
    """Raises _Refused, OSError (TimeoutError too)."""
    while server.destination is None:
        data = await end.read(4096)
        if not data:
            raise ConnectionError("it ended before it said where to go")
        try:
            answer = server.feed(data)
        except SocksError as error:
            if error.answer:
                await end.write(error.answer)
            end.close()
            raise _Refused(f"SOCKS: {error}") from None
        if answer:
            await end.write(answer)
    return server.destination
