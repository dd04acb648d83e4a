"""Early bytes of a stream: kept once however they were cut, given out when their turn comes."""

from random import Random

import pytest

from guardpost.errors import RemoteProtocolError
from guardpost.protocol.limits import EARLY_RANGES_MAX
from guardpost.protocol.reassembly import Reassembly


def test_what_waits_comes_out_behind_the_missing_byte() -> None:
    early = Reassembly()
    early.keep(10, 12, b"cd")
    early.keep(10, 16, b"gh")
    assert early.take(11) == b""
    assert early.take(12) == b"cd"
    assert early
    assert early.take(16) == b"gh"
    assert not early
    assert len(early) == 0


def test_what_came_again_in_order_is_not_given_out_twice() -> None:
    early = Reassembly()
    early.keep(0, 2, b"cdef")
    assert early.take(4) == b"ef"
    early.keep(6, 8, b"ij")
    assert early.take(20) == b""
    assert not early
    assert len(early) == 0


def test_any_cut_gives_the_same_bytes() -> None:
    rng = Random(5)
    whole = rng.randbytes(5000)
    early, expected, got = Reassembly(), 0, b""
    while expected < len(whole):
        at = rng.randrange(expected, len(whole))
        piece = whole[at : at + rng.randrange(1, 400)]
        if at > expected and rng.random() < 0.9:
            early.keep(expected, at, piece)
            continue
        got += whole[expected : expected + 50]
        expected = len(got)
        if early:
            got += early.take(expected)
            expected = len(got)
    assert got == whole


def test_it_keeps_no_more_than_it_spans() -> None:
    early = Reassembly()
    for at in range(1, 4000):
        early.keep(0, at, bytes(4000 - at))
    assert len(early) == 4000


def test_holes_have_a_limit() -> None:
    early = Reassembly()
    for number in range(EARLY_RANGES_MAX):
        early.keep(0, 1 + 2 * number, b"x")
    early.keep(0, 2, b"y")  # fills one
    early.keep(0, 1 + 2 * EARLY_RANGES_MAX, b"x")
    with pytest.raises(RemoteProtocolError):
        early.keep(0, 3 + 2 * EARLY_RANGES_MAX, b"x")
