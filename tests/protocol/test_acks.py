"""What an ACK holds and when it goes."""

from guardpost.protocol.acks import AckKeeper
from guardpost.protocol.limits import ACK_DELAY_SECONDS, ACK_RANGES_KEPT, ACK_SMALL_BYTES
from guardpost.protocol.messages import Ack


def keeper_with(*numbers: int) -> AckKeeper:
    keeper = AckKeeper()
    for number in numbers:
        keeper.opened(number, 1000, True, 5.0)
    return keeper


def test_a_large_packet_is_acked_at_once() -> None:
    keeper = keeper_with(0)
    assert keeper.due(5.0)
    assert keeper.take(5.0) == Ack(((0, 1),), 5_000_000, 0)


def test_a_small_packet_waits_for_a_reply_to_ride_on() -> None:
    keeper = AckKeeper()
    keeper.opened(0, ACK_SMALL_BYTES, True, 5.0)
    assert keeper.wanted
    assert not keeper.due(5.0)
    assert keeper.deadline == 5.0 + ACK_DELAY_SECONDS
    assert keeper.due(5.0 + ACK_DELAY_SECONDS)


def test_an_ack_rides_when_enough_packets_want_one() -> None:
    keeper = keeper_with(0)
    assert keeper.rides(1)
    assert not keeper.rides(2)
    keeper.opened(1, 1000, True, 5.0)
    assert keeper.rides(2)
    keeper.take(5.0)
    assert not keeper.rides(1)


def test_a_packet_that_is_missing_is_told_at_once() -> None:
    keeper = keeper_with(0, 2)
    assert keeper.hurried
    assert keeper.rides(9)
    keeper.take(5.0)
    assert not keeper.hurried


def test_what_comes_behind_a_hole_does_not_hide_it() -> None:
    keeper = keeper_with(0, 2, 3)
    assert keeper.hurried
    keeper.take(5.0)
    keeper.opened(4, 1000, True, 5.0)
    assert not keeper.hurried


def test_a_large_packet_ends_the_waiting_of_a_small_one() -> None:
    keeper = AckKeeper()
    keeper.opened(0, 10, True, 5.0)
    keeper.opened(1, 1000, True, 5.001)
    assert keeper.due(5.001)


def test_a_small_packet_after_a_hole_is_acked_at_once() -> None:
    keeper = keeper_with(0)
    keeper.take(5.0)
    keeper.opened(2, 10, True, 6.0)
    assert keeper.due(6.0)
    assert keeper.take(6.0).ranges == ((2, 3), (0, 1))


def test_acks_are_not_acked_but_ride_along() -> None:
    keeper = AckKeeper()
    keeper.opened(0, 40, False, 5.0)
    assert not keeper.wanted
    assert keeper.deadline is None
    keeper.opened(1, 1000, True, 6.0)
    assert keeper.take(6.0).ranges == ((0, 2),)
    assert not keeper.wanted


def test_the_delay_runs_from_the_arrival_of_the_largest() -> None:
    keeper = AckKeeper()
    keeper.opened(3, 1000, True, 5.0)
    keeper.opened(2, 1000, True, 5.5)
    ack = keeper.take(6.0)
    assert (ack.clock, ack.delay) == (5_000_000, 1_000_000)


def test_the_clock_wraps() -> None:
    keeper = AckKeeper()
    keeper.opened(0, 1000, True, 5000.0)
    assert keeper.take(5000.0).clock == 5_000_000_000 - 2**32


def test_old_holes_are_forgotten() -> None:
    keeper = keeper_with(*range(0, 100, 2))
    ranges = keeper.take(5.0).ranges
    assert len(ranges) == ACK_RANGES_KEPT
    assert ranges[0] == (98, 99)
