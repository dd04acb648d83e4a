import os
import subprocess
import sys
import time

import pytest

from guardpost.host.priority import NiceRefused, set_nice
from guardpost.host.processes import NoSuchProcess, list_processes

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has classes instead")


@pytest.fixture
def sleeper():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_a_process_gets_a_nice_value(sleeper) -> None:
    set_nice(sleeper.pid, 7)
    assert os.getpriority(os.PRIO_PROCESS, sleeper.pid) == 7
    (shown,) = [each for each in list_processes() if each.pid == sleeper.pid]
    assert shown.nice == 7


def test_a_number_used_again_is_left_alone(sleeper) -> None:
    (shown,) = [each for each in list_processes() if each.pid == sleeper.pid]
    set_nice(sleeper.pid, 3, started=shown.started)
    with pytest.raises(NoSuchProcess, match="another one"):
        set_nice(sleeper.pid, 9, started=time.time() - 9999)
    assert os.getpriority(os.PRIO_PROCESS, sleeper.pid) == 3


@pytest.mark.parametrize(("pid", "nice"), [(1, 20), (1, -21), (0, 0), (-1, 5)])
def test_what_is_no_process_or_no_value_is_refused(pid: int, nice: int) -> None:
    with pytest.raises(NiceRefused):
        set_nice(pid, nice)


def test_a_process_that_has_ended() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with pytest.raises(NoSuchProcess):
        set_nice(gone.pid, 5)
    with pytest.raises(NoSuchProcess):
        set_nice(gone.pid, 5, started=1.0)
    with pytest.raises(NoSuchProcess):
        set_nice(10**30, 5)
