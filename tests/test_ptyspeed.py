"""A pty whose speeds count is known, whatever its users set meanwhile."""

import os
import sys

import pytest

from guardpost.ptyend import PtyEnd

if sys.platform == "win32":
    pytest.skip("ptys", allow_module_level=True)

import termios
from pathlib import Path

import serial

from guardpost import ptyspeed


def test_an_ordinary_pty_has_none() -> None:
    leader, follower = os.openpty()
    assert not ptyspeed.has_speeds(follower)
    ptyspeed.mark(follower)
    assert ptyspeed.has_speeds(follower)
    os.close(leader)
    os.close(follower)


def test_the_end_of_a_line_with_real_speeds_keeps_its_mark(tmp_path: Path) -> None:
    end = PtyEnd(str(tmp_path / "tty"))
    end.set_speed(115200)
    for _ in range(2):
        with serial.Serial(end.link, 9600) as port:
            assert ptyspeed.has_speeds(port.fileno())
            mode = termios.tcgetattr(port.fileno())
            mode[3] = 0
            termios.tcsetattr(port.fileno(), termios.TCSANOW, mode)
    end.unplug()
