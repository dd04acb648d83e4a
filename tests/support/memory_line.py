"""MemoryLine: two ByteStreams that are each other's far end, for stories without a kernel."""

import asyncio

from guardpost.aio.stream import ByteStream
from guardpost.errors import LineLost, NoSuchTarget

__all__ = ["MemoryLine"]


class _End:
    transparent = True

    def __init__(self, line: "MemoryLine", side: str) -> None:
        self._line = line
        self._side = side
        self._arrived = bytearray()
        self._changed = asyncio.Event()
        self.far: _End | None = None
        self.gone = False

    async def read(self) -> bytes:
        while not self._arrived:
            if self.gone:
                return b""
            self._changed.clear()
            await self._changed.wait()
        data = bytes(self._arrived)
        self._arrived.clear()
        return data

    async def write(self, data: bytes) -> None:
        while self._line.stuck == self._side and not self.gone:
            self._changed.clear()
            await self._changed.wait()
        if self.gone:
            raise LineLost("the line was unplugged")
        self._line.written[self._side] += len(data)
        if self.far is not None:
            self.far.arrive(data)

    def arrive(self, data: bytes) -> None:
        self._arrived += data
        self.wake()

    def wake(self) -> None:
        self._changed.set()

    def break_off(self) -> None:
        self.gone = True
        self.wake()

    async def close(self) -> None:
        self.break_off()


class MemoryLine:
    """Side "a" is the console's, "b" the agent's. What is written while nobody has the far end
    open is lost.

    `stuck`: the side whose writes wait.
    """

    def __init__(self) -> None:
        self.plugged = True
        self.stuck = ""
        self.written = {"a": 0, "b": 0}
        """Bytes that each side wrote."""
        self._ends: dict[str, _End | None] = {"a": None, "b": None}

    async def open(self, side: str) -> ByteStream:
        """Raises NoSuchTarget while the line is unplugged."""
        if not self.plugged:
            raise NoSuchTarget("no such port")
        end = _End(self, side)
        self._ends[side] = end
        other = self._ends["b" if side == "a" else "a"]
        if other is not None and not other.gone:
            end.far, other.far = other, end
        return end

    async def open_b(self) -> ByteStream:
        return await self.open("b")

    def is_open(self, side: str) -> bool:
        return self._ends[side] is not None

    def unplug(self) -> None:
        self.plugged = False
        self._break("a", "b")

    def plug(self) -> None:
        self.plugged = True

    def unstick(self) -> None:
        self.stuck = ""
        for end in self._ends.values():
            if end is not None:
                end.wake()

    def _break(self, *sides: str) -> None:
        for side in sides:
            end = self._ends[side]
            if end is not None:
                end.break_off()
            self._ends[side] = None
