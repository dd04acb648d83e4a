"""What a person sees of a line, and what the log keeps."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.console.picture import LineLog, Picture, stamp
from guardpost.errors import UsageError
from guardpost.protocol.framing import Encoder, Profile

FRAME = Encoder(Profile.CLEAN, 9).encode(b"\x10\x05\x00" + bytes(range(200, 230)))


class Wall:
    def __init__(self) -> None:
        self.now = 1_000_000_000.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def test_a_time_has_milliseconds_and_with_the_date_its_zone() -> None:
    assert stamp(1_000_000_000.25) == "01:46:40.250"
    assert stamp(1_000_000_000.25, date=True) == "2001-09-09T01:46:40.250+00:00"


def test_a_character_that_was_cut_is_whole_and_one_that_is_none_is_shown() -> None:
    picture = Picture()
    assert picture.feed(b"\xe2\x82", 1.0) == b""
    assert picture.feed(b"\xac!", 1.05) == "€!".encode()
    assert picture.feed(b"\xe2", 2.0) == b""
    assert picture.next_deadline() == 2.1
    assert picture.handle_timeout(2.1) == rb"\xe2"
    assert picture.feed(b"a\xff\xc2\x9bb\x05\0", 3.0) == rb"a\xff\x9bb\x05"


def test_frames_are_hidden_unless_all_is_wanted() -> None:
    line = b"before\0" + FRAME + b"after"
    assert Picture().feed(line, 0.0) == b"beforeafter"
    assert Picture(raw=True).feed(line, 0.0) == line


def test_each_line_begins_with_its_time() -> None:
    picture = Picture(times=True, wall=Wall())
    shown = picture.feed(b"one\r\ntw", 0.0) + picture.feed(b"o\r\n\r\nthree\n\rfour", 0.0)
    assert shown == (
        b"[01:46:40.001] one\r\n[01:46:40.002] two\r\n\r\n[01:46:40.003] three\n\r"
        b"[01:46:40.004] four"
    )
    picture.times = False
    assert picture.feed(b"\r\nfive", 0.0) == b"\r\nfive"


def test_the_log_holds_text_with_times_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "line.log"
    log = LineLog(str(path), Wall())
    picture = Picture(log=log, raw=True)
    log.note("connected to \x1b]0;x")
    picture.feed(b"\x1b[1;32m[  OK  ]\x1b[0m Started\tone\r\n\r\n10%\r20%\r\n", 0.0)
    picture.feed(b"\0" + FRAME, 0.0)
    picture.feed(b"caf\xc3\xa9 \xff\x07\nlogin: ", 3.0)
    log.note("the line has ended")
    log.close()
    assert path.read_text().splitlines() == [
        r"2001-09-09T01:46:40.001+00:00 -- connected to \x1b]0;x",
        "2001-09-09T01:46:40.002+00:00 [  OK  ] Started    one",
        "2001-09-09T01:46:40.003+00:00 10%",
        "2001-09-09T01:46:40.004+00:00 20%",
        r"2001-09-09T01:46:40.005+00:00 café \xff\x07",
        "2001-09-09T01:46:40.006+00:00 login: ",
        "2001-09-09T01:46:40.007+00:00 -- the line has ended",
    ]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_log_goes_on_where_it_was_and_its_folder_must_be_there(tmp_path: Path) -> None:
    path = str(tmp_path / "line.log")
    for text in ("one\n", "two\n"):
        log = LineLog(path)
        log.feed(text)
        log.close()
    assert len(Path(path).read_text().splitlines()) == 2
    with pytest.raises(UsageError, match="no such file or directory; give --log another file"):
        LineLog(str(tmp_path / "nowhere" / "x"))


def test_a_full_disk_ends_the_log_and_not_the_terminal() -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    log = LineLog("/dev/full")
    assert Picture(log=log).feed(b"one\ntwo\n", 0.0) == b"one\ntwo\n"
    assert log.failure == "no space left on device"
    log.close()


@given(st.lists(st.binary(max_size=20), max_size=10))
def test_whatever_comes_the_screen_gets_utf_8_and_only_controls_it_should(
    pieces: list[bytes],
) -> None:
    picture, shown = Picture(times=True), b""
    for now, piece in enumerate(pieces):
        shown += picture.feed(piece, float(now))
        shown += picture.handle_timeout(now + 0.5)
    shown += picture.handle_timeout(1e9)
    text = shown.decode()
    assert all(ord(c) in (*range(7, 16), 27) or ord(c) >= 32 for c in text)
    assert not any(0x7F <= ord(c) < 0xA0 for c in text)
