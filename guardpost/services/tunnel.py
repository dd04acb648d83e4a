"""The service "tcp": one TCP connection from the agent's host, carried by a channel.

The channel's bytes are the connection's; half-close passes both ways, and a connection
that breaks resets the channel, as a broken channel resets the connection.
"""

import asyncio
import socket

import msgspec

from guardpost.aio.channel import Channel, Opener
from guardpost.errors import ChannelReset, RemoteProtocolError, ResetCode
from guardpost.host import dial
from guardpost.services.action import Action
from guardpost.services.records import decode_value
from guardpost.services.relay import SocketEnd, relay

__all__ = ["SERVICE", "TcpRequest", "action", "open_tunnel", "serve"]

SERVICE = "tcp"

CONNECT_SECONDS = 20.0


class TcpRequest(msgspec.Struct):
    """Where to connect; `host` is a name or an address (IPv6 without brackets)."""

    host: str
    port: int


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


async def serve(channel: Channel, request: bytes) -> None:
    """The agent's half. Raises nothing: whatever goes wrong ends `channel` with a reset."""
    try:
        wanted = _parse(request)
    except RemoteProtocolError as error:
        channel.reset(ResetCode.BAD_REQUEST, str(error))
        return
    # The console may send at once, or change its mind while we still connect.
    first_read = asyncio.ensure_future(channel.read())
    try:
        end = await _connect(channel, wanted, first_read)
        if end is not None:
            await _carry(channel, end, first_read)
    finally:
        first_read.cancel()
        await asyncio.gather(first_read, return_exceptions=True)


async def _connect(
    channel: Channel, wanted: TcpRequest, first_read: "asyncio.Future[bytes]"
) -> SocketEnd | None:
    connecting = asyncio.ensure_future(dial.connect(wanted.host, wanted.port, CONNECT_SECONDS))
    try:
        await asyncio.wait((connecting, first_read), return_when=asyncio.FIRST_COMPLETED)
        if first_read.done():
            first_read.result()
        return SocketEnd(await asyncio.shield(connecting))
    except dial.DialError as error:
        channel.reset(error.code, error.text)
    except ChannelReset:
        pass
    except asyncio.CancelledError:
        connecting.cancel()
        channel.reset(ResetCode.CANCELLED)
        raise
    connecting.cancel()
    for spare in await asyncio.gather(connecting, return_exceptions=True):
        if isinstance(spare, socket.socket):
            spare.close()
    return None


async def _carry(channel: Channel, end: SocketEnd, first_read: "asyncio.Future[bytes]") -> None:
    try:
        channel.accept()
        await relay(channel, end, first_read)
        end.close()
    except (ChannelReset, OSError):
        pass
    finally:
        # After close() this does nothing.
        end.abort()


async def open_tunnel(opener: Opener, host: str, port: int) -> Channel:
    """The console's half: a channel that is a TCP connection to `host`:`port` over there.

    Raises ChannelReset: REFUSED, UNREACHABLE, TIMEOUT, NAME_NOT_FOUND, NOT_ALLOWED, …
    """
    request = msgspec.msgpack.encode(TcpRequest(host, port))
    return await opener.open(SERVICE, request)
