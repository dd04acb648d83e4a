"""ThreadedSerial over a port that is a stand-in: what Windows does, tested anywhere."""

import asyncio
import threading

import pytest

from guardpost.errors import LineLost
from guardpost.transports.serial_thread import AHEAD_BYTES, LARGEST_READ_BYTES, ThreadedSerial


class EndlessPort:
    """A port on which bytes never stop, until it fails."""

    def __init__(self, fails_after: int = 1 << 62) -> None:
        self.given = 0
        self.written = b""
        self.closed = threading.Event()
        self._fails_after = fails_after

    in_waiting = LARGEST_READ_BYTES

    def read(self, size: int = 1) -> bytes:
        if self.given >= self._fails_after:
            raise OSError("device removed")
        self.given += size
        return bytes(size)

    def write(self, data: bytes, /) -> int:
        self.written += data
        return len(data)

    def cancel_read(self) -> None:
        pass

    def cancel_write(self) -> None:
        pass

    def close(self) -> None:
        self.closed.set()


def test_the_thread_does_not_read_ahead_without_end() -> None:
    async def story() -> None:
        port = EndlessPort()
        stream = ThreadedSerial(port, "COM5")
        given = -1
        while port.given != given or given < AHEAD_BYTES:  # until it waits for us
            given = port.given
            await asyncio.sleep(0.01)
        assert given <= AHEAD_BYTES + 2 * LARGEST_READ_BYTES
        assert len(await stream.read()) == given
        await stream.close()
        assert port.closed.is_set()

    asyncio.run(story())


def test_what_came_before_a_failure_is_read_first() -> None:
    async def story() -> None:
        stream = ThreadedSerial(EndlessPort(fails_after=1000), "COM5")
        assert await stream.read()
        with pytest.raises(LineLost, match=r"COM5 is gone \(device removed\)"):
            await stream.read()
        await stream.close()

    asyncio.run(story())


def test_writes_go_out_in_order() -> None:
    async def story() -> None:
        port = EndlessPort()
        stream = ThreadedSerial(port, "COM5")
        for piece in (b"one ", b"two ", b"three"):
            await stream.write(piece)
        assert port.written == b"one two three"
        await stream.close()

    asyncio.run(story())
