"""The services "listen" and "accept": ports of the agent's host that lead to the console.

The agent never opens a channel. "listen" holds the port as long as its channel lives, and tells
of each connection by a number; with "accept" and that number the console takes it. So each
connection is a channel that the policy has judged, as every other.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from guardpost.aio.channel import Channel, Opener
from guardpost.errors import ChannelReset, RemoteProtocolError, ResetCode, ServiceError
from guardpost.services.action import Action, is_within
from guardpost.services.asker import Asker
from guardpost.services.listener import Listener
from guardpost.services.records import RecordReader, decode_value, write_record
from guardpost.services.relay import SocketEnd, relay

__all__ = [
    "ACCEPT",
    "LISTEN",
    "AcceptRequest",
    "Arrived",
    "ListenReply",
    "ListenRequest",
    "accept",
    "accept_action",
    "listen",
    "listen_action",
    "serve_accept",
    "serve_listen",
]

LISTEN: Final = "listen"
ACCEPT: Final = "accept"


class ListenRequest(msgspec.Struct):
    """`host` is "" (loopback), "*", or an address; or `path` is that of a unix socket."""

    host: str = ""
    port: int = 0
    path: bytes = b""


class ListenReply(msgspec.Struct):
    """The addresses and ports that listen; none for a path."""

    listening: list[tuple[str, int]]


class Arrived(msgspec.Struct, array_like=True):
    """A connection that waits to be taken."""

    number: int
    client: str


class AcceptRequest(msgspec.Struct):
    number: int


# What an address is called here -> what is bound; each one is judged.
_NAMED: Final = {
    "": ("127.0.0.1", "::1"),
    "localhost": ("127.0.0.1", "::1"),
    "*": ("0.0.0.0", "::"),
}


def _parse(request: bytes) -> ListenRequest:
    wanted = decode_value(request, ListenRequest)
    if not 0 <= wanted.port <= 65535:
        raise RemoteProtocolError(f"there is no TCP port {wanted.port}")
    return wanted


def _actions(wanted: ListenRequest) -> list[Action]:
    if wanted.path:
        return [Action("listen", path=wanted.path)]
    hosts = _NAMED.get(wanted.host, (wanted.host,))
    return [Action("listen", host, wanted.port) for host in hosts]


def _action_at(wanted: ListenRequest, client: socket.socket) -> Action:
    """What has to be permitted for one connection: of two addresses, the one it came to."""
    actions = _actions(wanted)
    return actions[-1 if client.family == socket.AF_INET6 else 0]


def listen_action(request: bytes) -> Action:
    """What `request` wants first, for the policy. Raises RemoteProtocolError when malformed."""
    return _actions(_parse(request))[0]


def accept_action(request: bytes) -> Action:
    """That a connection may be taken was judged with its "listen", and is judged again there."""
    decode_value(request, AcceptRequest)
    return Action("accept")


# --- the agent's half ---


async def serve_listen(channel: Channel, request: bytes, asker: Asker) -> None:
    """Raises ChannelReset when the console goes away; what is refused resets `channel`."""
    wanted = _parse(request)
    if refusal := _refusal(wanted, asker):
        channel.reset(ResetCode.NOT_ALLOWED, refusal)
        return
    try:
        sockets = await _sockets(wanted, asker)
    except ServiceError as error:
        channel.reset(ResetCode.FAILED, str(error))
        return
    arrivals: asyncio.Queue[Arrived] = asyncio.Queue()
    waiting = asker.waiting()

    async def arrived(client: socket.socket, name: str) -> None:
        # A key or a permit that was taken out meanwhile counts for the next connection.
        still = asker.decide(_action_at(wanted, client))
        if still.allowed and (number := waiting.put(asker.key, client)):
            arrivals.put_nowait(Arrived(number, name))
        else:
            SocketEnd(client).abort()

    names = [each.getsockname()[:2] for each in sockets if not wanted.path]
    async with Listener(sockets, arrived, lambda line: None):
        channel.accept(msgspec.msgpack.encode(ListenReply(names)))
        telling = asyncio.ensure_future(_tell(channel, arrivals))
        ending = asyncio.ensure_future(_until_end(channel))
        try:
            await asyncio.wait((telling, ending), return_when=asyncio.FIRST_COMPLETED)
            for task in (telling, ending):
                if task.done():
                    task.result()
        finally:
            for task in (telling, ending):
                task.cancel()
            await asyncio.gather(telling, ending, return_exceptions=True)


def _refusal(wanted: ListenRequest, asker: Asker) -> str:
    """Why the second address may not be had; empty when it may, or the first one will do."""
    for further in _actions(wanted)[1:]:
        if wanted.host == "*":
            verdict = asker.decide(further)
            return "" if verdict.allowed else verdict.reason
        if not asker.consider(further).allowed:
            # Loopback is two addresses, of which one may be permitted alone.
            wanted.host = "127.0.0.1"
    return ""


async def _sockets(wanted: ListenRequest, asker: Asker) -> list[socket.socket]:
    """Raises CannotListen."""
    from guardpost.host.listening import listen_on
    from guardpost.host.listening_path import listen_on_path

    if not wanted.path:
        return await listen_on(wanted.host, wanted.port)
    roots = asker.verdict.roots
    return [listen_on_path(os.fsdecode(wanted.path), lambda real: is_within(real, roots))]


async def _tell(channel: Channel, arrivals: "asyncio.Queue[Arrived]") -> None:
    while True:
        await write_record(channel, await arrivals.get())


async def _until_end(channel: Channel) -> None:
    """The console says nothing on it; its half-close is the end."""
    while await channel.read():
        pass


async def serve_accept(channel: Channel, request: bytes, asker: Asker) -> None:
    """Carry one connection that has arrived."""
    wanted = decode_value(request, AcceptRequest)
    client = asker.waiting().take(asker.key, wanted.number)
    if client is None:
        channel.reset(ResetCode.NOT_FOUND, "no such connection waits any more")
        return
    end = SocketEnd(client)
    try:
        channel.accept()
        await relay(channel, end)
        end.close()
    except (ChannelReset, OSError):
        pass
    finally:
        end.abort()


# --- the console's half ---


async def listen(
    opener: Opener,
    wanted: ListenRequest,
    listening: Callable[[list[tuple[str, int]]], None],
    arrived: Callable[[Arrived], Awaitable[None]],
) -> None:
    """Have the agent listen until this is cancelled; `arrived` is run for each connection.

    `listening` is told where. Raises ChannelReset.
    """
    channel = await opener.open(LISTEN, msgspec.msgpack.encode(wanted))
    running: set[asyncio.Future[object]] = set()
    try:
        listening(decode_value(channel.reply, ListenReply).listening)
        records = RecordReader(channel)
        while (record := await records.read(Arrived)) is not None:
            task: asyncio.Future[object] = asyncio.ensure_future(arrived(record))
            running.add(task)
            task.add_done_callback(running.discard)
        raise ChannelReset(ResetCode.FAILED, "the agent listens no more")
    finally:
        channel.reset(ResetCode.CANCELLED)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def accept(opener: Opener, number: int) -> Channel:
    """The connection of that number. Raises ChannelReset."""
    return await opener.open(ACCEPT, msgspec.msgpack.encode(AcceptRequest(number)))
