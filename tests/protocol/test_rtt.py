"""Round trip and probe timeout, by the numbers of RFC 6298."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.protocol.limits import PROBE_FIRST_SECONDS, PROBE_MAX_SECONDS, PROBE_MIN_SECONDS
from guardpost.protocol.rtt import RoundTrip

SECONDS = st.floats(0, 100)


def test_the_first_sample_is_taken_as_it_is() -> None:
    round_trip = RoundTrip()
    round_trip.sample(0.2)
    assert (round_trip.smoothed, round_trip.variance) == (0.2, 0.1)


def test_the_second_sample_moves_both_a_little() -> None:
    round_trip = RoundTrip()
    round_trip.sample(0.2)
    round_trip.sample(0.6)
    assert round_trip.variance == pytest.approx(0.75 * 0.1 + 0.25 * 0.4)
    assert round_trip.smoothed == pytest.approx(7 / 8 * 0.2 + 1 / 8 * 0.6)


def test_a_clock_that_goes_back_counts_as_nothing() -> None:
    round_trip = RoundTrip()
    round_trip.sample(-3.0)
    assert round_trip.smoothed == 0.0


def test_before_any_sample_there_is_a_guess() -> None:
    assert RoundTrip().probe_timeout(0.0, 0) == PROBE_FIRST_SECONDS


def test_what_is_queued_comes_on_top() -> None:
    round_trip = RoundTrip()
    for _ in range(200):
        round_trip.sample(0.01)
    assert round_trip.probe_timeout(0.0, 0) == pytest.approx(PROBE_MIN_SECONDS)
    assert round_trip.probe_timeout(7.0, 0) == pytest.approx(PROBE_MIN_SECONDS + 7.0)


@given(st.lists(SECONDS, max_size=20), SECONDS, st.integers(0, 10))
def test_the_timeout_is_doubled_up_to_a_limit(
    samples: list[float], queued: float, unanswered: int
) -> None:
    round_trip = RoundTrip()
    for sample in samples:
        round_trip.sample(sample)
    first = round_trip.probe_timeout(queued, 0)
    later = round_trip.probe_timeout(queued, unanswered)
    assert PROBE_MIN_SECONDS <= first <= later <= max(PROBE_MAX_SECONDS, 2 * first)
    assert later <= first * 2**unanswered
