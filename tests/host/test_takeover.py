"""Processes that have a port are held, and go on afterwards. (Units: tests/e2e/test_guest.py.)"""

import asyncio
import os
import pty
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from guardpost.errors import LineBusy
from guardpost.host.takeover import TakeOver


@pytest.fixture
def getty() -> Iterator["subprocess.Popen[bytes]"]:
    """A process with a port as its input: as far as we can tell, a getty."""
    master, slave = pty.openpty()
    process = subprocess.Popen(["sleep", "600"], stdin=slave)
    yield process
    process.kill()
    process.wait()
    os.close(slave)
    os.close(master)


def state(pid: int) -> str:
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_whoever_has_the_port_is_held_until_it_is_given_back(
    getty: "subprocess.Popen[bytes]",
) -> None:
    told: list[str] = []
    taken = TakeOver(told.append)
    for _ in range(2):  # a port may be opened more than once
        asyncio.run(taken.take("/dev/ttyS1", lambda: [getty.pid]))
        until(lambda: state(getty.pid) == "T")
    taken.give_back()
    until(lambda: state(getty.pid) == "S")
    assert told == [
        f"process {getty.pid}, which has /dev/ttyS1 open, is stopped until the agent ends",
        f"process {getty.pid} goes on",
    ]
    taken.give_back()
    assert len(told) == 2


def test_a_process_that_has_ended_meanwhile_is_forgotten(
    getty: "subprocess.Popen[bytes]",
) -> None:
    told: list[str] = []
    taken = TakeOver(told.append)
    asyncio.run(taken.take("/dev/ttyS1", lambda: [getty.pid]))
    getty.kill()
    getty.wait()
    asyncio.run(taken.take("/dev/ttyS1", lambda: [getty.pid]))
    taken.give_back()
    assert len(told) == 1


def test_the_first_process_keeps_its_port() -> None:
    with pytest.raises(LineBusy, match="held by the first process, which cannot be stopped"):
        asyncio.run(TakeOver(print).take("/dev/console", lambda: [1]))
