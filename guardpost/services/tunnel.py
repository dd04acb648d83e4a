"""The services "tcp" and "unix": one connection from the agent's host, carried by a channel.

The channel's bytes are the connection's; half-close passes both ways, and a connection
that breaks resets the channel, as a broken channel resets the connection.
"""

import asyncio
import os
import socket
from collections.abc import Coroutine

import msgspec

from guardpost.aio.channel import Channel, Opener
from guardpost.errors import ChannelReset, RemoteProtocolError, ResetCode
from guardpost.services.action import Action, is_within
from guardpost.services.records import decode_value
from guardpost.services.relay import SocketEnd, relay

__all__ = ["SERVICE", "UNIX", "TcpRequest", "UnixRequest", "action", "open_tunnel", "serve"]
__all__ += ["serve_unix", "unix_action"]

SERVICE = "tcp"
UNIX = "unix"

CONNECT_SECONDS = 20.0


class TcpRequest(msgspec.Struct):
    """Where to connect; `host` is a name or an address (IPv6 without brackets)."""

    host: str
    port: int


class UnixRequest(msgspec.Struct):
    """An absolute path of a socket."""

    path: bytes


def _parse(request: bytes) -> TcpRequest:
    """Raise RemoteProtocolError when `request` names nothing one could connect to."""
    wanted = decode_value(request, TcpRequest)
    if not wanted.host:
        raise RemoteProtocolError("the request names no host")
    if not 1 <= wanted.port <= 65535:
        raise RemoteProtocolError(f"there is no TCP port {wanted.port}")
    return wanted


def action(request: bytes) -> Action:
    """What `request` wants, for the policy. Raises RemoteProtocolError when malformed."""
    wanted = _parse(request)
    return Action("forward", wanted.host, wanted.port)


def unix_action(request: bytes) -> Action:
    """As action(), of "unix"."""
    wanted = decode_value(request, UnixRequest)
    if not wanted.path:
        raise RemoteProtocolError("the request names no path")
    return Action("forward", path=wanted.path)


async def serve(channel: Channel, request: bytes) -> None:
    """The agent's half. Raises nothing: whatever goes wrong ends `channel` with a reset."""
    from guardpost.host import dial

    try:
        wanted = _parse(request)
    except RemoteProtocolError as error:
        channel.reset(ResetCode.BAD_REQUEST, str(error))
        return
    await _serve(channel, dial.connect(wanted.host, wanted.port, CONNECT_SECONDS))


async def serve_unix(channel: Channel, request: bytes, roots: tuple[bytes, ...] | None) -> None:
    """As serve(); what the path leads to, all links resolved, must lie under one of `roots`."""
    wanted = decode_value(request, UnixRequest)
    await _serve(channel, _connect_within(wanted.path, roots))


async def _connect_within(path: bytes, roots: tuple[bytes, ...] | None) -> socket.socket:
    """What is judged is held until it is connected to. Raises DialError."""
    from guardpost.host import dial
    from guardpost.host.held import held

    refused = dial.DialError(ResetCode.NOT_ALLOWED, "forward to this socket is not permitted")
    try:
        with held(path) as there:
            if not is_within(there.real, roots):
                raise refused
            return await dial.connect_path(there.via, CONNECT_SECONDS)
    except ValueError:
        raise dial.DialError(ResetCode.FAILED, "no path of a socket") from None
    except OSError as error:
        if not is_within(os.path.realpath(path), roots):
            raise refused from None
        if isinstance(error, FileNotFoundError):
            raise dial.DialError(ResetCode.NOT_FOUND, "there is no such socket") from None
        raise dial.DialError(ResetCode.FAILED, error.strerror or str(error)) from None


async def _serve(channel: Channel, dialling: Coroutine[None, None, socket.socket]) -> None:
    sock = await _connect(channel, dialling)
    if sock is not None:
        await _carry(channel, SocketEnd(sock))


async def _connect(
    channel: Channel, dialling: Coroutine[None, None, socket.socket]
) -> socket.socket | None:
    """None when it could not be done, or is no longer wanted; `channel` is then reset."""
    from guardpost.host import dial

    connecting = asyncio.ensure_future(dialling)
    broken = asyncio.ensure_future(channel.wait_reset())
    try:
        await asyncio.wait((connecting, broken), return_when=asyncio.FIRST_COMPLETED)
        if connecting.done():
            return connecting.result()
    except dial.DialError as error:
        channel.reset(error.code, error.text)
    except asyncio.CancelledError:
        channel.reset(ResetCode.CANCELLED)
        raise
    finally:
        connecting.cancel()
        broken.cancel()
        await asyncio.gather(connecting, broken, return_exceptions=True)
    return None


async def _carry(channel: Channel, end: SocketEnd) -> None:
    try:
        channel.accept()
        await relay(channel, end)
        end.close()
    except (ChannelReset, OSError):
        pass
    finally:
        # After close() this does nothing.
        end.abort()


async def open_tunnel(opener: Opener, host: str, port: int, path: str = "") -> Channel:
    """The console's half: a channel that is a connection to `host`:`port` over there, or to the
    unix socket `path`.

    Raises ChannelReset: REFUSED, UNREACHABLE, TIMEOUT, NAME_NOT_FOUND, NOT_ALLOWED, …
    """
    if path:
        return await opener.open(UNIX, msgspec.msgpack.encode(UnixRequest(os.fsencode(path))))
    request = msgspec.msgpack.encode(TcpRequest(host, port))
    return await opener.open(SERVICE, request)
