"""`guardpost terminal` as a person uses it: a real process in a real terminal on a real agent."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.bare_terminal import Screen, screen
from support.rig import Rig, rig
from support.tools import need

from guardpost.cli.main import main

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ptys, tmux and owners")


@pytest.fixture(scope="module")
def line() -> Iterator[Rig]:
    with rig() as made:
        done = made.console("exec", "--", "true")
        assert done.returncode == 0, done.stderr
        yield made


@pytest.fixture
def fresh(line: Rig) -> Rig:
    """The line, and nobody owns it."""
    line.run("owner", line.here, "stop")
    return line


def terminal(line: Rig, *options: str) -> tuple[str, ...]:
    env = [f"{name}={line.environment[name]}" for name in ("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME")]
    return ("env", *env, *line.argv("terminal", *options, line.here))


def knock(shown: Screen) -> str:
    """To the prompt, which is deaf for 2 s after a frame."""
    for _ in range(5):
        shown.types("C-]", "k")
        with contextlib.suppress(AssertionError):
            return shown.waits_for(lambda text: "guardpost>" in text, 3.0)
    return shown.waits_for(lambda text: "guardpost>" in text)


def test_the_menu_the_status_and_the_prompt(fresh: Rig, tmp_path: Path) -> None:
    log = tmp_path / "line.log"
    tmux = need("tmux")
    with screen(tmux, fresh.folder, *terminal(fresh, "--log", str(log), "-t")) as shown:
        shown.waits_for(lambda text: f"connected to {fresh.here}; Ctrl-] q quits" in text)
        knock(shown)
        shown.types("version", "Enter")
        shown.waits_for(lambda text: "] guardpost 0." in text.split("version")[-1])
        shown.types("C-]", "s")
        status = shown.waits_for(lambda text: "log: written" in text)
        assert "guardpost: 115200 bit/s; a pty: no modem lines" in status
        assert "0 frames of a session beside us" in status
        shown.types("C-]", "b")
        shown.waits_for(lambda text: "guardpost: no BREAK: this line has none, like a pty" in text)
        shown.types("C-]", "t")
        shown.waits_for(lambda text: "guardpost: time stamps off" in text)
        shown.types("C-]", "?")
        menu = shown.waits_for(lambda text: "Ctrl-] Ctrl-]  the key itself" in text)
        assert "guardpost: Ctrl-] . or q  quit\nguardpost: Ctrl-] b       send a BREAK\n" in menu
        shown.types("C-]", "q")
    kept = log.read_text().splitlines()
    assert f"-- connected to {fresh.here}" in kept[0]
    assert any(each.endswith(" guardpost> version") for each in kept)
    assert kept[-1].endswith(" -- no BREAK: this line has none, like a pty")


def test_it_says_what_it_waits_for_and_goes_on(fresh: Rig) -> None:
    with screen(need("tmux"), fresh.folder, *terminal(fresh)) as shown:
        shown.waits_for(lambda text: "connected to" in text)
        fresh.control("unplug")
        try:
            shown.waits_for(lambda text: "no such port; check its name" in text.replace("\n", ""))
            assert "opening it again" in shown.shows().replace("\n", "")
        finally:
            fresh.control("plug")
        shown.waits_for(lambda text: "guardpost: the line is back" in text)
        knock(shown)


def test_beside_a_session_it_shows_the_text_and_hides_the_frames(line: Rig) -> None:
    def output() -> bytes:
        done = line.console("exec", "--persist", "60", "--", "seq", "3000")
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert output().endswith(b"3000\n")
    with screen(need("tmux"), line.folder, *terminal(line)) as shown:
        shown.waits_for(lambda text: "connected to" in text)
        output()
        knock(shown)
        shown.types("C-]", "s")
        status = shown.waits_for(lambda text: "raw off" in text)
        assert "guardpost: beside the session of its owner (pid" in status
        assert "guardpost: 0 frames" not in status
        assert "\\x" not in status, "no frame's byte reached the screen"
        assert len(status.split("guardpost>")[0]) < 300
        assert output().endswith(b"3000\n"), "what was typed does no harm to the session"
        line.run("owner", line.here, "stop")
        shown.waits_for(lambda text: "guardpost: the line is back" in text)
        shown.types("C-]", "c")
        shown.waits_for(lambda text: "guardpost" not in text)
        knock(shown)
        refused = line.run("exec", line.here, "--", "true")
        assert b"line-busy" in refused.stderr
        assert b"guardpost terminal" in refused.stderr


def test_it_can_wait_for_a_line_that_is_not_there_yet(fresh: Rig) -> None:
    fresh.control("unplug")
    try:
        with screen(need("tmux"), fresh.folder, *terminal(fresh, "--wait")) as shown:
            shown.waits_for(lambda text: "guardpost: waiting for the line" in text)
            fresh.control("plug")
            shown.waits_for(lambda text: "connected to" in text)
        fresh.control("unplug")
        command = " ".join(terminal(fresh, "--wait"))
        with screen(
            need("tmux"), fresh.folder, "sh", "-c", f"{command}; echo o''ver; cat"
        ) as shown:
            shown.waits_for(lambda text: "guardpost: waiting for the line" in text)
            shown.types("C-]", "q")
            shown.waits_for(lambda text: "over" in text)
    finally:
        fresh.control("plug")


def test_another_escape_key_and_one_that_is_none(
    fresh: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    with screen(need("tmux"), fresh.folder, *terminal(fresh, "--escape", "^T")) as shown:
        shown.waits_for(lambda text: "Ctrl-t q quits" in text)
        shown.types("C-t", "s")
        shown.waits_for(lambda text: "raw off" in text)
    assert main(["terminal", "--escape", "x", "/dev/null"]) == 255
    assert "'x' is no control key; write it as ^T" in capsys.readouterr().err


def test_the_screen_is_given_back_when_it_is_terminated(fresh: Rig) -> None:
    command = " ".join(terminal(fresh))
    script = f"{command}; stty -a | grep -o -- '.icanon'; echo over; sleep 60"
    with screen(need("tmux"), fresh.folder, "sh", "-c", script) as shown:
        shown.waits_for(lambda text: "connected to" in text)
        pids = [int(each) for each in os.listdir("/proc") if each.isdigit()]
        (pid,) = [each for each in pids if _is_terminal(each, fresh.here)]
        os.kill(pid, 15)
        after = shown.waits_for(lambda text: "over" in text)
        assert "-icanon" not in after


def _is_terminal(pid: int, here: str) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return words[1:4] == [b"-m", b"guardpost", b"terminal"] and here.encode() in words
