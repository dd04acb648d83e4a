"""`guardpost exec` in a process of its own, since it owns its standard streams."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.commands import command

from guardpost.cli.cmd_exec import variables
from guardpost.cli.main import main
from guardpost.errors import UsageError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="runs POSIX programs")


def ran(*words: str | bytes, stdin: bytes = b"") -> tuple[int, bytes, bytes]:
    process = command(
        "exec",
        *words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = process.communicate(stdin, timeout=20)
    return process.returncode, out, err


def test_streams_and_status_are_the_command_s_own() -> None:
    script = "cat; echo err >&2; exit 3"
    assert ran("web01", "--", "sh", "-c", script, stdin=b"in") == (3, b"in", b"err\n")


def test_folder_variables_and_time_are_options(tmp_path: Path) -> None:
    options = ("--cwd", str(tmp_path), "--env", "A=1", "--env", "B=x=y")
    code, out, err = ran(*options, "web01", "sh", "-c", 'echo "$PWD $A $B"')
    assert (code, out, err) == (0, f"{tmp_path} 1 x=y\n".encode(), b"")
    assert ran("--timeout", "0.2", "web01", "sleep", "100")[0] == 124


def test_an_unknown_program_is_one_line_and_255() -> None:
    code, out, err = ran("web01", "no-such-program")
    assert (code, out) == (255, b"")
    assert err == b"guardpost: not-found: no such program: no-such-program\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_ends_the_command_too(number: int) -> None:
    process = command(
        *("exec", "web01", "sh", "-c", "echo $$; exec sleep 100"), stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    with process.stdout:
        pid = int(process.stdout.readline())
    process.send_signal(number)
    assert process.wait(10) == 130
    deadline = time.monotonic() + 5
    while os.path.exists(f"/proc/{pid}/exe") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not os.path.exists(f"/proc/{pid}/exe")


def test_a_reader_that_leaves_ends_it_quietly() -> None:
    process = command("exec", "web01", "yes", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.read(4) == b"y\ny\n"
    process.stdout.close()
    assert process.wait(10) == 141
    assert process.stderr is not None
    with process.stderr:
        assert process.stderr.read() == b""


@pytest.mark.parametrize(("source", "read"), [("/dev/null", b""), ("/dev/zero", bytes(3))])
def test_any_standard_input_will_do(source: str, read: bytes) -> None:
    with open(source, "rb") as stdin:
        process = command("exec", "web01", "head", "-c3", stdin=stdin, stdout=subprocess.PIPE)
        assert process.communicate(timeout=20)[0] == read


def test_a_closed_standard_input_is_an_end() -> None:
    process = command(
        *("exec", "web01", "cat"), preexec_fn=lambda: os.close(0), stdout=subprocess.PIPE
    )
    assert process.communicate(timeout=20)[0] == b""
    assert process.returncode == 0


def test_no_command_is_a_usage_error(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["exec", "web01"]) == 255
    assert "no command" in capfd.readouterr().err
    assert main(["exec", "web01", "--env", "A", "x"]) == 255
    assert "NAME=VALUE" in capfd.readouterr().err


def test_variables_are_split_at_the_first_sign() -> None:
    assert variables(["A=", "B=c=d"]) == {b"A": b"", b"B": b"c=d"}
    with pytest.raises(UsageError):
        variables(["=x"])
