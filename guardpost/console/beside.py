"""The bare line for a terminal: its own, or beside the session that a line's owner keeps.

Beside an owner, what the line says comes from it byte for byte, and what is typed goes out
between the frames of the session.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from guardpost.aio.stream import ByteStream
from guardpost.console import owner_protocol as wire
from guardpost.console.line import Line
from guardpost.console.linelock import LineLock, busy, holder
from guardpost.console.owner_client import connect_to_owner
from guardpost.console.owner_protocol import RecordSocket
from guardpost.errors import LineBusy, LineLost
from guardpost.protocol.framing import Profile

__all__ = ["LineBeside", "OwnedText"]


class OwnedText:
    """A ByteStream, and what the owner says of the session: the `profile` of its frames."""

    transparent = True

    def __init__(self, name: str, connection: RecordSocket, said: dict[str, Any]) -> None:
        self._name = name
        self._connection = connection
        self._pid = said.get("pid")
        profile = said.get("profile")
        self.profile = Profile(profile) if isinstance(profile, int) else None
        self.tell: Callable[[str], None] = lambda sentence: None
        """Gets what the owner has to say, a sentence each."""
        self._sending = asyncio.Lock()
        self._answers: list[asyncio.Future[bool]] = []

    async def read(self) -> bytes:
        while (record := await self._connection.receive()) is not None:
            kind, payload = record
            if kind == wire.DATA:
                return payload
            if kind == wire.TELL:
                self.tell(str(wire.decode(payload).get("text")))
            if kind == wire.BREAK:
                self._answer(bool(wire.decode(payload).get("sent")))
        while self._answers:
            self._answer(False)
        raise LineLost(f"the process that owned {self._name} has ended")

    def _answer(self, sent: bool) -> None:
        if self._answers and not (answer := self._answers.pop(0)).done():
            answer.set_result(sent)

    async def write(self, data: bytes) -> None:
        await self._send(wire.DATA, data)

    async def send_break(self) -> bool:
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._answers.append(answer)
        await self._send(wire.BREAK)
        return await answer

    async def _send(self, kind: int, payload: bytes = b"") -> None:
        try:
            async with self._sending:
                await self._connection.send(kind, payload)
        except ConnectionError:
            raise LineLost(f"the process that owned {self._name} has ended") from None

    def status(self) -> str:
        return f"beside the session of its owner (pid {self._pid})"

    async def close(self) -> None:
        self._connection.close()


class LineBeside:
    """Opens a line again and again; ours from the first time that nobody else has it."""

    def __init__(self, line: Line, kind: str) -> None:
        """`kind`: the command, for whoever then finds the line busy."""
        self._line = line
        self._lock = LineLock(line.name, kind)
        self._is_ours = False

    async def open(self) -> ByteStream:
        """Raises LineBusy (not an owner has it), and what opening the line raises."""
        if not self._is_ours:
            self._is_ours = self._lock.take()
        if self._is_ours:
            return await self._line.open()
        name = self._line.name
        connection = await connect_to_owner(name)
        if connection is not None:
            connection.post(wire.BESIDE, wire.encode(version=wire.VERSION))
            record = await connection.receive()
            if record is not None and record[0] == wire.STATUS:
                return OwnedText(name, connection, wire.decode(record[1]))
            connection.close()
        raise LineBusy(busy(name, *holder(name)))

    def release(self) -> None:
        self._lock.release()
