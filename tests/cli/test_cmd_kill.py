import json
import subprocess
import sys

import pytest
from support import commands

from guardpost.cli import opening
from guardpost.cli.main import main


@pytest.fixture(autouse=True)
def no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "connect", commands.connect)


@pytest.fixture
def vanished() -> int:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    return gone.pid


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)


def test_a_process_is_signalled() -> None:
    with sleeper() as process:
        assert main(["kill", "web01", str(process.pid)]) == 0
        assert process.wait(10) == -15
    with sleeper() as process:
        assert main(["kill", "-s", "KILL", "web01", str(process.pid)]) == 0
        assert process.wait(10) == -9


def test_a_number_used_again_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with sleeper() as process:
        for words in (["kill"], ["nice"]):
            value = ["5"] if words == ["nice"] else []
            assert main([*words, "--started", "1000", "web01", *value, str(process.pid)]) == 255
            assert "belongs to another one now" in capsys.readouterr().err
        assert process.poll() is None


def test_partly_done_is_1_and_nothing_done_255(
    vanished: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with sleeper() as process:
        assert main(["kill", "web01", "--json", str(vanished), str(process.pid)]) == 1
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert found["schema"] == 1
    assert [each["word"] for each in found["results"]] == ["no-such-process", ""]
    assert err.startswith("guardpost: no-such-process: ")
    assert err.count("\n") == 1
    assert main(["kill", "web01", str(vanished)]) == 255


@pytest.mark.parametrize("pid", ["-1", "x", "", "1.5"])
def test_what_is_no_pid_is_a_usage_error(pid: str) -> None:
    assert main(["kill", "web01", pid]) == 255
