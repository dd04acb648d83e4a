"""`guardpost owner`, owner-process and terminal as far as no line is needed; else tests/e2e."""

import io
import json
import sys
from pathlib import Path

import pytest

from guardpost.cli.cmd_owner import sentence
from guardpost.cli.main import main

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no owner on Windows")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def test_no_owner_is_said_and_is_status_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["owner", "/dev/ttyS9", "check"]) == 1
    assert main(["owner", "/dev/ttyS9", "stop", "--json"]) == 1
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "no owner"
    assert json.loads(shown[1]) == {"schema": 1, "owner": None}


def test_an_owner_is_one_sentence() -> None:
    found = {"pid": 7, "line": "serial:\x1b", "state": "live", "users": [1, 2], "channels": 3}
    assert sentence(found, stopped=False) == (
        r"pid 7 owns serial:\x1b: session live, 2 users, 3 channels"
    )
    assert sentence(found, stopped=True) == r"stopped the owner of serial:\x1b (pid 7)"


def test_the_owner_process_is_not_for_people(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("hello"))
    assert main(["owner-process", "x"]) == 255
    assert "no command for people" in capsys.readouterr().err
    assert main(["help"]) == 0
    assert "owner-process" not in capsys.readouterr().out


def test_a_terminal_on_a_missing_port_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["terminal", "--exit-codes=detailed", "/nowhere/ttyS9"]) == 3
    assert capsys.readouterr().err.count("\n") == 1
