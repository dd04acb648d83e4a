"""Each kind of damage comes at its rate, is counted exactly, and lands on the same bytes
however they are cut."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.linefaults import Faults, Stats, damage_stages

TEXT = Random(7).randbytes(40_000)


def damaged(faults: Faults, data: bytes, *, piece: int = 40_000) -> tuple[bytes, Stats]:
    stats = Stats()
    stages = damage_stages(faults, Random(3), stats)
    out = b""
    for start in range(0, len(data), piece):
        part = data[start : start + piece]
        for stage in stages:
            part = stage(part)
        out += part
    return out, stats


@pytest.mark.parametrize("p", [1e-3, 0.1, 1.0])
def test_bytes_are_lost_at_the_rate_asked_for(p: float) -> None:
    left, stats = damaged(Faults(loss=p), TEXT)
    assert len(left) == len(TEXT) - stats.lost
    assert stats.lost == pytest.approx(len(TEXT) * p, rel=0.5)


@pytest.mark.parametrize("p", [1e-3, 0.1, 1.0])
def test_a_flip_is_one_wrong_bit(p: float) -> None:
    left, stats = damaged(Faults(flip=p), TEXT)
    wrong = [a ^ b for a, b in zip(left, TEXT, strict=True) if a != b]
    assert len(wrong) == stats.flipped == pytest.approx(len(TEXT) * p, rel=0.5)
    assert all(bits.bit_count() == 1 for bits in wrong)


def test_holes_are_four_bytes_wide() -> None:
    data = bytes(range(256)) * 100
    left, stats = damaged(Faults(hole=1e-3), data)
    steps = {(b - a) % 256 for a, b in pairwise(left)} - {1}
    assert min(steps) == 5
    assert stats.lost == len(data) - len(left) > 0


def test_bursts_are_garbage_or_loss_of_the_mean_length() -> None:
    left, stats = damaged(Faults(burst=1e-3, burst_bytes=50), TEXT)
    assert len(left) == len(TEXT) - stats.lost
    assert min(stats.lost, stats.garbled) > 0
    assert stats.lost + stats.garbled == pytest.approx(40 * 50, rel=0.6)


@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_frames_vanish_whole_however_they_are_cut(piece: int) -> None:
    frames = [bytes([1 + number % 255]) * 20 + b"\0" for number in range(2000)]
    data = b"".join(frames)
    left, stats = damaged(Faults(frame_loss=0.1), data, piece=piece)
    kept = left.split(b"\0")
    assert kept.pop() == b""
    assert {len(frame) for frame in kept} == {20}
    assert 120 < 2000 - len(kept) < 280
    assert stats.lost == len(data) - len(left)


def test_whole_blocks_arrive_twice() -> None:
    left, stats = damaged(Faults(dup=1.0), TEXT[:60])
    assert left == TEXT[:28] * 2 + TEXT[28:56] * 2 + TEXT[56:60]
    assert stats.duplicated == 56


def test_eaten_values_never_arrive() -> None:
    left, stats = damaged(Faults(eat=frozenset({0, 0x13})), b"\0a\x13\0b")
    assert left == b"ab"
    assert stats.eaten == 3


def test_a_line_without_faults_has_no_stages() -> None:
    assert damage_stages(Faults(delay=1.0, coalesce=0.016), Random(1), Stats()) == []


@given(st.integers(1, 500))
def test_the_damage_does_not_depend_on_the_pieces(piece: int) -> None:
    faults = Faults(
        loss=0.01, flip=0.01, burst=0.003, hole=0.01, dup=0.1, eat=frozenset({10})
    )  # fmt: skip
    assert damaged(faults, TEXT[:5000], piece=piece) == damaged(faults, TEXT[:5000])
