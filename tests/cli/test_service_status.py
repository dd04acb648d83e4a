"""What systemd hears of an agent's life, in the order in which it happens."""

import asyncio
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.memory_line import MemoryLine

from guardpost.aio.stream import ByteStream
from guardpost.cli.service_status import ServiceStatus
from guardpost.errors import NoSuchTarget

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no systemd there")

Hear = Callable[[], str]


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[tuple[dict[str, str], Hear]]:
    """The environment of a service, and what it says next."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(10)
        yield {"NOTIFY_SOCKET": str(tmp_path / "notify")}, lambda: listener.recv(4096).decode()


def test_ready_is_an_agent_that_waits_for_its_port(manager: tuple[dict[str, str], Hear]) -> None:
    environ, hears = manager
    line, sessions = MemoryLine(), list[bool]()
    line.plugged = False

    async def story() -> None:
        status = ServiceStatus(environ, sessions.append)
        told = status.told(line.open_b, lambda: "/dev/ttyS9", listens=False, is_open=False)
        with pytest.raises(NoSuchTarget):
            await told()
        assert hears() == "READY=1\nSTATUS=waiting: no such port; no session"
        line.plugged = True
        await told()
        assert hears() == "STATUS=/dev/ttyS9; no session"
        status.session(True)
        assert hears() == "STATUS=/dev/ttyS9; a session is live"
        status.session(False)
        assert hears() == "STATUS=/dev/ttyS9; no session"
        status.stopping()
        assert hears() == "STOPPING=1\nSTATUS=giving the port back"

    asyncio.run(story())
    assert sessions == [True, False]


@pytest.mark.parametrize("kind", ["listens", "is_open"])
def test_a_listener_and_an_open_port_are_ready_at_once(
    manager: tuple[dict[str, str], Hear], kind: str
) -> None:
    environ, hears = manager

    async def never() -> ByteStream:
        raise AssertionError("nobody asked for it")

    async def story() -> None:
        status = ServiceStatus(environ, lambda live: None)
        status.told(never, lambda: "here", listens=kind == "listens", is_open=kind == "is_open")
        assert hears() == "READY=1\nSTATUS=here; no session"

    asyncio.run(story())


def test_the_watchdog_is_fed_while_the_loop_turns(manager: tuple[dict[str, str], Hear]) -> None:
    environ, hears = manager

    async def never() -> ByteStream:
        raise AssertionError("nobody asked for it")

    async def story() -> None:
        status = ServiceStatus({**environ, "WATCHDOG_USEC": "30000"}, lambda live: None)
        status.told(never, lambda: "here", listens=True, is_open=False)
        assert hears().startswith("READY=1")
        for _ in range(3):
            assert await asyncio.to_thread(hears) == "WATCHDOG=1"
        status.stopping()
        while (said := await asyncio.to_thread(hears)) == "WATCHDOG=1":
            pass
        assert said.startswith("STOPPING=1")

    asyncio.run(story())
