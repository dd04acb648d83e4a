"""The executable proves itself where there is nothing else, and says what is not there."""

import subprocess

import pytest
from support.frozen import frozen_agent
from support.own_mounts import mounting

from guardpost.protocol import codec_paths

ROOT = """
root=/mnt/root
mount -t tmpfs none /mnt
mkdir $root $root/proc $root/dev $root/tmp
cp {program} $root/guardpost-agent
mount --bind $root $root
"""
PROC = "mount -t proc none $root/proc"
TERMINALS = """
mkdir $root/dev/pts
mount -t devpts -o newinstance,ptmxmode=666 none $root/dev/pts
ln -s pts/ptmx $root/dev/ptmx
"""
READ_ONLY = "mount -o remount,bind,ro $root"
NOTHING_RUNS_IN_TMP = "mount -t tmpfs -o noexec none $root/tmp"

NO_PROC = "not here: /proc is not mounted"
NO_TERMINAL = "not here: /dev/ptmx: no such file or directory"


def self_test(*steps: str) -> tuple[int, dict[str, str]]:
    """Exit code and lines of --self-test in a root that `steps` make, with nothing else in it."""
    script = "\n".join([ROOT.format(program=frozen_agent()), *steps])
    argv = mounting(script, "chroot", "/mnt/root", "/guardpost-agent", "--self-test")
    done = subprocess.run(argv, capture_output=True, text=True, timeout=180)
    assert done.stderr == ""
    return done.returncode, dict(line.split(": ", 1) for line in done.stdout.splitlines())


def lacking(lines: dict[str, str]) -> dict[str, str]:
    return {name: words for name, words in lines.items() if not words.startswith("ok")}


def test_in_an_empty_chroot() -> None:
    code, lines = self_test()
    assert code == 0, lines
    assert lacking(lines) == {"process list": NO_PROC, "terminal": NO_TERMINAL}
    assert lines["processes"] == "ok"
    assert lines["session"] == "ok (over a socket)"


def test_every_path_of_the_codec_that_this_processor_has_is_in_it() -> None:
    _, lines = self_test()
    found = [name.removeprefix("codec ") for name in lines if name.startswith("codec ")]
    assert found == codec_paths.paths()


def test_with_a_read_only_root_and_a_tmp_where_nothing_runs() -> None:
    code, lines = self_test(PROC, TERMINALS, NOTHING_RUNS_IN_TMP, READ_ONLY)
    assert (code, lacking(lines)) == (0, {})
    assert lines["session"] == "ok (over a pty)"
    assert lines["files"] == "ok (/tmp)"


def test_without_proc() -> None:
    code, lines = self_test(TERMINALS)
    assert (code, lacking(lines)) == (0, {"process list": NO_PROC})
    assert lines["session"] == "ok (over a pty)"


def test_without_a_place_to_write() -> None:
    code, lines = self_test(PROC, TERMINALS, READ_ONLY)
    assert code == 0
    assert [*lacking(lines)] == ["files"]
    assert lines["files"].startswith("not here: ")


@pytest.mark.parametrize("words", [("--self-test", "quickly"), ("--nonsense",)])
def test_wrong_usage_is_one_line_there_too(words: tuple[str, ...]) -> None:
    argv = mounting(ROOT.format(program=frozen_agent()), "chroot", "/mnt/root", "/guardpost-agent")
    done = subprocess.run([*argv, *words], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (255, "")
    assert done.stderr.startswith("guardpost: usage: ")
    assert done.stderr.count("\n") == 1
