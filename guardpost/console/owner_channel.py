"""One channel of one command, carried between its connection to the owner and the session."""

import asyncio
from collections.abc import Coroutine

from guardpost.aio.session_channel import SessionChannel
from guardpost.console import owner_protocol as wire
from guardpost.console.console import Console
from guardpost.console.owner_protocol import RecordSocket
from guardpost.errors import ChannelReset, GuardpostError, ResetCode

__all__ = ["OwnerChannel"]

_PIECE_BYTES = 65536
_READ_AHEAD_SECONDS = 0.25
_ROOM_MIN_BYTES = 4608  # the least the kernel allows
_ROOM_FIRST_BYTES = 16384  # before a rate is known
_ROOM_MAX_BYTES = 1 << 20


class OwnerChannel:
    """serve() finishes when the command let go of the channel, or went away."""

    def __init__(self, console: Console, control: RecordSocket, connection: RecordSocket) -> None:
        self._console = console
        self._control = control
        self._connection = connection
        self._number = 0
        self._room = 0
        self._let_go = False

    async def serve(self, opening: bytes) -> None:
        """`opening` is the payload of OPEN. Raises ConnectionError, ValueError."""
        _, self._number, service, request, interactive, compress = wire.unpack_open(opening)
        work = self._console.open(service, request, interactive=interactive, compress=compress)
        try:
            channel = await self._unless_gone(work)
        except ChannelReset as error:
            await self._refuse(error.code, error.text)
        except GuardpostError as error:
            await self._refuse(ResetCode.LOST, str(error))
        else:
            if channel is not None:
                self._room = self._wanted_room()
                answer = self._room.to_bytes(4, "little") + channel.reply
                await self._connection.send(wire.ACCEPTED, answer)
                await self._carry(channel)

    async def _refuse(self, code: ResetCode, text: str) -> None:
        await self._connection.send(wire.RESET, wire.pack_reset(self._number, int(code), text))

    async def _unless_gone(
        self, work: Coroutine[object, object, SessionChannel]
    ) -> SessionChannel | None:
        """What `work` opens; None when the command gave up first."""
        opening = asyncio.ensure_future(work)
        # Before the answer a command has nothing to say but that it goes.
        gone = asyncio.ensure_future(self._connection.receive())
        try:
            await asyncio.wait((opening, gone), return_when=asyncio.FIRST_COMPLETED)
            if not gone.done():
                return opening.result()
            if opening.done() and opening.exception() is None:
                opening.result().reset(ResetCode.CANCELLED)
            return None
        finally:
            opening.cancel()
            gone.cancel()
            await asyncio.gather(opening, gone, return_exceptions=True)

    async def _carry(self, channel: SessionChannel) -> None:
        up = asyncio.ensure_future(self._up(channel))
        down = asyncio.ensure_future(self._down(channel))
        broken = asyncio.ensure_future(self._broken(channel))
        try:
            await asyncio.wait((up, broken), return_when=asyncio.FIRST_COMPLETED)
            if broken.done():
                # The command knows; what came before it may still read.
                await asyncio.wait((down,))
        finally:
            for task in (up, down, broken):
                task.cancel()
            await asyncio.gather(up, down, broken, return_exceptions=True)
            if not self._let_go:
                channel.reset(ResetCode.CANCELLED)

    async def _up(self, channel: SessionChannel) -> None:
        """Returns when the command let go of the channel, or went away."""
        while (record := await self._connection.receive()) is not None:
            try:
                match record:
                    case (wire.DATA, data):
                        await channel.write(data)
                        # The next record may take a day, and this one 64 kB.
                        del data, record
                        self._tell_room()
                    case (wire.EOF, _):
                        await channel.write_eof()
                    case (wire.RESET, payload):
                        _, code, text = wire.unpack_reset(payload)
                        channel.reset(ResetCode(code), text)
                        self._let_go = True
                        return
                    case (wire.CLOSE, _):
                        # Before close(), which drops what _down() would read.
                        self._let_go = True
                        await channel.close()
                        return
            except ChannelReset:
                return  # _broken() says so

    async def _down(self, channel: SessionChannel) -> None:
        try:
            while data := await channel.read(_PIECE_BYTES):
                await self._connection.send(wire.DATA, data)
                del data  # as in _up()
            await self._connection.send(wire.EOF)
        except ChannelReset as error:
            reset = wire.pack_reset(self._number, int(error.code), error.text)
            await self._connection.send(wire.RESET, reset)
        except ConnectionError:
            pass

    async def _broken(self, channel: SessionChannel) -> None:
        try:
            await channel.wait_reset()
        except ChannelReset as error:
            reset = wire.pack_reset(self._number, int(error.code), error.text)
            self._control.post(wire.BROKEN, reset)
            self._connection.stop_receiving()

    # --- how much may wait between the command and us ---

    def _wanted_room(self) -> int:
        rate = self._console.rate
        wanted = _ROOM_FIRST_BYTES if rate is None else int(rate * _READ_AHEAD_SECONDS)
        return min(max(wanted, _ROOM_MIN_BYTES), _ROOM_MAX_BYTES)

    def _tell_room(self) -> None:
        wanted = self._wanted_room()
        if not self._room // 2 < wanted < self._room * 2:
            self._room = wanted
            self._control.post(wire.ROOM, wire.encode(channel=self._number, bytes=wanted))
