"""A virtio port, as far as a pty can stand for one; test_guest_ports.py has a real one."""

import asyncio
import os
import pty
import sys
import tty
from pathlib import Path

import pytest

from guardpost.transports.virtio_port import is_virtio_port

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Linux's way")


@pytest.mark.parametrize(
    "path, said",
    [
        ("/dev/vport0p1", True),
        ("/dev/vport12p30", True),
        ("/dev/ttyS0", False),
        ("/dev/vport0p1x", False),
        ("/tmp/vport0p1", False),
    ],
)
def test_a_virtio_port_is_known_by_its_name(path: str, said: bool) -> None:
    assert is_virtio_port(path) is said


def test_udevs_name_for_it_is_followed(tmp_path: Path) -> None:
    link = tmp_path / "org.guardpost.0"
    link.symlink_to("/dev/vport0p1")
    assert is_virtio_port(str(link))


def test_bytes_pass_and_the_line_ends_when_it_hangs_up() -> None:
    from guardpost.errors import LineLost
    from guardpost.transports.virtio_port import VirtioPort

    async def story() -> None:
        far, near = pty.openpty()
        tty.setraw(near)
        port = VirtioPort(os.ttyname(near))
        os.write(far, b"from there")
        assert await port.read() == b"from there"
        await port.write(bytes(range(256)))
        assert os.read(far, 1000) == bytes(range(256))
        os.close(near)
        os.close(far)
        with pytest.raises(LineLost):
            await asyncio.wait_for(port.read(), 10)
        await port.close()
        await port.close()

    asyncio.run(story())


def test_a_closed_port_waits_for_nobody() -> None:
    from guardpost.transports.virtio_port import VirtioPort

    async def story() -> None:
        far, near = pty.openpty()
        port = VirtioPort(os.ttyname(near))
        reading = asyncio.create_task(port.read())
        await asyncio.sleep(0)
        await port.close()
        assert await asyncio.wait_for(reading, 10) == b""
        os.close(near)
        os.close(far)

    asyncio.run(story())


@pytest.mark.skipif(sys.platform != "linux", reason="epoll is Linux's")
def test_a_hangup_that_stays_wakes_nobody_and_its_end_does(tmp_path: Path) -> None:
    """A fifo hangs up for its reader as the port does, until somebody writes again."""
    from guardpost.transports.virtio_port import _Changes

    async def story() -> None:
        fifo = tmp_path / "port"
        os.mkfifo(fifo)
        here = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        os.close(os.open(fifo, os.O_WRONLY))  # there was somebody, who has left
        with _Changes(here) as changes:
            await changes.next(10)  # as it is now is the first thing told
            again = asyncio.create_task(changes.next(10))
            for _ in range(100):
                await asyncio.sleep(0)
            assert not again.done()
            there = os.open(fifo, os.O_WRONLY)
            os.write(there, b"back")
            await asyncio.wait_for(again, 9)
            os.close(there)
        os.close(here)

    asyncio.run(story())
