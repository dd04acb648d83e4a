"""A command's end of one channel of the owner's session: a connection of its own."""

import asyncio
import socket
from collections.abc import Callable
from typing import NoReturn

from guardpost.console import owner_protocol as wire
from guardpost.console.owner_protocol import RecordSocket
from guardpost.errors import ChannelReset, LocalProtocolError, ResetCode

__all__ = ["GONE", "OwnedChannel"]

GONE = "the process that owned the line has ended; run the command again"
_PIECE_BYTES = 65536


class OwnedChannel:
    """Implements guardpost.aio.channel.Channel over a connection to the owner."""

    def __init__(self, number: int, sock: RecordSocket, forget: Callable[[int], None]) -> None:
        self.reply = b""
        self._number = number
        self._socket = sock
        self._forget = forget
        self._broken: asyncio.Future[ChannelReset] = asyncio.get_running_loop().create_future()
        self._unread = b""
        self._at_eof = False
        self._eof_sent = False
        self._writing = False

    async def begin(self, opening: bytes) -> None:
        """Send `opening` and wait for the answer. Raises ChannelReset."""
        try:
            await self._socket.send(wire.OPEN, opening)
        except ConnectionError:
            await self._raise_broken()
        record = await self._socket.receive()
        if record is None:
            await self._raise_broken()
        kind, payload = record
        if kind == wire.RESET:
            self.on_reset(*wire.unpack_reset(payload)[1:])
            await self._raise_broken()
        self.set_room(int.from_bytes(payload[:4], "little"))
        self.reply = payload[4:]

    def set_room(self, size: int) -> None:
        """How many bytes may wait between us and the owner, so that none waits there for long."""
        if not self._socket.closed:
            self._socket.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)

    async def read(self, limit: int = 65536) -> bytes:
        while not self._unread:
            if self._at_eof:
                return b""
            record = await self._socket.receive()
            if record is None:
                await self._raise_broken()
            match record:
                case (wire.DATA, data):
                    self._unread = data
                case (wire.EOF, _):
                    self._at_eof = True
                case (wire.RESET, payload):
                    self.on_reset(*wire.unpack_reset(payload)[1:])
                    await self._raise_broken()
        if limit >= len(self._unread):
            data, self._unread = self._unread, b""
        else:
            data, self._unread = self._unread[:limit], self._unread[limit:]
        return data

    async def write(self, data: bytes) -> None:
        self._raise_if_broken()
        self._writing = True
        try:
            for start in range(0, len(data), _PIECE_BYTES):
                await self._socket.send(wire.DATA, data[start : start + _PIECE_BYTES])
        except ConnectionError:
            await self._raise_broken()
        # Not in a `finally`: a record cut short by a cancellation leaves nothing else to be said.
        self._writing = False
        self._raise_if_broken()

    async def wait_reset(self) -> NoReturn:
        error = await asyncio.shield(self._broken)
        raise ChannelReset(error.code, error.text)

    async def write_eof(self) -> None:
        self._raise_if_broken()
        if not self._eof_sent:
            self._eof_sent = True
            try:
                await self._socket.send(wire.EOF)
            except ConnectionError:
                await self._raise_broken()

    def reset(self, code: ResetCode, text: str = "") -> None:
        if not self._broken.done() and not self._socket.closed:
            if not self._writing:
                self._socket.post(wire.RESET, wire.pack_reset(self._number, code, text))
            self._broken.set_result(ChannelReset(code, text))
        self._let_go()

    async def close(self) -> None:
        if not self._broken.done() and not self._socket.closed:
            try:
                await self.write_eof()
                await self._socket.send(wire.CLOSE)
            except (ConnectionError, ChannelReset):
                pass
        self._let_go()

    def accept(self, reply: bytes = b"") -> None:
        raise LocalProtocolError("accept() is for the agent's side")

    def on_reset(self, code: int, text: str) -> None:
        """The owner says that the channel is broken; what it still has for us can be read."""
        if not self._broken.done():
            self._broken.set_result(ChannelReset(_reset_code(code), text))

    def _let_go(self) -> None:
        self._socket.close()
        self._forget(self._number)

    def _raise_if_broken(self) -> None:
        if self._broken.done():
            error = self._broken.result()
            raise ChannelReset(error.code, error.text)

    async def _raise_broken(self) -> NoReturn:
        """The connection has ended; why stands on the control connection, perhaps just behind."""
        try:
            async with asyncio.timeout(1.0):
                await self.wait_reset()
        except TimeoutError:
            raise ChannelReset(ResetCode.LOST, GONE) from None


def _reset_code(code: int) -> ResetCode:
    try:
        return ResetCode(code)
    except ValueError:
        return ResetCode.FAILED
