"""A UART at the wrong speed: worked out by hand, and what holds for any bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.misread import misread


@given(st.binary(max_size=200), st.sampled_from([9600, 115200]))
def test_at_the_right_speed_nothing_changes(data: bytes, baud: int) -> None:
    assert misread(data, baud, baud) == data


@pytest.mark.parametrize(
    ("data", "sent", "read", "arrives"),
    [
        # ff is one low bit of the sender's: two, four and eight of the reader's, start bit included
        (b"\xff", 9600, 19200, b"\xfe"),
        (b"\xff", 9600, 38400, b"\xf8"),
        (b"\xff", 9600, 76800, b"\x80"),
        # 00 is nine low bits: a break to somebody faster; half as many to somebody slower
        (b"\x00", 9600, 115200, b"\x00"),
        (b"\x00", 19200, 9600, b"\xf8"),
        # too short to be a start bit at a quarter of the speed
        (b"\xff", 38400, 9600, b""),
    ],
)
def test_by_hand(data: bytes, sent: int, read: int, arrives: bytes) -> None:
    assert misread(data, sent, read) == arrives


@given(st.binary(max_size=100), st.integers(300, 230400), st.integers(300, 230400))
def test_no_speed_makes_it_fail_or_invent_much(data: bytes, sent: int, read: int) -> None:
    assert len(misread(data, sent, read)) <= 10 * len(data)
