"""The service "udp": datagrams to one address from the agent's host, each kept whole.

The channel carries `length u16` (little-endian) and that many bytes, both ways. What the line
cannot take in time is dropped, as a network would; nothing is cut or joined. The agent connects its
socket, so that only that address is heard.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from guardpost.aio.channel import Channel, Opener
from guardpost.errors import ChannelReset, RemoteProtocolError, ResetCode
from guardpost.services.action import Action
from guardpost.services.records import decode_value

__all__ = ["SERVICE", "UdpForwarder", "UdpRequest", "action", "open_datagrams", "serve"]

SERVICE: Final = "udp"

IDLE_SECONDS: Final = 120.0
"""Without a datagram either way an association is over: RFC 4787, REQ-5, asks for 2 minutes."""

MOST_CLIENTS: Final = 64
_QUEUED: Final = 64
"""Datagrams of a client that wait for the line."""

_PAUSE_SECONDS: Final = 0.05

_LENGTH = struct.Struct("<H")
_LARGEST: Final = 65535


class UdpRequest(msgspec.Struct):
    """Where to; `host` is a name or an address."""

    host: str
    port: int


def action(request: bytes) -> Action:
    """What `request` wants, for the policy. Raises RemoteProtocolError when malformed."""
    wanted = decode_value(request, UdpRequest)
    if not wanted.host:
        raise RemoteProtocolError("the request names no host")
    if not 1 <= wanted.port <= 65535:
        raise RemoteProtocolError(f"there is no UDP port {wanted.port}")
    return Action("forward", wanted.host, wanted.port)


class _Datagrams:
    """Reads the datagrams of a channel."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._buffer = b""

    async def read(self) -> bytes | None:
        """None at a clean end. Raises ChannelReset, RemoteProtocolError."""
        while True:
            if len(self._buffer) >= 2:
                (length,) = _LENGTH.unpack_from(self._buffer)
                if len(self._buffer) >= 2 + length:
                    data = self._buffer[2 : 2 + length]
                    self._buffer = self._buffer[2 + length :]
                    return data
            more = await self._channel.read()
            if not more:
                if self._buffer:
                    raise RemoteProtocolError("the channel ended within a datagram")
                return None
            self._buffer += more


def _framed(data: bytes) -> bytes:
    return _LENGTH.pack(len(data)) + data


# --- the agent's half ---


async def serve(channel: Channel, request: bytes) -> None:
    """Raises nothing; whatever goes wrong ends `channel` with a reset."""
    from guardpost.host import dial

    wanted = decode_value(request, UdpRequest)
    try:
        sock = await dial.connect_datagrams(wanted.host, wanted.port)
    except dial.DialError as error:
        channel.reset(error.code, error.text)
        return
    try:
        channel.accept()
        await _Exchange(channel, sock).run()
        await channel.close()
    except RemoteProtocolError as error:
        channel.reset(ResetCode.PROTOCOL, str(error))
    except ChannelReset:
        pass
    except BaseException:
        channel.reset(ResetCode.CANCELLED)
        raise
    finally:
        sock.close()


class _Exchange:
    """Both directions of one association. It finishes when the console ends it, or nothing came
    for long."""

    def __init__(self, channel: Channel, sock: socket.socket) -> None:
        self._channel = channel
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()

    async def run(self) -> None:
        """Raises ChannelReset, RemoteProtocolError."""
        tasks = [asyncio.ensure_future(each()) for each in (self._out, self._back, self._idle)]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _out(self) -> None:
        datagrams = _Datagrams(self._channel)
        while (data := await datagrams.read()) is not None:
            self._last = self._loop.time()
            with contextlib.suppress(OSError):  # nobody listens there: as lost as anywhere
                await self._loop.sock_sendall(self._sock, data)

    async def _back(self) -> None:
        while True:
            try:
                data = await self._loop.sock_recv(self._sock, _LARGEST)
            except OSError:
                await asyncio.sleep(_PAUSE_SECONDS)  # the answer to one that nobody wanted
                continue
            self._last = self._loop.time()
            await self._channel.write(_framed(data))

    async def _idle(self) -> None:
        while (left := self._last + IDLE_SECONDS - self._loop.time()) > 0:
            await asyncio.sleep(left)


# --- the console's half ---


Client = tuple[Any, ...]
"""An address, as recvfrom() gives it."""


class UdpForwarder:
    """Datagrams to a port here go there, an association for each client; answers come back.

    Runs while its `async with` block does; owns `sock`. `open_channel` opens one association.
    """

    def __init__(
        self,
        sock: socket.socket,
        open_channel: Callable[[], Awaitable[Channel]],
        report: Callable[[str], None],
    ) -> None:
        self.dropped = 0
        """Datagrams that the line, or the number of clients, had no room for."""
        self._sock = sock
        self._open = open_channel
        self._report = report
        self._clients: dict[Client, asyncio.Queue[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "UdpForwarder":
        self._spawn(self._receive())
        return self

    async def __aexit__(self, *error: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._sock.close()

    async def _receive(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                data, client = await loop.sock_recvfrom(self._sock, _LARGEST)
            except OSError:
                await asyncio.sleep(_PAUSE_SECONDS)  # its client has gone
                continue
            queue = self._clients.get(client)
            if queue is None and len(self._clients) < MOST_CLIENTS:
                queue = self._clients[client] = asyncio.Queue(_QUEUED)
                self._spawn(self._associate(client, queue))
            try:
                if queue is None:
                    raise asyncio.QueueFull
                queue.put_nowait(data)
            except asyncio.QueueFull:
                self.dropped += 1

    async def _associate(self, client: Client, queue: "asyncio.Queue[bytes]") -> None:
        try:
            channel = await self._open()
            try:
                await self._carry(channel, client, queue)
            finally:
                channel.reset(ResetCode.CANCELLED)
        except (ChannelReset, RemoteProtocolError) as error:
            self._report(f"datagrams of {client}: {error}")
        finally:
            del self._clients[client]

    async def _carry(self, channel: Channel, client: Client, queue: "asyncio.Queue[bytes]") -> None:
        async def out() -> None:
            while True:
                await channel.write(_framed(await queue.get()))

        sending = asyncio.ensure_future(out())
        try:
            datagrams = _Datagrams(channel)
            loop = asyncio.get_running_loop()
            while (data := await datagrams.read()) is not None:
                try:
                    await loop.sock_sendto(self._sock, data, client)
                except OSError:
                    self.dropped += 1
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    def _spawn(self, work: "Awaitable[None]") -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def open_datagrams(opener: Opener, host: str, port: int) -> Channel:
    """One association to `host`:`port` over there. Raises ChannelReset."""
    return await opener.open(SERVICE, msgspec.msgpack.encode(UdpRequest(host, port)))
