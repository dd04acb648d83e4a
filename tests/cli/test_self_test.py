"""`--self-test` of both programs, as people run it, and its exit code."""

import os
import subprocess
import sys

import pytest

from guardpost.cli import main, self_test


def run(*words: str, input: str = "") -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", *words]
    return subprocess.run(argv, capture_output=True, text=True, input=input, timeout=120)


@pytest.mark.parametrize("program", ["guardpost", "guardpost.cli.agent_program"])
def test_it_proves_everything_with_a_line_each(program: str) -> None:
    done = run(program, "--self-test")
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(lines) >= 14
    assert [line for line in lines if ": ok" not in line] == []
    assert lines[0].startswith("codec portable: ")
    assert lines[-1] == "session: ok (over a pty)"
    assert done.stderr == ""


def test_something_broken_is_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from guardpost.selftest import crypto

    monkeypatch.setattr(crypto, "_PRODUCT", "00")
    assert main.main(["--self-test"]) == 1
    assert "X25519: failed: ValueError: the product is not" in capsys.readouterr().out


def test_the_program_of_the_checks_gives_lines_back() -> None:
    done = run("guardpost", "--self-test", "child", input="one\ntwo\n")
    assert (done.stdout, done.returncode) == ("child here\nread one\nread two\n", 7)


def test_it_takes_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--self-test", "quickly"]) == 255
    assert "usage: --self-test takes nothing behind it" in capsys.readouterr().err


def test_a_frozen_program_starts_itself_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert self_test.own_command() == [os.path.realpath(sys.executable)]
    monkeypatch.setattr(sys, "executable", "")
    monkeypatch.setattr(sys, "argv", ["guardpost-agent"])
    assert len(self_test.own_command()) == (sys.platform == "linux")  # /proc knows
