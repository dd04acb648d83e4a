"""A hello must not be taken for a SysRq command: whoever sends a BREAK leaves word."""

import os
import sys
from pathlib import Path

import pytest

from guardpost.console.breakmark import note_break, seconds_since_break
from guardpost.console.linelock import path_beside

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the run folder is POSIX")


def test_a_break_is_known_to_other_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert seconds_since_break("serial:/dev/ttyS0") is None
    note_break("serial:/dev/ttyS0")
    age = seconds_since_break("serial:/dev/ttyS0")
    assert age is not None
    assert 0 <= age < 60
    assert seconds_since_break("serial:/dev/ttyS1") is None
    os.utime(path_beside("serial:/dev/ttyS0", ".break"), (1, 1))
    note_break("serial:/dev/ttyS0")
    again = seconds_since_break("serial:/dev/ttyS0")
    assert again is not None
    assert again < 60
