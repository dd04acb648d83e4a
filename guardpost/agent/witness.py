"""WitnessedChannel: a service's channel, which counts the bytes and remembers how it ended."""

from typing import NoReturn

from guardpost.aio.channel import Channel
from guardpost.errors import ChannelReset, ResetCode

__all__ = ["WitnessedChannel"]


class WitnessedChannel:
    """Implements guardpost.aio.channel.Channel; nothing is changed or kept of what passes."""

    def __init__(self, channel: Channel) -> None:
        self.reply = channel.reply
        self.sent = 0
        self.received = 0
        self.ending: ChannelReset | None = None
        """The first reset, whoever made it; None for a channel that was closed in order."""
        self._channel = channel
        self._is_over = False

    async def read(self, limit: int = 65536) -> bytes:
        try:
            data = await self._channel.read(limit)
        except ChannelReset as reset:
            raise self._ended(reset) from None
        self.received += len(data)
        return data

    async def write(self, data: bytes) -> None:
        try:
            await self._channel.write(data)
        except ChannelReset as reset:
            raise self._ended(reset) from None
        self.sent += len(data)

    async def wait_reset(self) -> NoReturn:
        try:
            await self._channel.wait_reset()
        except ChannelReset as reset:
            raise self._ended(reset) from None

    async def write_eof(self) -> None:
        try:
            await self._channel.write_eof()
            self._is_over = True
        except ChannelReset as reset:
            raise self._ended(reset) from None

    def reset(self, code: ResetCode, text: str = "") -> None:
        self.ending = self.ending or ChannelReset(code, text)
        self._channel.reset(code, text)

    async def close(self) -> None:
        await self._channel.close()

    def accept(self, reply: bytes = b"") -> None:
        self._channel.accept(reply)

    def _ended(self, reset: ChannelReset) -> ChannelReset:
        # Who has all that there was to come lets go so; its own half need not be closed then.
        if not (self._is_over and reset.code is ResetCode.CANCELLED):
            self.ending = self.ending or reset
        return reset
