"""`guardpost shell` as a person uses it: real processes in real terminals, on a real agent."""

import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.bare_terminal import Screen, screen
from support.rig import Rig, rig
from support.tools import need

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ptys, tmux and owners")

PROMPT = "PS1='at> '; PROMPT_COMMAND=; clear"


@pytest.fixture(scope="module")
def line() -> Iterator[Rig]:
    with rig(baud=115200) as made:
        done = made.console("exec", "--persist", "60", "--", "true")
        assert done.returncode == 0, done.stderr
        yield made


def command(line: Rig, *words: str) -> str:
    names = ("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME")
    environment = [f"{name}={line.environment[name]}" for name in names]
    return " ".join(["env", *environment, *line.argv(*words, line.here)])


@contextlib.contextmanager
def at_shell(line: Rig, *options: str) -> Iterator[Screen]:
    """A person at a shell of the host; afterwards the screen says `code=`, and stty's settings."""
    script = f"{command(line, 'shell', *options)}; echo code=$?; stty -a; exec sleep 60"
    with screen(need("tmux"), line.folder, "sh", "-c", script) as shown:
        shown.waits_for(lambda text: re.search(r"[$#>] *$", text))
        shown.types(PROMPT, "Enter")
        shown.waits_for(lambda text: text == "at>")
        yield shown


def is_set_right(text: str) -> bool:
    return " icanon" in text and " echo " in text


def resize(shown: Screen, columns: int, rows: int) -> None:
    size = ("-x", str(columns), "-y", str(rows))
    subprocess.run([*shown._tmux, "resize-window", *size], check=True)


def pid_of(line: Rig, *words: str) -> int:
    """The console's process."""
    for each in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            argv = (each / "cmdline").read_bytes().decode().split("\0")
            if argv[1:3] == ["-m", "guardpost"] and line.here in argv and {*words} <= {*argv}:
                return int(each.name)
    raise AssertionError(f"no process {words}")


def test_type_resize_interrupt_and_leave_with_its_status(line: Rig) -> None:
    with at_shell(line) as shown:
        shown.types("stty size; echo $GUARDPOST_USER@$TERM äß漢", "Enter")
        shown.waits_for(lambda text: re.search(r"^24 80$", text, re.M) and "äß漢" in text)
        resize(shown, 100, 30)
        shown.types("sleep 0.5; stty size", "Enter")
        shown.waits_for(lambda text: re.search(r"^30 100$", text, re.M))
        shown.types("echo be''gun; sleep 1000", "Enter")
        shown.waits_for(lambda text: re.search(r"^begun$", text, re.M))
        shown.types("C-c")
        shown.waits_for(lambda text: text.endswith("at>"))
        shown.types("exit 7", "Enter")
        after = shown.waits_for(lambda text: "code=7" in text and "icanon" in text)
        assert is_set_right(after)


@pytest.mark.parametrize(
    "flood", [pytest.param("yes", marks=pytest.mark.slow), "base64 /dev/urandom"]
)
def test_ctrl_c_acts_at_once_in_a_flood(line: Rig, flood: str) -> None:
    with at_shell(line) as shown:
        shown.types(flood, "Enter")
        shown.waits_for(lambda text: text.count("\n") > 20)
        time.sleep(1.0)  # whatever fills up on the way
        began = time.monotonic()
        shown.types("C-c")
        # What the program was just writing may come out behind it.
        shown.waits_for(lambda text: "^C" in text and text.endswith("\nat>"))
        took = time.monotonic() - began
        assert took < 2.0, "1 s, and as much for a busy machine"


def test_a_pager_has_the_screen_follows_its_size_and_survives_the_line() -> None:
    need("less")
    # A line of its own: what is plugged in again has another name.
    with rig() as line, at_shell(line, "--trust-new") as shown:
        shown.types("seq 100 | less", "Enter")
        shown.waits_for(lambda text: text.startswith("1\n2\n") and text.endswith("23\n:"))
        resize(shown, 70, 20)
        shown.waits_for(lambda text: text.endswith("19\n:"))
        shown.types("C-]", "?")
        shown.waits_for(lambda text: text.endswith("Ctrl-] Ctrl-]  the key itself"))
        shown.types("Space")
        shown.waits_for(lambda text: text.startswith("20\n") and text.endswith("38\n:"))
        line.control("unplug")
        try:
            shown.waits_for(lambda text: "guardpost: " in text)
            assert shown.shows().startswith("20\n21\n"), "one row of it at most is covered"
        finally:
            line.control("plug")
        shown.waits_for(lambda text: text.startswith("20\n") and text.endswith("38\n:"), 30)
        # less loses a key right behind a change of its size: the line's return has it drawn twice.
        shown.asks("q", until=lambda text: text.endswith("at>"))
        shown.types("exit", "Enter")
        shown.waits_for(lambda text: "code=0" in text)


@pytest.mark.parametrize(
    ("command", "told", "shown"),
    [(("shell", "--trust-new"), b"disconnects", b"# "), (("terminal",), b"q quits", b"")],
)
def test_the_end_of_the_terminal_is_the_end_without_a_word(
    command: tuple[str, ...], told: bytes, shown: bytes
) -> None:
    need("setsid")
    # A line of its own: the terminal has it alone.
    with rig() as line:
        leader, follower = os.openpty()
        words = ["setsid", "--ctty", *line.argv(*command, line.here)]
        with (line.folder / "said").open("wb") as said:
            process = subprocess.Popen(
                words, env=line.environment, stdin=follower, stdout=follower, stderr=said
            )
        os.close(follower)
        seen, deadline = b"", time.monotonic() + 20
        while shown not in seen or told not in (line.folder / "said").read_bytes():
            assert time.monotonic() < deadline, seen
            if select.select([leader], [], [], 0.05)[0]:
                seen += os.read(leader, 4096)
        os.close(leader)
        assert process.wait(20) == 130
        assert (line.folder / "said").read_bytes().count(b"\n") == 1, "nothing more"


def test_the_escape_key_tells_and_disconnects(line: Rig) -> None:
    with at_shell(line, "--escape", "^T") as shown:
        shown.types("C-t", "s")
        shown.waits_for(lambda text: "guardpost: session   live" in text)
        shown.types("C-t", "d")
        shown.waits_for(lambda text: "it is not kept" in text)
        shown.types("clear; cat -v", "Enter")
        shown.types("C-t", "C-t", "C-]", "Enter")
        shown.waits_for(lambda text: "^T^]" in text)
        shown.types("C-t", ".")
        after = shown.waits_for(lambda text: "code=255" in text and "icanon" in text)
        assert "guardpost: disconnected" in after
        assert is_set_right(after)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_terminal_is_given_back_by_a_console_that_is_ended(line: Rig, number: int) -> None:
    with at_shell(line) as shown:
        shown.types("printf '\\033[?1049h\\033[?25l'; sleep 1000", "Enter")
        time.sleep(0.5)
        os.kill(pid_of(line, "shell"), number)
        after = shown.waits_for(lambda text: "code=130" in text and "icanon" in text)
        assert is_set_right(after)
        assert "at>" in after, "the first screen is back"


def test_the_terminal_is_given_back_when_the_owner_dies(line: Rig) -> None:
    with at_shell(line) as shown:
        os.kill(pid_of(line, "shell"), 0)
        owned = line.run("owner", line.here, "check").stdout.decode()
        os.kill(int(re.findall(r"pid (\d+)", owned)[0]), signal.SIGKILL)
        after = shown.waits_for(lambda text: "code=255" in text and "icanon" in text)
        assert "guardpost: line-lost: " in after
        assert is_set_right(after)


def test_a_kept_shell_is_left_and_found_again(line: Rig) -> None:
    with at_shell(line, "--keep") as shown:
        shown.types("kept=yes; sleep 1; echo la''ter", "Enter")
        shown.types("C-]", "d")
        after = shown.waits_for(lambda text: "code=0" in text)
        assert "goes on; 'guardpost shell --keep" in after
    listed = line.run("jobs", line.here).stdout.decode()
    assert re.search(r"^\d+ +running .* -\w*sh$", listed, re.M), listed
    again = command(line, "shell", "--keep")
    with screen(need("tmux"), line.folder, "sh", "-c", f"{again}; echo code=$?; cat") as shown:
        shown.waits_for(lambda text: re.search(r"^later\nat>", text, re.M))
        shown.types("echo $kept", "Enter")
        shown.waits_for(lambda text: re.search(r"^yes$", text, re.M))
        and_code = f"{again}; echo code=$?; cat"
        with screen(need("tmux"), line.folder, "sh", "-c", and_code) as second:
            shown.waits_for(
                lambda text: (
                    "superseded: this shell is attached elsewhere" in text and "code=255" in text
                )
            )
            second.types("exit", "Enter")
            second.waits_for(lambda text: "code=0" in text)
    deadline = time.monotonic() + 10
    while "sh" in (listed := line.run("jobs", line.here).stdout.decode()):
        assert time.monotonic() < deadline, listed


def test_without_a_terminal_input_is_typed_and_its_end_too(line: Rig) -> None:
    done = line.run("shell", line.here, input=b"PS1=; echo $((6*7)); tr a-z A-Z; exit 9\nto tr\n")
    assert done.returncode == 9, done.stderr
    assert b"42\r\n" in done.stdout
    assert b"TO TR\r\n" in done.stdout
    assert done.stderr == b""


def test_exec_on_a_terminal_is_for_programs_that_want_one(line: Rig) -> None:
    need("top")
    words = command(line, "exec", "--tty") + " top; echo code=$?; exec sleep 60"
    with screen(need("tmux"), line.folder, "sh", "-c", words) as shown:
        shown.waits_for(lambda text: re.search(r"^top - .*\nTasks: ", text) and "PID USER" in text)
        resize(shown, 120, 40)
        shown.waits_for(lambda text: text.count("\n") > 30)
        shown.types("q")
        shown.waits_for(lambda text: "code=0" in text)
    done = line.run("exec", "--tty", line.here, "--", "sh", "-c", "tty; exit 3")
    assert done.returncode == 3
    assert done.stdout.startswith(b"/dev/pts/")
