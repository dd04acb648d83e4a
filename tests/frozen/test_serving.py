"""The executable on a line: what it costs while it serves, and that it sleeps while it does not."""

import contextlib
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.bare_terminal import BareTerminal
from support.frozen import frozen_agent
from support.rig import Rig, rig
from support.tools import need

PATIENCE_SECONDS = 60.0
RESIDENT_KIB = 20_000
# As long as the agent looks at its port's settings while nobody writes.
BETWEEN_WAKE_UPS_SECONDS = 5


@contextlib.contextmanager
def agent() -> Iterator[tuple[Rig, int]]:
    """The executable on a rig's line, and its pid."""
    with rig(agent=None) as line:
        key = line.run("key").stdout.decode().strip()
        argv = [str(frozen_agent()), line.there, "--ephemeral", "--allow", key]
        with (line.folder / "agent.log").open("wb") as log:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while "words" not in line.agent_log():
                assert time.monotonic() < deadline, line.agent_log()
                time.sleep(0.02)
            yield line, process.pid
        finally:
            process.terminate()
            process.wait(10)


def resident_kib(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1])


def test_a_session_with_all_sorts_of_services_stays_small() -> None:
    with agent() as (line, pid):
        assert line.console("info").returncode == 0
        assert line.console("ps").returncode == 0
        found = line.console("exec", "echo", "from there")
        assert (found.stdout, found.returncode) == (b"from there\n", 0)
        (line.folder / "file").write_bytes(bytes(range(256)) * 1000)
        there = line.folder / "copy"
        assert line.run("put", line.here, str(line.folder / "file"), str(there)).returncode == 0
        assert there.read_bytes() == bytes(range(256)) * 1000
        assert resident_kib(pid) <= RESIDENT_KIB


@pytest.mark.slow
def test_while_nobody_talks_it_wakes_no_more_often_than_every_5_s() -> None:
    strace = need("strace")
    with agent() as (line, pid):
        with BareTerminal(line.here) as person:
            person.wakes(PATIENCE_SECONDS)
            time.sleep(10)  # until the last look in a hurry is over
            turns = 4
            seconds = str(turns * BETWEEN_WAKE_UPS_SECONDS)
            waits = "trace=epoll_wait,epoll_pwait,poll,ppoll,select,pselect6,futex,nanosleep"
            argv = ["timeout", seconds, strace, "-f", "-e", waits, "-p", str(pid)]
            done = subprocess.run(argv, capture_output=True, text=True)
        woken = [each for each in done.stderr.splitlines() if re.search(r"\) += ", each)]
        assert len(woken) <= turns + 1, done.stderr
        assert woken != [], done.stderr
