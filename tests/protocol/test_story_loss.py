"""Lost frames and bytes: what is left of the line, and what needs no timeout."""

import pytest
from support.busy import BusyPair, Path

from guardpost.simline import Faults


def goodput(faults: Faults, *, seconds: float = 20.0, seed: int = 1) -> float:
    pair = BusyPair(Path(faults=faults, seed=seed), 1)
    pair.flood(down=False)
    pair.run(4.0)
    return pair.goodput(seconds)[0]


@pytest.mark.parametrize(
    "faults, least",
    [
        (Faults(), 0.955),
        (Faults(frame_loss=0.01), 0.9 * 0.955),
        (Faults(frame_loss=0.1), 0.75),
        (Faults(loss=1e-4), 0.85),
        (Faults(loss=1e-3), 0.60),
    ],
    ids=["clean", "1 % of frames", "10 % of frames", "1e-4 of bytes", "1e-3 of bytes"],
)
def test_what_is_left_of_the_line(faults: Faults, least: float) -> None:
    assert goodput(faults) >= least


def test_bulk_both_ways_at_once() -> None:
    pair = BusyPair(Path(), 10)
    pair.flood()
    pair.run(4.0)
    assert min(pair.goodput(20.0)) >= 0.92


def test_five_frames_in_a_row_are_repaired_from_acks_alone() -> None:
    """The sixth arrives, its ack leaves the five out, and no timeout was needed."""
    pair = BusyPair(Path(round_trip=0.8), 1)
    pair.flood(down=False)
    pair.run(6.0)
    association = pair.left.connection.association
    assert association is not None
    recovery = association.recovery
    assert recovery.packets_lost == 0
    pair.line.ab.change(Faults(frame_loss=1.0, delay=0.4), pair.now)
    pair.run(0.5)
    pair.line.ab.change(Faults(delay=0.4), pair.now)
    most_probes = 0
    for _ in range(300):
        pair.run(0.01)
        most_probes = max(most_probes, recovery.probes)
    assert recovery.packets_lost >= 5
    assert most_probes == 0
    assert pair.goodput(5.0)[0] >= 0.9


def test_a_mute_of_six_seconds_is_over_when_it_is_over() -> None:
    pair = BusyPair(Path(), 10)
    pair.flood()
    pair.run(4.0)
    mute = Faults(mutes=((pair.now, 6.0),))
    for wire in (pair.line.ab, pair.line.ba):
        wire.change(mute, pair.now)
    pair.run(6.0)
    before = pair.bulk()
    pair.run(1.0)
    assert (
        min(after - bytes_then for after, bytes_then in zip(pair.bulk(), before, strict=True)) > 0
    )
    assert min(pair.goodput(5.0)) >= 0.85
