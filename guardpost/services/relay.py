"""Carry bytes between a channel and a local end, each direction ending on its own.

What a service may share with another: no request, no policy, only the copying. Reading
ahead from the local end is bounded by the channel, which makes write() wait.
"""

import asyncio
import socket
import struct
import sys
from typing import Protocol

from guardpost.aio.channel import Channel
from guardpost.errors import ChannelReset, ResetCode
from guardpost.host.descriptors import DescriptorReader, DescriptorWriter, end_of_output

__all__ = ["DescriptorEnd", "LocalEnd", "SocketEnd", "relay"]

_READ_BYTES = 65536
_LAST_WORDS_SECONDS = 10.0


class LocalEnd(Protocol):
    """What stands at our side of a channel. Every method may raise OSError."""

    async def read(self, limit: int) -> bytes:
        """Up to `limit` bytes as soon as there is one; b"" at the end."""
        ...

    async def write(self, data: bytes) -> None: ...

    async def write_eof(self) -> None:
        """Pass on that nothing more will be written."""
        ...


class _HearsNoMore(BrokenPipeError):
    """The other side of a socket ended before this, and has now closed."""


class SocketEnd:
    """A connected stream socket. Owns it: close() or abort() must be called."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            # Small pieces must not wait for each other, and a peer that vanished must be noticed.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._sock = sock
        self._loop = asyncio.get_running_loop()

    async def read(self, limit: int) -> bytes:
        return await self._loop.sock_recv(self._sock, limit)

    async def write(self, data: bytes) -> None:
        try:
            await self._loop.sock_sendall(self._sock, data)
        except BrokenPipeError as error:
            raise _HearsNoMore(*error.args) from None

    async def write_eof(self) -> None:
        self._sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._sock.close()

    def abort(self) -> None:
        """Close with RST, so that the other side sees a broken connection and not an end."""
        no_linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        try:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
        except OSError:
            pass  # already unconnected
        self._sock.close()


class DescriptorEnd:
    """Two descriptors, as a program's standard input and output; None reads as an end."""

    def __init__(self, source: int | None, sink: int) -> None:
        self._reader = DescriptorReader(source) if source is not None else None
        self._writer = DescriptorWriter(sink)
        self._sink = sink

    async def read(self, limit: int) -> bytes:
        return await self._reader.read(limit) if self._reader else b""

    async def write(self, data: bytes) -> None:
        await self._writer.write(data)

    async def write_eof(self) -> None:
        end_of_output(self._sink)


async def relay(channel: Channel, end: LocalEnd) -> None:
    """Copy both ways until both have ended, then close `channel`; `end` stays the caller's.

    Raises ChannelReset when the channel broke and OSError when `end` did (the channel is then
    reset: PEER_RESET when the other side of `end` went away, else FAILED). Cancelled, it
    resets with CANCELLED.
    """
    halves = (
        asyncio.ensure_future(_to_channel(channel, end)),
        asyncio.ensure_future(_from_channel(channel, end)),
    )
    both = asyncio.gather(*halves)
    # Both halves may be waiting for `end`, and then neither would notice.
    broken = asyncio.ensure_future(channel.wait_reset())
    try:
        await asyncio.wait((both, broken), return_when=asyncio.FIRST_COMPLETED)
        await (both if both.done() else broken)
        await channel.close()
    except ChannelReset:
        raise
    except ConnectionError:
        channel.reset(ResetCode.PEER_RESET)
        raise
    except OSError as error:
        channel.reset(ResetCode.FAILED, error.strerror or str(error))
        raise
    except BaseException:
        channel.reset(ResetCode.CANCELLED)
        raise
    finally:
        for task in (*halves, broken):
            task.cancel()
        await asyncio.gather(*halves, both, broken, return_exceptions=True)


async def _to_channel(channel: Channel, end: LocalEnd) -> None:
    while data := await end.read(_READ_BYTES):
        await channel.write(data)
        del data  # the next piece may take a day, and this one 64 kB
    await channel.write_eof()


async def _from_channel(channel: Channel, end: LocalEnd) -> None:
    try:
        while data := await channel.read(_READ_BYTES):
            await end.write(data)
            del data
        await end.write_eof()
    except _HearsNoMore:
        await _let_last_words_pass(channel)
        raise


async def _let_last_words_pass(channel: Channel) -> None:
    """What `end` said last is still on its way: resetting the channel at once would lose it."""
    try:
        async with asyncio.timeout(_LAST_WORDS_SECONDS):
            while await channel.read(_READ_BYTES):
                pass
    except TimeoutError:
        pass
