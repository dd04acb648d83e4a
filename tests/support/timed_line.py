"""TimedLine: a SimulatedLine as two ByteStreams, under the clock of the running loop."""

import asyncio

from support.line import SimulatedLine

from guardpost.aio.stream import ByteStream
from guardpost.simline import Faults, Wire

__all__ = ["TimedLine"]


class _End:
    transparent = True

    def __init__(self, outgoing: Wire, incoming: Wire, pushed: dict[Wire, asyncio.Event]) -> None:
        self._outgoing = outgoing
        self._incoming = incoming
        self._pushed = pushed
        self._closed = False
        self._loop = asyncio.get_running_loop()

    async def read(self) -> bytes:
        changed = self._pushed[self._incoming]
        while not self._closed:
            now = self._loop.time()
            if data := self._incoming.pull(now):
                return data
            changed.clear()
            due = self._incoming.next_deadline(now)
            timer = self._loop.call_at(max(due, now + 1e-6), changed.set) if due else None
            try:
                await changed.wait()
            finally:
                if timer is not None:
                    timer.cancel()
        return b""

    async def write(self, data: bytes) -> None:
        while data and not self._closed:
            now = self._loop.time()
            data = data[self._outgoing.push(data, now) :]
            self._pushed[self._outgoing].set()
            if data:
                await asyncio.sleep(0.001)

    async def close(self) -> None:
        self._closed = True
        self._pushed[self._incoming].set()


class TimedLine:
    """Side "a" is the console's, "b" the agent's. Needs a running loop."""

    def __init__(self, line: SimulatedLine) -> None:
        self.line = line
        self._pushed = {line.ab: asyncio.Event(), line.ba: asyncio.Event()}

    async def open_a(self) -> ByteStream:
        return _End(self.line.ab, self.line.ba, self._pushed)

    async def open_b(self) -> ByteStream:
        return _End(self.line.ba, self.line.ab, self._pushed)

    def insert(self, towards_console: bytes) -> None:
        """The host's kernel writes this now."""
        self.line.ba.insert(towards_console, asyncio.get_running_loop().time())
        self._pushed[self.line.ba].set()

    def change(self, faults: Faults) -> None:
        """From now on these faults, both ways."""
        for wire, pushed in self._pushed.items():
            wire.change(faults, asyncio.get_running_loop().time())
            pushed.set()
