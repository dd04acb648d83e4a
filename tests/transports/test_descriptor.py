"""DescriptorStream: what the conformance tests cannot see from outside."""

import asyncio
import os
import selectors
import socket

import pytest

from guardpost.aio.stream import Wait
from guardpost.transports.descriptor import FAIR_TURNS, DescriptorStream
from guardpost.transports.lineio import GATHERED_MAX_BYTES


class CountingSelector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.turns += 1
        return super().select(timeout)


def test_bytes_that_nobody_waits_for_do_not_keep_the_loop_busy() -> None:
    selector = CountingSelector()

    async def story() -> None:
        far, near = os.pipe()
        os.set_blocking(far, False)
        stream = DescriptorStream(far, near, "a pipe", release=lambda: None)
        reading = asyncio.create_task(stream.read())
        await asyncio.sleep(0)
        os.write(near, b"first")
        assert await reading == b"first"
        os.write(near, b"second")
        before = selector.turns
        await asyncio.sleep(0.05)
        assert selector.turns - before < 10
        assert await stream.read() == b"second"
        await stream.close()
        os.close(far)
        os.close(near)

    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
        runner.run(story())


def test_the_descriptors_are_released_once() -> None:
    released: list[str] = []

    async def story() -> None:
        far, near = os.pipe()
        stream = DescriptorStream(far, near, "a pipe", release=lambda: released.append("once"))
        stream.close_now()
        await stream.close()
        os.close(far)
        os.close(near)

    asyncio.run(story())
    assert released == ["once"]


def test_what_comes_4_kib_at_a_time_is_one_read() -> None:
    async def story() -> None:
        far, near = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)  # pieces, as of a pty
        far.setblocking(False)
        stream = DescriptorStream(far.fileno(), far.fileno(), "pieces", release=far.close)
        pieces = [os.urandom(4096), os.urandom(4096), os.urandom(500), b"later"]
        for piece in pieces:
            near.send(piece)
        assert await stream.read() == b"".join(pieces[:3])
        assert await stream.read() == b"later"
        await stream.close()
        near.close()

    asyncio.run(story())


def test_bytes_that_arrived_for_a_cancelled_read_are_the_next_one_s() -> None:
    async def story() -> None:
        far, near = os.pipe()
        os.set_blocking(far, False)
        stream = DescriptorStream(far, near, "a pipe", release=lambda: None)
        reading = asyncio.create_task(stream.read())
        await asyncio.sleep(0)
        os.write(near, b"bytes")
        # In one turn the loop reads them; the cancellation comes before the task runs again.
        asyncio.get_running_loop().call_soon(reading.cancel)
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert await stream.read() == b"bytes"
        await stream.close()
        os.close(far)
        os.close(near)

    asyncio.run(story())


def test_a_read_that_waits_for_its_turn_does_not_read_what_is_closed_meanwhile() -> None:
    async def story() -> None:
        far, near = os.pipe()
        other, other_near = os.pipe()
        os.set_blocking(far, False)
        os.set_blocking(other, False)
        os.write(other_near, b"not ours")
        # As if whoever opens a file next got the number.
        stream = DescriptorStream(far, near, "a pipe", release=lambda: os.dup2(other, far))
        for _ in range(FAIR_TURNS - 1):
            os.write(near, bytes(GATHERED_MAX_BYTES))
            assert len(await stream.read()) == GATHERED_MAX_BYTES
        reading = asyncio.create_task(stream.read())
        await asyncio.sleep(0)
        stream.close_now()
        assert await reading == b""
        assert os.read(far, 100) == b"not ours"
        for fd in (far, near, other, other_near):
            os.close(fd)

    asyncio.run(story())


@pytest.mark.parametrize("closes", [False, True])
def test_what_the_receiver_raises_ends_the_pump(closes: bool) -> None:
    async def story() -> None:
        far, near = os.pipe()
        os.set_blocking(far, False)
        stream = DescriptorStream(far, near, "a pipe", release=lambda: None)
        os.write(near, b"first")

        def receive(data: bytes) -> Wait:
            if closes:
                stream.close_now()
            raise ValueError(data)

        with pytest.raises(ValueError, match="first"):
            await stream.pump(receive)
        await stream.close()
        os.close(far)
        os.close(near)

    asyncio.run(story())
