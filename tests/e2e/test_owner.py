"""One owner for many commands: real processes, a real agent, a simulated line."""

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.imports import loaded_by
from support.rig import Rig, rig

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="an owner needs unix sockets")

PATIENCE_SECONDS = 20.0


@pytest.fixture(scope="module")
def line() -> Iterator[Rig]:
    with rig() as made:
        ran(made, "exec", "--trust-new", made.here, "true")
        yield made


@pytest.fixture
def fresh(line: Rig) -> Rig:
    """The line, and nobody owns it."""
    ran(line, "owner", line.here, "stop")
    return line


def start(line: Rig, *words: str, stdin: int = subprocess.DEVNULL) -> "subprocess.Popen[bytes]":
    """In a session of its own, so that there is no terminal to ask on."""
    return subprocess.Popen(
        line.argv(*words),
        env=line.environment,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def end(process: "subprocess.Popen[bytes]", input: bytes | None = None) -> tuple[int, bytes, bytes]:
    out, err = process.communicate(input, timeout=PATIENCE_SECONDS)
    return process.returncode, out, err


def ran(line: Rig, *words: str) -> tuple[int, bytes, bytes]:
    return end(start(line, *words))


def said(line: Rig, *words: str) -> str:
    """The one line of a command that fails with 255 in plain exit codes."""
    code, out, err = ran(line, *words)
    assert (code, out, err.count(b"\n")) == (255, b"", 1), err
    return err.decode()


def owner(line: Rig) -> "dict[str, int | str]":
    """What `guardpost owner` says; {} when there is none."""
    found = json.loads(ran(line, "owner", line.here, "check", "--json")[1])["owner"]
    return found or {}


def until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextlib.contextmanager
def sleeping(line: Rig) -> "Iterator[tuple[subprocess.Popen[bytes], int]]":
    """A command that runs until it is ended, and its pid over there."""
    process = start(line, "exec", line.here, "sh", "-c", "echo $$; exec sleep 100")
    assert process.stdout is not None
    try:
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def lives(pid: int) -> bool:
    return os.path.exists(f"/proc/{pid}/exe")


# --- sharing ---


def test_two_first_commands_at_once_share_one_owner(fresh: Rig) -> None:
    both = [start(fresh, "exec", fresh.here, "echo", str(n)) for n in range(2)]
    assert [end(each) for each in both] == [(0, b"0\n", b""), (0, b"1\n", b"")]
    assert owner(fresh)["state"] == "live"


def test_the_next_command_joins_and_finds_its_status(line: Rig) -> None:
    ran(line, "exec", line.here, "true")
    before = owner(line)["pid"]
    assert ran(line, "exec", line.here, "sh", "-c", "exit 7")[0] == 7
    assert owner(line)["pid"] == before


def test_much_goes_both_ways_through_it(line: Rig) -> None:
    data = os.urandom(150_000)
    process = start(line, "exec", line.here, "cat", stdin=subprocess.PIPE)
    assert end(process, data) == (0, data, b"")


def test_info_shows_the_line_too(line: Rig) -> None:
    code, out, _ = ran(line, "info", "--json", line.here)
    assert code == 0
    assert json.loads(out)["line"]["profile_to_agent"] == "clean"


def test_ctrl_c_ends_only_its_own_command(line: Rig) -> None:
    with sleeping(line) as (first, first_pid), sleeping(line) as (second, second_pid):
        first.send_signal(signal.SIGINT)
        assert first.wait(PATIENCE_SECONDS) == 130
        until(lambda: not lives(first_pid))
        assert lives(second_pid)
        assert second.poll() is None


def test_a_killed_command_ends_over_there_as_well(line: Rig) -> None:
    with sleeping(line) as (process, pid):
        process.kill()
        until(lambda: not lives(pid))


def test_persist_says_how_long_it_stays(fresh: Rig) -> None:
    assert ran(fresh, "exec", "--persist", "0", fresh.here, "true")[0] == 0
    until(lambda: not owner(fresh))
    assert ran(fresh, "owner", fresh.here, "check") == (1, b"no owner\n", b"")


def test_stop_ends_it_and_what_runs_through_it(line: Rig) -> None:
    with sleeping(line) as (process, _):
        assert ran(line, "owner", line.here, "stop")[0] == 0
        code, _, err = end(process)
        assert (code, err.split()[1]) == (255, b"line-lost:")
    assert not owner(line)


def test_a_killed_owner_is_line_lost_and_the_next_supersedes_it(line: Rig) -> None:
    with sleeping(line) as (process, pid):
        os.kill(int(owner(line)["pid"]), signal.SIGKILL)
        code, _, err = end(process)
        assert (code, err.split()[1]) == (255, b"line-lost:")
        assert ran(line, "exec", line.here, "echo", "again") == (0, b"again\n", b"")
        until(lambda: not lives(pid))


def test_a_command_without_channels_learns_of_the_end_too(line: Rig) -> None:
    options = ("--exit-codes=detailed", "-L", "0:127.0.0.1:9")
    process = start(line, "forward", *options, line.here)
    assert process.stderr is not None
    assert process.stderr.readline().startswith(b"guardpost: forwarding ")
    os.kill(int(owner(line)["pid"]), signal.SIGKILL)
    code, _, err = end(process)
    assert (code, err.splitlines()[-1].split()[1]) == (6, b"line-lost:")


@pytest.mark.parametrize("words", ["exec TARGET true", "ps TARGET", "info TARGET"])
def test_joining_loads_only_what_a_command_needs(line: Rig, words: str) -> None:
    ran(line, "exec", line.here, "true")
    ours = {"protocol", "identity", "trust", "host.children", "host.processes", "host.facts"}
    others = {"nacl", "cffi", "serial", "psutil", "rich", "argcomplete"}
    # What the standard library would bring for something that is not done here.
    standard = {"_ssl", "pathlib", "shutil", "tempfile", "urllib", "random", "tomllib"}
    loaded = loaded_by(*words.replace("TARGET", line.here).split(), environment=line.environment)
    assert "guardpost.console.owner_client" in loaded
    assert {*(f"guardpost.{each}" for each in ours), *others, *standard} & loaded == set()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_neither_agent_nor_owner_carries_openssl_or_compressors_of_files(line: Rig) -> None:
    ran(line, "exec", line.here, "true")
    assert line.agent_process is not None
    for pid in (line.agent_process.pid, owner(line)["pid"]):
        mapped = Path(f"/proc/{pid}/maps").read_text()
        assert "_sodium" in mapped
        assert not [each for each in ("libssl", "_lzma", "_bz2") if each in mapped]


def pidfd_works() -> bool:
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True


@pytest.mark.skipif(not pidfd_works(), reason="a kernel before 5.3")
def test_a_program_that_runs_takes_the_agent_no_thread(line: Rig) -> None:
    ran(line, "exec", line.here, "true")
    assert line.agent_process is not None
    tasks = f"/proc/{line.agent_process.pid}/task"
    before = len(os.listdir(tasks))
    with sleeping(line):
        assert len(os.listdir(tasks)) == before


# --- refusals ---


def test_another_identity_is_refused_with_the_owner_s_pid(line: Rig) -> None:
    ran(line, "exec", line.here, "true")
    other = str(line.folder / "other.key")
    error = said(line, "exec", "--identity", other, line.here, "true")
    assert error.startswith("guardpost: line-busy: ")
    assert f"(pid {owner(line)['pid']})" in error
    assert "another identity" in error


def test_another_agent_key_or_psk_is_refused(line: Rig) -> None:
    ran(line, "exec", line.here, "true")
    key = ran(line, "key", "--identity", str(line.folder / "other.key"))[1].decode().strip()
    assert "agent of another key" in said(line, "exec", "--agent-key", key, line.here, "true")
    assert "another psk" in said(line, "exec", "--psk", "/nowhere", line.here, "true")
    agent = (line.folder / "config/guardpost/known_agents").read_text().split()[-1]
    assert ran(line, "exec", "--agent-key", agent, line.here, "true")[0] == 0


def test_no_owner_is_refused_while_one_lives_and_the_other_way_round(fresh: Rig) -> None:
    ran(fresh, "exec", fresh.here, "true")
    pid = owner(fresh)["pid"]
    error = said(fresh, "exec", "--no-owner", fresh.here, "true")
    assert error.startswith("guardpost: line-busy: ")
    assert f"pid {pid}" in error
    ran(fresh, "owner", fresh.here, "stop")
    direct = start(fresh, "exec", "--no-owner", fresh.here, "sh", "-c", "echo; exec sleep 100")
    assert direct.stdout is not None
    direct.stdout.readline()
    error = said(fresh, "exec", fresh.here, "true")
    assert f"line-busy: serial:{os.path.realpath(fresh.here)} is held by" in error
    assert f"(pid {direct.pid})" in error
    direct.send_signal(signal.SIGINT)
    assert end(direct)[0] == 130


# --- trust ---


def test_an_unknown_agent_is_refused_where_there_is_nobody_to_ask(fresh: Rig) -> None:
    known = ("--known-agents", str(fresh.folder / "empty"))
    assert "unknown-agent" in said(fresh, "exec", *known, fresh.here, "true")
    assert "unknown-agent" in said(fresh, "exec", "--no-owner", *known, fresh.here, "true")


def test_trust_new_stores_and_a_changed_key_is_refused(fresh: Rig) -> None:
    file = fresh.folder / "changing"
    options = ("--persist", "0", "--known-agents", str(file))
    assert ran(fresh, "exec", "--trust-new", *options, fresh.here, "true")[0] == 0
    name, key = file.read_text().split()
    assert name == f"serial:{os.path.realpath(fresh.here)}"
    assert len(key) == 44
    until(lambda: not owner(fresh))
    file.write_text(f"{name} {'A' * 43}=\n")
    error = said(fresh, "exec", "--trust-new", *options, fresh.here, "true")
    assert error.startswith("guardpost: agent-key-changed: ")
    assert f"guardpost key --forget {name}" in error
    forget = ("key", "--known-agents", str(file), "--forget", fresh.here)
    assert ran(fresh, *forget)[0] == 0
    assert file.read_text().split() == []


def test_the_wrong_agent_key_is_refused(fresh: Rig) -> None:
    options = ("--exit-codes=detailed", "--agent-key", f"{'A' * 43}=")
    code, _, err = ran(fresh, "info", *options, fresh.here)
    assert (code, err.split()[1]) == (5, b"agent-key-changed:")


@pytest.mark.parametrize("way", [(), ("--no-owner",)])
@pytest.mark.parametrize(("answer", "code"), [(b"yes\n", 0), (b"no\n", 255)])
def test_a_person_is_asked_on_the_terminal(
    fresh: Rig, tmp_path: Path, way: tuple[str, ...], answer: bytes, code: int
) -> None:
    file = tmp_path / "asked"
    options = ("--persist", "0", *way, "--known-agents", str(file))
    argv = fresh.argv("exec", *options, fresh.here, "echo", "done")
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(argv[0], argv, fresh.environment)
    shown = b""
    while not shown.endswith(b"[yes/no] "):
        assert select.select([terminal], [], [], PATIENCE_SECONDS)[0], shown
        shown += os.read(terminal, 4096)
    os.write(terminal, answer)
    with contextlib.suppress(OSError):
        while more := os.read(terminal, 4096):
            shown += more
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == code, shown
    assert file.exists() == (code == 0)


def test_a_key_file_that_others_can_read_is_refused(fresh: Rig) -> None:
    open_key = fresh.folder / "open.key"
    ran(fresh, "key", "--identity", str(open_key))
    open_key.chmod(0o644)
    for way in ((), ("--no-owner",)):
        error = said(fresh, "exec", *way, "--identity", str(open_key), fresh.here, "true")
        assert error.startswith("guardpost: key-file: ")
        assert "chmod 600" in error


def test_a_console_that_is_not_allowed_learns_which_key_to_add(fresh: Rig) -> None:
    stranger = str(fresh.folder / "stranger.key")
    key = ran(fresh, "key", "--identity", stranger)[1].decode().strip()
    options = ("--exit-codes=detailed", "--identity", stranger)
    for way in ((), ("--no-owner",)):
        code, _, err = ran(fresh, "info", *way, *options, fresh.here)
        assert (code, err.split()[1]) == (5, b"not-allowed:")
        assert f"authorized_consoles: {key}" in err.decode()


# --- where nobody answers ---


def test_detailed_exit_codes_tell_a_missing_port_from_a_busy_one(fresh: Rig) -> None:
    detailed = ("info", "--exit-codes=detailed")
    assert ran(fresh, *detailed, "/nowhere/ttyS9")[0] == 3
    ran(fresh, "exec", fresh.here, "true")
    assert ran(fresh, *detailed, "--no-owner", fresh.here)[0] == 4


def test_a_silent_line_is_given_up_in_time() -> None:
    with rig(agent=None) as line:
        for way in ((), ("--no-owner",)):
            options = ("--connect-timeout", "1", "--exit-codes=detailed")
            began = time.monotonic()
            code, _, err = ran(line, "info", *way, *options, line.here)
            assert (code, err.split()[1]) == (7, b"agent-silent:")
            assert time.monotonic() - began < 5


def test_an_agent_that_ends_says_so_and_a_vanished_line_is_waited_for() -> None:
    with rig() as line:
        ran(line, "exec", "--trust-new", line.here, "true")
        process = start(line, "exec", line.here, "sh", "-c", "echo; read x; echo $x; sleep 100",
                        stdin=subprocess.PIPE)  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        line.control("unplug")
        time.sleep(0.3)
        line.control("plug")
        process.stdin.write(b"kept\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"kept\n"
        line.stop_agent()
        code, _, err = end(process)
        assert (code, err.split()[1]) == (255, b"agent-stopped:")


def test_the_terminal_takes_pipes(fresh: Rig) -> None:
    def shown() -> bytes:
        process = start(fresh, "terminal", "-q", fresh.here, stdin=subprocess.PIPE)
        code, out, err = end(process, b"\r")
        assert (code, err) == (0, b"")
        return out

    until(lambda: b"guardpost>" in shown())  # the prompt is deaf for a while after a session
