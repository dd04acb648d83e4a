"""Many hosts in one process: each an agent at the far end of a simulated line of its own.

What the consoles' side costs is measured, so this one is cheap: bytes cross a line in lumps of
5 ms, as they come out of a USB adapter or a terminal server, and one timer serves all the lines
that carry something.

python -m bench.hosts COUNT FOLDER CONSOLE_KEY     makes FOLDER/line0, line1, ... and says "ready"
"""

import asyncio
import os
import pty
import sys
import tty
from pathlib import Path

from guardpost.agent.agent import Agent
from guardpost.agent.authorized import AuthorizedConsoles
from guardpost.errors import LineLost
from guardpost.identity import ephemeral

__all__ = ["RATE_BYTES", "TICK_SECONDS"]

RATE_BYTES = 11520.0
TICK_SECONDS = 0.005
_BUFFER_BYTES = 4096  # of the sender: what a UART's driver takes before a writer waits


class _Pace:
    """How many bytes one direction may carry by now: the rate's, since it became busy."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._bytes = 0

    def allowed(self, now: float) -> int:
        if self._since is None:
            self._since, self._bytes = now, 0
        return int((now - self._since) * RATE_BYTES) - self._bytes

    def carried(self, count: int) -> None:
        self._bytes += count

    def rest(self) -> None:
        """It has nothing to carry: what it could have carried meanwhile is gone."""
        self._since = None


class _Line:
    """The agent's end of one line: a ByteStream. The other end is the pty's slave."""

    transparent = True

    def __init__(self, link: Path, lines: "_Lines") -> None:
        self._lines = lines
        self._master, slave = pty.openpty()  # the slave stays open: a port outlives its users
        os.set_blocking(self._master, False)
        tty.setraw(slave)
        link.symlink_to(os.ttyname(slave))
        self._up, self._down = _Pace(), _Pace()
        self._arrived = bytearray()
        self._has_arrived = asyncio.Event()
        self._queue = bytearray()
        self._has_room = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._master, self._begin)

    async def read(self) -> bytes:
        while not self._arrived:
            self._has_arrived.clear()
            await self._has_arrived.wait()
        data = bytes(self._arrived)
        self._arrived.clear()
        return data

    async def write(self, data: bytes) -> None:
        while len(self._queue) >= _BUFFER_BYTES:
            self._has_room.clear()
            await self._has_room.wait()
        self._queue += data
        self._begin()

    async def close(self) -> None:
        """It stays: the process ends with it."""

    def _begin(self) -> None:
        self._loop.remove_reader(self._master)
        self._lines.carry(self)

    def tick(self, now: float) -> bool:
        """Carry what is due; False when there is nothing left to carry."""
        busy = self._tick_up(now)
        busy = self._tick_down(now) or busy
        if not busy:
            self._loop.add_reader(self._master, self._begin)
        return busy

    def _tick_up(self, now: float) -> bool:
        allowed = self._up.allowed(now)
        if allowed <= 0:
            return True
        try:
            data = os.read(self._master, allowed)
        except BlockingIOError:
            self._up.rest()
            return False
        self._up.carried(len(data))
        self._arrived += data
        self._has_arrived.set()
        return True

    def _tick_down(self, now: float) -> bool:
        if not self._queue:
            self._down.rest()
            return False
        count = min(self._down.allowed(now), len(self._queue))
        if count > 0:
            try:
                count = os.write(self._master, self._queue[:count])
            except BlockingIOError:
                count = 0  # nobody reads; a UART would lose it, here it waits
            self._down.carried(count)
            del self._queue[:count]
            self._has_room.set()
        return True


class _Lines:
    """The lines that carry something, and the one timer for all of them."""

    def __init__(self) -> None:
        self._busy: set[_Line] = set()
        self._loop = asyncio.get_running_loop()
        self._next = 0.0

    def carry(self, line: _Line) -> None:
        if not self._busy:
            self._next = self._loop.time()
            self._loop.call_soon(self._tick)
        self._busy.add(line)

    def _tick(self) -> None:
        now = self._loop.time()
        for line in list(self._busy):
            if not line.tick(now):
                self._busy.discard(line)
        if self._busy:
            self._next = max(self._next + TICK_SECONDS, now)
            self._loop.call_at(self._next, self._tick)


async def _never() -> _Line:
    raise LineLost("these lines do not come back")


async def _serve(count: int, folder: Path, console_key: str) -> None:
    lines = _Lines()
    serving = []
    for number in range(count):
        agent = Agent(
            identity=ephemeral(os.urandom),
            authorized=AuthorizedConsoles([console_key], standing_file=None),
            accounts=None,
            version="bench",
        )
        line = _Line(folder / f"line{number}", lines)
        serving.append(asyncio.ensure_future(agent.run(_never, line)))
    print("ready", flush=True)
    await asyncio.gather(*serving)


def main() -> None:
    count, folder, console_key = sys.argv[1:]
    asyncio.run(_serve(int(count), Path(folder), console_key))


if __name__ == "__main__":
    main()
