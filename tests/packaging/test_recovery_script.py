"""What keeps the agent going inside an initramfs, with a script in the agent's place."""

import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.tools import ROOT, need

SCRIPT = ROOT / "packaging" / "recovery" / "guardpost-recovery"
PATIENCE_SECONDS = 10.0

# It serves; or does at its n-th start what the file of that number says.
AGENT = """#!/bin/sh
echo start >> {folder}/starts
number=$(wc -l < {folder}/starts)
[ ! -e {folder}/do-$number ] || . {folder}/do-$number
echo $$ > {folder}/agent
trap 'echo goodbye; exit 0' TERM
while true; do {sleep} 0.02; done
"""


class Image:
    """The script as in an image, whose files are in a folder and whose seconds are short."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "run" / "recovery.log"
        sleep = need("sleep")
        self.agent = self._program("guardpost-agent", AGENT.format(folder=folder, sleep=sleep))
        self._program("sleep", f'#!/bin/sh\nexec {sleep} "0.0$(echo $1 | tr -d .)"\n')
        self.says("quiet")
        text = SCRIPT.read_text()
        for name, value in (
            ("agent", self.agent),
            ("folder", folder / "run"),
            ("identity", folder / "identity.key"),
            ("command_line", folder / "cmdline"),
        ):
            text, times = re.subn(rf"^{name}=\S+", f"{name}={value}", text, flags=re.MULTILINE)
            assert times == 1
        self._script = self._program("guardpost-recovery", text)

    def _program(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def says(self, command_line: str) -> None:
        (self.folder / "cmdline").write_text(f"{command_line}\n")

    def does(self, start: int, command: str) -> None:
        """At that start the agent does this instead."""
        (self.folder / f"do-{start}").write_text(f"{command}\n")

    def run(self, word: str) -> str:
        path = f"{self.folder}:{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", str(self._script), word],
            env={"PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=PATIENCE_SECONDS,
            check=True,
        )
        return done.stdout.decode()

    @property
    def starts(self) -> int:
        path = self.folder / "starts"
        return len(path.read_text().splitlines()) if path.exists() else 0

    @property
    def pid(self) -> str:
        """Of what looks after the agent; empty when nothing does."""
        return (self.folder / "run" / "recovery.pid").read_text().strip()

    def await_agent(self, start: int = 1) -> int:
        """The agent's process id, as soon as it serves for the n-th time."""
        path = self.folder / "agent"
        wait_until(lambda: self.starts >= start and path.exists() and path.read_text() != "")
        return int(path.read_text())


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def image(tmp_path: Path) -> Iterator[Image]:
    made = Image(tmp_path)
    yield made
    made.run("stop")


def test_an_agent_that_breaks_or_is_killed_is_started_again(image: Image) -> None:
    image.does(1, "exit 1")
    image.does(2, "kill -9 $$")
    image.run("start")
    image.await_agent(3)
    assert "No such process" not in image.log.read_text()


def test_one_that_says_why_it_cannot_work_is_not(image: Image) -> None:
    image.does(1, "exit 255")
    image.run("start")
    wait_until(lambda: image.pid == "")
    assert image.starts == 1


def test_it_ends_with_a_goodbye_and_leaves_no_number_behind(image: Image) -> None:
    image.run("start")
    agent = image.await_agent()
    image.run("start")
    assert image.starts == 1, "it is there once"
    image.run("stop")
    assert (is_alive(agent), image.pid, image.log.read_text()) == (False, "", "goodbye\n")


def test_one_that_does_not_end_is_killed(image: Image) -> None:
    image.does(1, f"trap '' TERM; echo $$ > {image.folder}/agent; while :; do sleep 1; done")
    image.run("start")
    agent = image.await_agent()
    image.run("stop")
    wait_until(lambda: not is_alive(agent))


def test_it_ends_when_its_image_is_gone(image: Image) -> None:
    image.run("start")
    agent = image.await_agent()
    image.agent.unlink()
    wait_until(lambda: image.pid == "")
    assert not is_alive(agent)


@pytest.mark.parametrize("word", ["guardpost.off", "guardpost.off=1"])
def test_the_command_line_says_that_there_is_to_be_none(image: Image, word: str) -> None:
    image.says(f"quiet {word}")
    image.run("start")
    assert not image.log.exists()
    assert image.run("show") == ""


def test_nobody_else_reads_what_was_done(image: Image) -> None:
    image.run("start")
    assert image.log.stat().st_mode & 0o777 == 0o600


def test_a_rescue_shell_is_told_all_of_its_first_words(image: Image) -> None:
    image.does(1, "echo guardpost: agent on a port; sleep 9; echo guardpost: words a b c")
    image.run("start")
    assert image.run("announce").endswith("guardpost: words a b c\n")
