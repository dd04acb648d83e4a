import json
import os
import subprocess
import sys

import pytest
from support import commands

from guardpost.cli import opening
from guardpost.cli.main import main

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has classes instead")


@pytest.fixture(autouse=True)
def no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "connect", commands.connect)


def test_processes_get_a_nice_value_and_partly_done_is_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert main(["nice", "web01", "6", str(process.pid)]) == 0
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == 6
        assert main(["nice", "--json", "web01", "7", str(gone.pid), str(process.pid)]) == 1
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == 7
        if os.geteuid() == 0:
            assert main(["nice", "web01", "-3", str(process.pid)]) == 0
            assert os.getpriority(os.PRIO_PROCESS, process.pid) == -3
    out, err = capsys.readouterr()
    assert [each["word"] for each in json.loads(out)["results"]] == ["no-such-process", ""]
    assert err.startswith("guardpost: no-such-process: ")
    assert main(["nice", "web01", "5", str(gone.pid)]) == 255


@pytest.mark.parametrize("words", [["20", "1"], ["-21", "1"], ["x", "1"], ["5", "x"], ["5"]])
def test_what_makes_no_sense_is_a_usage_error(words: list[str]) -> None:
    assert main(["nice", "web01", *words]) == 255
