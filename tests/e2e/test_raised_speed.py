"""--raise-baud over a simulated line whose speeds count, with real processes on real ptys."""

import json
import os
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from support.rig import Rig, rig

BASE = 115200
HIGHEST = 921600
RAISED = (HIGHEST, 460800, 230400)
"""A machine that stands still for a second loses its lease, and the next lower speed is taken."""
COUNT = 300_032
PATIENCE_SECONDS = 20.0
WRITES = "import sys; sys.stdout.buffer.write(bytes(range(256)) * ({} // 256))"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ptys")


def speed_of(path: str) -> int:
    """What a port is set to now, as any process sees it."""
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        named = {getattr(termios, f"B{each}"): each for each in (BASE, *RAISED)}
        return named.get(termios.tcgetattr(fd)[5], 0)
    finally:
        os.close(fd)


def speeds_of(made: Rig) -> tuple[int, int]:
    return speed_of(made.here), speed_of(made.there)


def log_of_owner(made: Rig) -> bytes:
    return b"".join(each.read_bytes() for each in Path(made.folder).rglob("*.log"))


def both_become(made: Rig, *speeds: int) -> bool:
    """Whether both ports come to have the same one of `speeds`."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        here, there = speeds_of(made)
        if here == there and here in speeds:
            return True
        time.sleep(0.02)
    return False


def raised_exec(made: Rig, *command: str) -> "subprocess.CompletedProcess[bytes]":
    options = ("-v", "--trust-new", f"--raise-baud={HIGHEST}", "--persist", "60")
    return made.run("exec", *options, made.here, *command, timeout=120)


def test_a_cable_runs_faster_and_everything_arrives() -> None:
    with rig("--real-speeds", baud=BASE) as made:
        began = time.monotonic()
        done = raised_exec(made, sys.executable, "-c", WRITES.format(COUNT))
        took = time.monotonic() - began
        assert done.returncode == 0, done.stderr
        assert done.stdout == bytes(range(256)) * (COUNT // 256)
        assert b"00 bit/s now, by agreement" in done.stderr, done.stderr
        # At the base speed these bytes alone take longer.
        assert took < COUNT / (BASE / 10), (took, done.stderr, made.agent_log())
        assert both_become(made, *RAISED), made.agent_log()
        line = json.loads(made.run("info", "--json", made.here).stdout)["line"]
        assert line["bits_per_second"] in RAISED, made.agent_log()
        made.run("owner", made.here, "stop")
        assert both_become(made, BASE), (speeds_of(made), made.agent_log())


def kill_and_restart_agent(made: Rig) -> None:
    assert raised_exec(made, "true").returncode == 0
    assert both_become(made, *RAISED), made.agent_log()
    assert made.agent_process is not None
    made.agent_process.kill()
    made.agent_process.wait(10)
    made.start_agent()
    assert both_become(made, BASE), (speeds_of(made), made.agent_log())


def test_an_agent_that_is_killed_and_started_again_is_found_at_the_base_speed() -> None:
    with rig("--real-speeds", baud=BASE) as made:
        kill_and_restart_agent(made)
        made.run("owner", made.here, "stop")
        assert raised_exec(made, "echo", "here").stdout == b"here\n", made.agent_log()
        assert both_become(made, *RAISED), made.agent_log()
        made.run("owner", made.here, "stop")
        made.stop_agent()
        assert speeds_of(made) == (BASE, BASE)


@pytest.mark.slow
def test_a_console_that_stays_learns_that_the_agent_was_restarted() -> None:
    with rig("--real-speeds", baud=BASE) as made:
        kill_and_restart_agent(made)
        done = made.run("exec", made.here, "true", timeout=90)
        assert b"the agent was restarted" in done.stderr, (done, made.agent_log())
        assert raised_exec(made, "echo", "here").stdout == b"here\n", made.agent_log()


def test_an_owner_that_is_killed_leaves_the_agent_at_the_base_speed() -> None:
    with rig("--real-speeds", baud=BASE) as made:
        assert raised_exec(made, "true").returncode == 0
        assert both_become(made, *RAISED), made.agent_log()
        said = json.loads(made.run("owner", "--json", made.here, "check").stdout)
        os.kill(said["owner"]["pid"], signal.SIGKILL)
        deadline = time.monotonic() + 20
        while speed_of(made.there) != BASE and time.monotonic() < deadline:
            time.sleep(0.02)
        assert speed_of(made.there) == BASE
        done = made.run("exec", "--trust-new", "--no-owner", made.here, "echo", "here", timeout=90)
        assert done.stdout == b"here\n", (done.stderr, made.agent_log())
        assert speeds_of(made) == (BASE, BASE)


@pytest.mark.parametrize(
    "line, agent, reason",
    [
        ((), (), b"a pty has no speed"),
        (("--real-speeds",), ("--no-raise-baud",), b"the agent refuses: it was started with"),
    ],
)
def test_a_console_says_why_the_speed_stays(
    line: tuple[str, ...], agent: tuple[str, ...], reason: bytes
) -> None:
    with rig(*line, baud=BASE, agent=agent) as made:
        done = raised_exec(made, "echo", "here")
        assert done.stdout == b"here\n", done.stderr
        if reason not in done.stderr:  # a command may be over before the agent has answered
            done = made.run("exec", "-v", made.here, "sleep", "1")
        assert reason in done.stderr + log_of_owner(made), done.stderr


def test_no_other_line_is_asked() -> None:
    with rig(baud=BASE, agent=None) as made:
        for target in ("amt:host", "ipmi:host", "tcp:host:1", "exec:cat"):
            done = made.run("exec", "--raise-baud", target, "true")
            assert done.returncode == 255
            assert b"usage" in done.stderr, done.stderr
            assert b"never over SOL" in done.stderr, done.stderr
