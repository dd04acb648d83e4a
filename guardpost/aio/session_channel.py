"""SessionChannel: a channel of a live session as coroutines; its credit holds writers back."""

import asyncio
from typing import TYPE_CHECKING, NoReturn

from guardpost.errors import ChannelReset, ResetCode
from guardpost.protocol.channel import Channel as ProtocolChannel

if TYPE_CHECKING:
    from guardpost.aio.driver import Driver

__all__ = ["SessionChannel"]


class SessionChannel:
    """Implements guardpost.aio.channel.Channel over the connection that `driver` pumps."""

    def __init__(self, driver: "Driver", channel: ProtocolChannel) -> None:
        self._driver = driver
        self._channel = channel
        self._loop = asyncio.get_running_loop()
        self._readable: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._settled: asyncio.Future[None] = self._loop.create_future()
        self._broken: asyncio.Future[None] = self._loop.create_future()
        self._reset: ChannelReset | None = None
        self._abandoned = False
        self.reply = b""

    @property
    def service(self) -> str:
        return self._channel.service

    async def accepted(self) -> None:
        """Wait for the peer's answer to our open. Raises ChannelReset."""
        await self._settled
        self._raise_if_reset()

    def _raise_if_reset(self) -> None:
        if self._reset is not None:
            raise ChannelReset(self._reset.code, self._reset.text)

    def _is_live(self) -> bool:
        """Whether its session is: a goodbye ends that before the driver tells anybody."""
        association = self._driver.connection.association
        ours = association is not None and association.mux.shares is self._channel.shares
        if self._reset is None and not ours:
            self._end(ChannelReset(ResetCode.LOST, "the session is over"))
        return self._reset is None

    # --- what services do ---

    async def read(self, limit: int = 65536) -> bytes:
        while True:
            if self._is_live():
                data = self._driver.connection.read_channel(
                    self._channel, limit, self._driver.now()
                )
            else:
                data = self._channel.read(limit)  # what came before the session was lost
            if data:
                self._driver.wake()
                return data
            if self._channel.at_eof:
                return b""
            self._raise_if_reset()
            self._readable = self._loop.create_future()
            try:
                await self._readable
            finally:
                self._readable = None

    async def write(self, data: bytes) -> None:
        done = 0
        while done < len(data):
            if not self._is_live():
                break
            connection = self._driver.connection
            room = connection.channel_room(self._channel)
            if room:
                piece = data[done : done + room] if done or room < len(data) else data
                connection.write_channel(self._channel, piece, self._driver.now())
                done += len(piece)
                self._driver.wake()
                continue
            self._writable = self._loop.create_future()
            try:
                await self._writable
            finally:
                self._writable = None
        self._raise_if_reset()

    async def wait_reset(self) -> NoReturn:
        await asyncio.shield(self._broken)
        assert self._reset is not None
        raise ChannelReset(self._reset.code, self._reset.text)

    async def write_eof(self) -> None:
        if self._is_live():
            self._half_close()
        self._raise_if_reset()

    def _half_close(self) -> None:
        self._driver.connection.write_channel_eof(self._channel, self._driver.now())
        self._driver.wake()

    def reset(self, code: ResetCode, text: str = "") -> None:
        if not self._abandoned:  # after close() its session may be over, or another one
            self._break(code, text)

    def _break(self, code: ResetCode, text: str) -> None:
        if self._is_live():
            self._driver.connection.reset_channel(self._channel, code, text)
            self._driver.wake()
            self._end(ChannelReset(code, text))

    def accept(self, reply: bytes = b"") -> None:
        if self._is_live():
            self._driver.connection.accept_channel(self._channel, reply, self._driver.now())
            self._driver.wake()

    async def close(self) -> None:
        if self._abandoned or not self._is_live():
            return
        self._abandoned = True
        self._half_close()
        self._drain()

    def _drain(self) -> None:
        """Nobody reads any more: what comes is dropped, and refused once our part is through."""
        connection, now = self._driver.connection, self._driver.now()
        while connection.read_channel(self._channel, 65536, now):
            pass
        if self._channel.at_eof:
            self._driver.forget(self._channel)
        elif self._channel.sending.finished:
            self._break(ResetCode.CANCELLED, "")
        else:
            self._loop.call_later(0.5, self._drain_later)

    def _drain_later(self) -> None:
        if self._is_live():
            self._drain()

    # --- what the driver tells ---

    def on_readable(self) -> None:
        if self._readable is not None and not self._readable.done():
            self._readable.set_result(None)

    def on_writable(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    def on_accepted(self, reply: bytes) -> None:
        self.reply = reply
        if not self._settled.done():
            self._settled.set_result(None)

    def on_reset(self, code: ResetCode, text: str) -> None:
        self._end(ChannelReset(code, text))

    def _end(self, reset: ChannelReset) -> None:
        if self._reset is not None:
            return
        self._reset = reset
        self._driver.forget(self._channel)
        for future in (self._readable, self._writable, self._settled, self._broken):
            if future is not None and not future.done():
                future.set_result(None)
