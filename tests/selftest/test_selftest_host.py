"""What the agent needs of a machine: it is here, and what lacks is told apart from what breaks."""

import sys
import tempfile
from pathlib import Path

import pytest

from guardpost.selftest import host
from guardpost.selftest.check import perform

COMMAND = [sys.executable, "-m", "guardpost", "--self-test", "child"]


def told(command: list[str]) -> tuple[bool, dict[str, str]]:
    lines = list[str]()
    good = perform(host.checks(command), lines.append)
    return good, dict(line.split(": ", 1) for line in lines)


def test_this_machine_has_it_all() -> None:
    good, lines = told(COMMAND)
    assert good
    assert {*lines} == {
        *("files", "TCP sockets", "Unix sockets", "process list", "processes", "terminal")
    }
    assert all(words.startswith("ok") for words in lines.values()), lines


def test_a_program_that_does_something_else_is_noticed() -> None:
    good, lines = told([sys.executable, "-c", "print('hello')"])
    assert not good
    assert lines["processes"].startswith("failed: ValueError: a program said b'hello")
    assert lines["terminal"].startswith("failed: ")


def test_without_a_program_to_start_the_rest_is_proved() -> None:
    good, lines = told([])
    assert good
    assert lines["processes"].startswith("not here: this program does not find itself")
    assert lines["TCP sockets"] == "ok"


def test_a_program_that_does_not_start_is_no_lack_of_terminals() -> None:
    good, lines = told(["/nowhere/guardpost"])
    assert not good
    assert lines["terminal"].startswith("failed: SpawnError: ")


def test_without_a_place_for_files_that_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    good, lines = told([])
    assert good
    assert lines["files"].startswith("not here: ")
    assert lines["files"].endswith("no such file or directory")


def test_random_bytes_are_random() -> None:
    assert host.random_bytes() is None
