"""A session beside a reader is hidden, and of the text nothing is lost."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.console.frame_filter import FrameFilter
from guardpost.protocol.framing import Encoder, Profile
from guardpost.protocol.hello import Hello

KINDS = b"\x01\x02\x03\x04\x05\x06\x10\x11"
EVERY = bytes(range(255, -1, -1))
HELLO = Hello(False, 7, Profile.CLEAN, Profile.CLEAN).encode()
BEFORE, AFTER = b"boot {0} ok }\r\n", b"\x1b[1m# {} {A} login: \xe2\x82\xac\r\n"


def frames(profile: Profile, count: int, seed: int = 1) -> list[bytes]:
    """Of every kind there is, in turn."""
    chance, encoder = random.Random(seed), Encoder(profile, 77)
    return [
        encoder.encode(
            bytes((kind,)) + (EVERY if kind == 4 else chance.randbytes(chance.randint(33, 300)))
        )
        for _ in range(count)
        for kind in KINDS
    ]


def read(filter: FrameFilter, stream: bytes, size: int) -> bytes:
    return b"".join(filter.feed(stream[at : at + size], 0.0) for at in range(0, len(stream), size))


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("size", [1, 2, 7, 64, 100_000])
def test_frames_go_and_text_stays_however_it_is_cut(profile: Profile, size: int) -> None:
    hidden = profile.delimiter + b"".join(frames(profile, 40))
    filter = FrameFilter()
    stream = BEFORE + hidden + AFTER + HELLO + AFTER
    assert read(filter, stream, size) == BEFORE + AFTER + AFTER
    assert filter.frames == 40 * len(KINDS)
    assert filter.hidden_bytes == len(hidden) + len(HELLO)
    assert filter.next_deadline() is None


@pytest.mark.parametrize("profile", [Profile.CLEAN, Profile.XONXOFF, Profile.CONSOLE])
def test_a_boot_log_that_runs_into_a_frame_is_shown(profile: Profile) -> None:
    whole, cut = frames(profile, 1)[-2:]
    log = b"[    0.000000] Linux version 6.1.0\r\n"
    filter = FrameFilter()
    assert filter.feed(profile.delimiter + whole + cut[:50] + log, 0.0).endswith(log)
    assert filter.feed(b"login: ", 1.0) == b"login: "


@pytest.mark.parametrize("profile", [Profile.CLEAN, Profile.XONXOFF, Profile.CONSOLE])
def test_a_kernel_that_writes_into_a_busy_session_shows_its_text_alone(profile: Profile) -> None:
    """It knows nothing of frames: its text stands in one, or between two without a delimiter."""
    log = "[    1.345678] usb 1-1: new device, grüße €\r\n".encode()
    sent = [each for kind in range(6) for each in frames(profile, 3, seed=kind)[6::8]]
    extra = []
    for one, two in pairwise(sent):
        for at in range(0, len(two), 7):
            filter = FrameFilter()
            shown = filter.feed(profile.delimiter + one + two[:at] + log + two[at:] + one, 1.0)
            shown += filter.handle_timeout(9.0)
            assert log.strip() in shown
            extra.append(len(shown) - len(log))
    # A piece of a frame may begin with letters.
    assert sum(extra) < 3 * len(extra)
    assert max(extra) < 40


def test_text_that_is_no_utf8_is_late_beside_a_session_and_as_ever_without_one() -> None:
    filter = FrameFilter()
    filter.feed(b"\0" + frames(Profile.CLEAN, 1)[-1], 1.0)
    assert filter.feed(b"caf\xe9\r\nlogin: ", 1.1) == b"caf"
    assert filter.next_deadline() == pytest.approx(1.35)
    assert filter.handle_timeout(1.4) == b"\xe9\r\nlogin: "
    assert filter.feed(b"caf\xe9", 3.1) == b"caf\xe9"


def test_short_text_behind_half_a_frame_comes_after_two_seconds_of_nothing() -> None:
    filter = FrameFilter()
    filter.feed(b"\0" + frames(Profile.CLEAN, 1)[-2][:50], 0.0)
    assert filter.next_deadline() == 2.0
    assert filter.handle_timeout(1.9) == b""
    assert filter.handle_timeout(2.0) == b""
    assert filter.feed(b"login: ", 5.0) == b"login: "


def test_who_comes_in_the_middle_of_a_frame_sees_nothing_of_it() -> None:
    one, two = frames(Profile.CLEAN, 1)[-2:]
    filter = FrameFilter(Profile.CLEAN)
    assert filter.feed(one[20:] + two + b"text", 0.0) == b"text"
    assert filter.frames == 2


@pytest.mark.parametrize("typed", [b"#", b"#71", b"{", b"}", b"{E", b"{Abc"])
def test_what_might_begin_something_is_shown_a_moment_later(typed: bytes) -> None:
    filter = FrameFilter()
    assert filter.feed(b"x" + typed, 5.0) == b"x"
    assert filter.next_deadline() == 5.1
    assert filter.handle_timeout(5.1) == typed
    assert filter.next_deadline() is None
    assert filter.feed(b"y", 6.0) == b"y"


def test_base64_without_an_end_is_text_once_no_frame_is_that_long() -> None:
    filter = FrameFilter()
    text = b"{A" + b"QUJD" * 50_000
    assert read(filter, text, 4096).startswith(text[:150_000])
    assert filter.hidden_bytes == 0


@given(st.lists(st.binary(max_size=30), max_size=12))
def test_any_bytes_are_shown_hidden_or_held_and_never_made_up(pieces: list[bytes]) -> None:
    filter, out = FrameFilter(), b""
    for now, piece in enumerate(pieces):
        out += filter.feed(piece, float(now))
    out += filter.handle_timeout(1e9)
    stream = b"".join(pieces)
    assert len(out) + filter.hidden_bytes == len(stream)
    rest = iter(stream)
    assert all(byte in rest for byte in out), "in the order of the line"


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=200))
def test_printable_text_is_never_hidden(text: str) -> None:
    if "#7180" in text:
        return
    filter = FrameFilter()
    out = filter.feed(text.encode(), 0.0)
    if not any(front in text for front in ("{A", "{B", "{E")):
        assert out + filter.handle_timeout(9.0) == text.encode()
