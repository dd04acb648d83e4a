"""A line between two names: who may have them, what faults do, what unplugging looks like."""

import os
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.ptyline import Control

from guardpost.errors import UsageError
from guardpost.linefaults import Faults
from guardpost.ptyline import LineOptions, PtyLine

Start = Callable[[LineOptions], tuple[Control, int, int]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a line in a thread; gives its control and its two opened ends."""
    ended: list[Callable[[], None]] = []

    def make(options: LineOptions) -> tuple[Control, int, int]:
        path = str(tmp_path / "control")
        line = PtyLine(str(tmp_path / "A"), str(tmp_path / "B"), options, control=path)
        thread = threading.Thread(target=line.run)
        thread.start()
        a, b = (os.open(tmp_path / name, os.O_RDWR | os.O_NOCTTY) for name in "AB")

        control = Control(path)

        def end() -> None:
            control.close()
            line.stop()
            thread.join()
            os.close(a)
            os.close(b)

        ended.append(end)
        return control, a, b

    yield make
    for end in ended:
        end()
    assert not list(tmp_path.iterdir())


def read_exactly(fd: int, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = os.read(fd, count - len(data))
        assert more
        data += more
    return data


UNLIMITED = LineOptions(rate=None, back_rate=None)
FAST = LineOptions(rate=1e6, back_rate=1e6)


@pytest.mark.parametrize("options", [UNLIMITED, FAST])
def test_every_byte_passes_both_ways_and_the_ends_are_raw(
    start: Start, options: LineOptions
) -> None:
    _, a, b = start(options)
    values = bytes(range(256)) * 4
    os.write(a, values)
    assert read_exactly(b, 1024) == values
    os.write(b, values[::-1])
    assert read_exactly(a, 1024) == values[::-1]


def test_a_full_buffer_is_looked_at_when_it_empties_not_when_the_far_end_hears_of_it(
    tmp_path: Path,
) -> None:
    options = LineOptions(rate=1000.0, faults=Faults(delay=60.0))
    line = PtyLine(str(tmp_path / "A"), str(tmp_path / "B"), options)
    try:
        there, _ = line.directions
        there.wire.push(bytes(4096), 0.0)
        assert not there.wants_to_read(0.0)
        seconds = there.next_look(0.0)
        assert 0 < seconds < 2
        assert there.wants_to_read(seconds)
    finally:
        line.close()


def test_a_sender_of_much_waits_and_nothing_is_lost(start: Start) -> None:
    _, a, b = start(UNLIMITED)
    much = os.urandom(1_000_000)

    def write_all() -> None:
        done = 0
        while done < len(much):
            done += os.write(a, much[done:])

    writer = threading.Thread(target=write_all)
    writer.start()
    assert read_exactly(b, len(much)) == much
    writer.join()


def test_what_arrives_at_b_can_come_back(start: Start) -> None:
    _, a, b = start(LineOptions(rate=1e6, back_rate=1e6, echo=True))
    os.write(a, b"hello")
    assert read_exactly(b, 5) == b"hello"
    assert read_exactly(a, 5) == b"hello"


def test_faults_are_those_of_the_wire_and_are_counted(start: Start) -> None:
    line, a, b = start(LineOptions(rate=1e6, back_rate=1e6, faults=Faults(eat=frozenset(b"x"))))
    os.write(a, b"axbxc")
    assert read_exactly(b, 3) == b"abc"
    counts = line.stats()
    assert counts["ab"]["sent"] == 5
    assert counts["ab"]["eaten"] == 2
    assert counts["ba"]["sent"] == 0


def test_faults_and_speed_change_while_it_runs(start: Start) -> None:
    line, a, b = start(FAST)
    assert line("mute 1000") == "ok"
    os.write(a, b"into the void")
    while line.stats()["ab"]["muted"] < 13:
        pass
    line("mute 0")
    line("rate unlimited")
    line("text b [ 1.0] kernel says")
    assert read_exactly(b, 20) == b"[ 1.0] kernel says\r\n"
    os.write(a, b"back")
    assert read_exactly(b, 4) == b"back"


@pytest.mark.parametrize(
    "command", ["", "nonsense", "mute", "loss 2", "rate -1", "text c hello", "delay nan"]
)
def test_a_wrong_command_is_refused(start: Start, command: str) -> None:
    line, _, _ = start(FAST)
    with pytest.raises(ValueError, match=r"^error: "):
        line(command)


def test_unplugging_is_a_hang_up_and_plugging_makes_the_names_again(
    start: Start, tmp_path: Path
) -> None:
    line, a, _ = start(FAST)
    line("unplug")
    with pytest.raises(OSError, match="Input/output"):
        os.write(a, b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["control"]
    line("plug")
    line("plug")
    a, b = (os.open(tmp_path / name, os.O_RDWR | os.O_NOCTTY) for name in "AB")
    os.write(a, b"again")
    assert read_exactly(b, 5) == b"again"
    os.close(a)
    os.close(b)


def test_a_reader_that_does_not_read_is_overrun_and_counted(start: Start) -> None:
    line, a, _ = start(LineOptions(rate=1e7))
    sent = 0
    while not line.stats()["ab"]["unread"]:
        sent += os.write(a, bytes(1024))
        assert sent < 1_000_000
    assert sent > 65536


def test_only_a_dangling_name_is_replaced(tmp_path: Path) -> None:
    taken = tmp_path / "A"
    free = str(tmp_path / "B")
    taken.write_text("precious")
    with pytest.raises(UsageError, match="not ours"):
        PtyLine(free, str(taken), UNLIMITED)
    assert taken.read_text() == "precious"
    assert not os.path.lexists(free)
    taken.unlink()
    taken.symlink_to("/dev/pts/no-such")
    line = PtyLine(free, str(taken), UNLIMITED)
    assert os.path.exists(taken)
    line.close()
    assert not os.path.lexists(taken)


def test_two_ends_need_two_names_in_a_folder_that_exists(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two names"):
        PtyLine(str(tmp_path / "A"), str(tmp_path / "x" / ".." / "A"), UNLIMITED)
    with pytest.raises(UsageError, match="no such file"):
        PtyLine(str(tmp_path / "A"), str(tmp_path / "none" / "B"), UNLIMITED)
    assert not list(tmp_path.iterdir())


def set_speed(fd: int, speed: int) -> None:
    attributes = termios.tcgetattr(fd)
    attributes[4] = attributes[5] = speed
    termios.tcsetattr(fd, termios.TCSANOW, attributes)


def test_with_real_speeds_both_ends_must_have_the_same(start: Start) -> None:
    _, a, b = start(LineOptions(real_speeds=True))
    os.write(a, b"login: ")
    assert read_exactly(b, 7) == b"login: "
    set_speed(b, termios.B9600)
    os.write(b, b"\xff")
    # The low bit of ff at 9600 is twelve bits at 115200: a break, and then nothing.
    assert read_exactly(a, 1) == b"\x00"
    set_speed(a, termios.B9600)
    os.write(b, b"login: ")
    assert read_exactly(a, 7) == b"login: "


def test_with_real_speeds_they_are_the_lines(start: Start) -> None:
    _, a, b = start(LineOptions(real_speeds=True))
    set_speed(a, termios.B2400)
    set_speed(b, termios.B2400)
    began = time.monotonic()
    os.write(a, bytes(range(240)))
    assert read_exactly(b, 240) == bytes(range(240))
    assert time.monotonic() - began > 0.9


def test_a_path_may_change_while_it_runs(start: Start) -> None:
    control, a, b = start(FAST)
    control("path 7bit,crlf")
    os.write(a, b"\xe1\n")
    assert read_exactly(b, 3) == b"a\r\n"
    control("path -")
    control("eat 1113")
    os.write(a, b"\x11\xe1\x13\n")
    assert read_exactly(b, 2) == b"\xe1\n"
    for wrong in ("path 9bit", "eat xyz"):
        with pytest.raises(ValueError, match="is followed by"):
            control(wrong)
