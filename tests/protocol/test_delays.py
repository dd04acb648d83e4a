"""The smallest delay of late, whatever the packets' sizes."""

import math

from guardpost.protocol.delays import SmallestDelay


def test_the_smallest_delay_is_that_of_the_last_windows() -> None:
    smallest = SmallestDelay(10.0)
    assert smallest.at(None) == math.inf
    smallest.sample(3.0, 0, None, 0.0)
    smallest.sample(5.0, 0, None, 1.0)
    assert smallest.at(None) == 3.0
    smallest.sample(6.0, 0, None, 11.0)
    assert smallest.at(None) == 3.0
    smallest.sample(7.0, 0, None, 22.0)
    assert smallest.at(None) == 6.0
    smallest.sample(8.0, 0, None, 60.0)
    assert smallest.at(None) == 8.0


def test_a_small_packet_that_queued_hides_no_large_one_that_did_not() -> None:
    smallest = SmallestDelay(10.0)
    smallest.sample(2.5, 50, 100.0, 0.0)
    smallest.sample(6.0, 500, 100.0, 1.0)
    assert smallest.at(100.0) == 1.0


def test_a_rate_that_was_too_low_leaves_nothing_behind() -> None:
    smallest = SmallestDelay(10.0)
    smallest.sample(6.0, 500, 50.0, 0.0)
    assert smallest.at(50.0) == -4.0
    assert smallest.at(100.0) == 1.0


def test_a_line_that_became_slower_makes_no_old_delay_shorter() -> None:
    smallest = SmallestDelay(10.0)
    smallest.sample(6.0, 500, 100.0, 0.0)
    assert smallest.at(10.0) == 1.0


def test_what_was_settled_holds_at_any_rate() -> None:
    smallest = SmallestDelay(10.0)
    smallest.sample(6.0, 500, 100.0, 0.0)
    smallest.settle(0.5)
    assert smallest.at(100.0) == smallest.at(1.0) == 0.5
