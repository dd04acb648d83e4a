"""The service manager hears whole facts, and nobody's absence stops an agent."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from guardpost.host.notify import ServiceManager

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no systemd there")


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(10)
        yield listener, str(tmp_path / "notify")


def test_facts_are_lines_of_one_datagram(manager: tuple[socket.socket, str]) -> None:
    listener, address = manager
    service = ServiceManager({"NOTIFY_SOCKET": address})
    service.tell(READY="1", STATUS="on /dev/ttyS1;\nno session")
    assert listener.recv(4096) == b"READY=1\nSTATUS=on /dev/ttyS1; no session"
    service.close()
    service.tell(STATUS="unheard")


def test_an_abstract_socket(tmp_path: Path) -> None:
    name = f"guardpost-{os.getpid()}-{tmp_path.name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        listener.settimeout(10)
        ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).tell(STOPPING="1")
        assert listener.recv(4096) == b"STOPPING=1"


def test_what_the_agent_starts_cannot_speak_for_it(manager: tuple[socket.socket, str]) -> None:
    environ = {"NOTIFY_SOCKET": manager[1], "WATCHDOG_USEC": "60000000", "PATH": "/bin"}
    assert ServiceManager(environ).listens
    assert environ == {"PATH": "/bin"}


@pytest.mark.parametrize("address", ["", "relative", "vsock:2:1234", "/nobody/is/here"])
def test_without_one_nothing_is_told_and_nothing_breaks(address: str) -> None:
    ServiceManager({"NOTIFY_SOCKET": address} if address else {}).tell(READY="1")


def test_a_manager_that_reads_nothing_is_not_waited_for(
    manager: tuple[socket.socket, str],
) -> None:
    service = ServiceManager({"NOTIFY_SOCKET": manager[1]})
    for _ in range(2000):
        service.tell(STATUS="x" * 2000)


@pytest.mark.parametrize(
    "microseconds, pid, seconds",
    [
        *(("90000000", "", 30.0), ("90000000", str(os.getpid()), 30.0)),
        *(("90000000", "1", None), ("", "", None), ("0", "", None), ("-5", "", None)),
    ],
)
def test_the_watchdog_is_for_the_process_it_names(
    microseconds: str, pid: str, seconds: float | None
) -> None:
    environ = {"WATCHDOG_USEC": microseconds, "WATCHDOG_PID": pid}
    assert ServiceManager(environ).watchdog_seconds == seconds
