"""The rate that samples of busy times give together."""

import pytest

from guardpost.protocol.samples import RateSamples


def taken(*samples: tuple[int, float]) -> RateSamples:
    """Each is bytes and seconds; what is believed is what they have said so far."""
    rates = RateSamples()
    for size, elapsed in samples:
        rates.take(size, elapsed, rates.rate or None)
    return rates


def test_samples_are_weighed_by_their_time() -> None:
    assert taken((1000, 0.1), (1000, 0.12)).rate == pytest.approx(2000 / 0.22)


def test_what_is_over_before_a_reader_wakes_tells_nothing() -> None:
    rates = taken((1000, 0.1))
    assert not rates.take(40, 0.03, rates.rate)
    assert rates.rate == 10000


def test_a_late_reader_makes_two_samples_wrong_and_their_sum_right() -> None:
    assert taken((1000, 0.1), (1000, 0.16), (1000, 0.04)).rate == pytest.approx(10000)


@pytest.mark.parametrize("factor", [0.1, 0.5, 2.0, 10.0])
def test_two_in_a_row_on_one_side_are_a_line_that_changed(factor: float) -> None:
    slower = (1000, 0.1 / factor)
    rates = taken(*[(1000, 0.1)] * 10, slower, slower)
    assert rates.rate == pytest.approx(10000 * factor)


def test_a_little_more_is_news_and_a_little_less_is_not() -> None:
    usual = [(1000, 0.1)] * 10
    hardly = taken(*usual, (1000, 0.1 / 1.1), (1000, 0.1 / 1.1))
    assert hardly.rate < 10500  # a reader that was late before looks like that
    more = taken(*usual, (1000, 0.1 / 1.15), (1000, 0.1 / 1.15))
    assert more.rate == pytest.approx(11500)
    assert more.rises
    less = taken(*usual, (1000, 0.115), (1000, 0.115))
    assert less.rate > 9500
    assert not less.rises


def test_old_samples_go() -> None:
    rates = taken(*[(1000, 0.1)] * 10, *[(1000, 0.11)] * 14)
    assert rates.rate == pytest.approx(1000 / 0.11)


def test_nothing_is_left_of_what_was_forgotten() -> None:
    rates = taken((1000, 0.1), (1000, 0.2))
    rates.forget()
    rates.take(1000, 0.05, None)
    assert rates.rate == pytest.approx(20000)
