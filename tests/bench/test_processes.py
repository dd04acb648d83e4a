import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from bench.processes import Processes

pytestmark = pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="needs Linux")

# Prints its own number and its child's, then waits to be ended.
FAMILY = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=0)
print(os.getpid(), child.pid, flush=True)
sum(range(2_000_000))
print("busy", flush=True)
child.wait()
"""

# Leaves its family, as a daemon does.
ORPHAN = """
import os
if os.fork(): os._exit(0)
os.setsid()
print(os.getpid(), flush=True)
os.read(0, 1)
"""


def lines_of(process: subprocess.Popen[bytes], count: int) -> list[list[bytes]]:
    assert process.stdout is not None
    return [process.stdout.readline().split() for _ in range(count)]


def test_children_count_and_end(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        started = processes.start(
            "far", sys.executable, "-c", FAMILY, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        (pids, _) = lines_of(started, 2)
        cost = processes.cost()
    assert cost.cpu_seconds > 0.001
    assert cost.far_bytes > 1e6
    assert cost.near_bytes == 0
    assert not any(psutil.pid_exists(int(pid)) for pid in pids)


def test_a_process_that_left_its_family_is_found(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        started = processes.start(
            "near", sys.executable, "-c", ORPHAN, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        ((pid,),) = lines_of(started, 1)
        started.wait()
        assert processes.cost().near_bytes > 1e6
    assert not psutil.pid_exists(int(pid))


def test_the_last_word_is_kept(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        processes.start("near", "sh", "-c", "echo one >&2; echo two >&2").wait()
        assert processes.said() == "two"
