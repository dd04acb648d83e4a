"""One end of a simulated line: its name, its speed, what nobody read yet."""

import os
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from guardpost.errors import UsageError
from guardpost.ptyend import PtyEnd


@pytest.fixture
def end(tmp_path: Path) -> Iterator[PtyEnd]:
    made = PtyEnd(str(tmp_path / "A"))
    yield made
    made.unplug()


def test_its_speed_is_what_its_user_set(end: PtyEnd) -> None:
    end.set_speed(57600)
    assert end.speeds() == (57600, 57600)
    user = os.open(end.link, os.O_RDWR | os.O_NOCTTY)
    attributes = termios.tcgetattr(user)
    attributes[4], attributes[5] = termios.B9600, termios.B115200
    termios.tcsetattr(user, termios.TCSANOW, attributes)
    there, _ = end.speeds() or (0, 0)
    assert there == 115200
    os.close(user)
    assert end.speeds() is not None  # a port keeps its settings between two users


def test_a_pulled_plug_has_no_speed(end: PtyEnd) -> None:
    end.unplug()
    assert end.speeds() is None
    assert not os.path.lexists(end.link)


def test_a_name_that_is_taken_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "A").write_text("mine")
    with pytest.raises(UsageError, match="not ours"):
        PtyEnd(str(tmp_path / "A"))
    assert (tmp_path / "A").read_text() == "mine"


def test_what_nobody_reads_waits(end: PtyEnd) -> None:
    end.take(bytes(200_000))
    assert 0 < len(end.unread) < 200_000
    user = os.open(end.link, os.O_RDWR | os.O_NOCTTY)
    assert os.read(user, 4096)
    before = len(end.unread)
    end.flush()
    assert len(end.unread) < before
    os.close(user)
