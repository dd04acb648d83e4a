"""The process table, and signals that hit the right process or nobody."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from guardpost.host import processes
from guardpost.host.processes import (
    NoSuchProcess,
    SignalDenied,
    SignalRefused,
    UnknownSignal,
    kill,
    list_processes,
    signal_number,
)


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that sleeps until it is signalled."""
    code = "import time; print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_this_process_is_in_the_table_with_all_it_may_know_of_itself() -> None:
    table = list_processes()
    assert [each.pid for each in table] == sorted(each.pid for each in table)
    (own,) = [each for each in table if each.pid == os.getpid()]
    assert own.ppid == os.getppid()
    assert own.name
    assert own.argv
    assert all(isinstance(each, bytes) for each in own.argv)
    assert own.rss_bytes is not None
    assert own.rss_bytes > 1_000_000
    assert own.threads is not None
    assert own.threads >= 1
    assert own.started is not None
    assert own.cpu_seconds is not None
    assert own.user
    assert own.state


def test_a_process_that_vanished_keeps_its_pid_and_loses_the_rest() -> None:
    class Gone:
        pid = 4711

        def oneshot(self) -> "Gone":
            return self

        def __enter__(self) -> "Gone":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def __getattr__(self, name: str) -> object:
            def withheld() -> object:
                raise PermissionError(name)

            return withheld

    shown = processes._describe(Gone(), {})  # type: ignore[arg-type]
    assert shown == processes.ProcessInfo(pid=4711)


def test_a_name_that_is_no_text_can_still_be_sent() -> None:
    name = processes._encodable(b"a\xff".decode("utf-8", "surrogateescape"))
    assert name == "a\\udcff"
    assert name.encode("utf-8")


@pytest.mark.parametrize("name", ["15", "TERM", "SIGTERM", "term", "sigterm"])
def test_a_signal_has_many_names(name: str) -> None:
    assert signal_number(name) == signal.SIGTERM


@pytest.mark.parametrize("name", ["", "-9", "999", "NOPE", "SIG", "9 9", "²"])
def test_an_unknown_signal_is_said_so(name: str) -> None:
    with pytest.raises(UnknownSignal):
        signal_number(name)


@pytest.mark.parametrize("pid", [0, -1, -4711, 1])
def test_nothing_that_means_many_processes_or_init_is_signalled(pid: int) -> None:
    with pytest.raises(SignalRefused):
        kill(pid, "0")


def test_the_agent_signals_itself_only_by_force() -> None:
    with pytest.raises(SignalRefused):
        kill(os.getpid(), "0")
    kill(os.getpid(), "0", force=True)


def test_a_process_ends_by_the_signal(child: "subprocess.Popen[bytes]") -> None:
    kill(child.pid, "TERM")
    assert child.wait(10) == (1 if sys.platform == "win32" else -signal.SIGTERM)


def test_a_process_that_ended_is_told_from_one_withheld(child: "subprocess.Popen[bytes]") -> None:
    child.kill()
    child.wait(10)
    with pytest.raises(NoSuchProcess):
        kill(child.pid)
    with pytest.raises((NoSuchProcess, SignalDenied)):
        kill(2**70)


def test_a_pid_used_again_is_left_alone(child: "subprocess.Popen[bytes]") -> None:
    (shown,) = [each for each in list_processes() if each.pid == child.pid]
    assert shown.started is not None
    with pytest.raises(NoSuchProcess, match="another"):
        kill(child.pid, "KILL", started=shown.started - 60)
    assert child.poll() is None
    kill(child.pid, "KILL", started=shown.started)
    assert child.wait(10) != 0


@pytest.mark.skipif(sys.platform == "win32", reason="there is no user table file")
def test_users_come_from_the_local_table_and_damage_in_it_is_skipped(tmp_path: object) -> None:
    path = os.path.join(str(tmp_path), "passwd")
    with open(path, "w", encoding="utf-8") as file:
        file.write("root:x:0:0::/root:/bin/sh\n\n#x\nbroken:x\nann:x:1000:1000::/:/bin/sh\n")
    assert processes.user_names(path) == {0: "root", 1000: "ann"}
    assert processes.user_names(path + ".none") == {}
