"""build_frozen.py itself: its options, and how it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from static.report import BuildError
from support.tools import ROOT

import build_frozen

SCRIPT = ROOT / "build_frozen.py"


def test_a_given_folder_may_be_named_from_where_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    args = build_frozen.parse(["--sources", "given", "--cache", "cache", "--output", "."])
    assert args.sources == tmp_path / "given"
    assert (args.cache, args.output) == (tmp_path / "cache", tmp_path)


@pytest.mark.parametrize(
    "words, said",
    [
        (("--variant", "onefile", "--offline"), "for this host; leave out --offline"),
        (("--variant", "onefile", "--sources", "."), "for this host; leave out --sources"),
        (("--update-lock", "--offline"), "asks what there is now; leave out --offline"),
    ],
)
def test_options_that_do_not_go_together_are_refused(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(BuildError, match=said):
        build_frozen.check(build_frozen.parse(words))


def test_an_executable_that_does_not_start_is_an_error(tmp_path: Path) -> None:
    made = tmp_path / "agent"
    made.write_text("#!/bin/sh\necho not today >&2\nexit 3\n")
    made.chmod(0o700)
    with pytest.raises(BuildError, match=r"--version fails: not today \(exit code 3\)"):
        build_frozen.versions(made)


def heed_interrupts() -> None:
    """Whoever runs the tests in the background ignores them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_build_that_is_interrupted_just_ends(tmp_path: Path, sent: signal.Signals) -> None:
    policy = tmp_path / "policy"
    os.mkfifo(policy)  # it waits there
    words = [sys.executable, SCRIPT, "--cache", tmp_path, "--output", tmp_path, "--policy", policy]
    with subprocess.Popen(words, stderr=subprocess.PIPE, preexec_fn=heed_interrupts) as build:
        with policy.open("wb"):
            build.send_signal(sent)
            _, told = build.communicate(timeout=60)
    assert (build.returncode, told) == (128 + sent, b"")
