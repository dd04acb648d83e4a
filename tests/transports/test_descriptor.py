"""DescriptorStream: what the conformance tests cannot see from outside."""

import asyncio
import os
import pty
import selectors
import tty

import pytest

from guardpost.transports.descriptor import DescriptorStream


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


def test_one_read_takes_many_of_a_pty() -> None:
    async def story() -> None:
        master, slave = pty.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        os.set_blocking(slave, False)
        stream = DescriptorStream(slave, slave, "a pty", release=lambda: None)
        sent = bytes(range(256)) * 40
        assert os.write(master, sent) == len(sent)
        # A pty hands out 4 KiB at a time, and its end has nothing behind it to wait for.
        assert await stream.read() == sent
        await stream.close()
        os.close(master)
        os.close(slave)

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
