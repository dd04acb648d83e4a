import math

import pytest

from guardpost.cli.quantities import bytes_text, duration_text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (1023, "1023"),
        (1024, "1.0K"),
        (10 * 1024, "10K"),
        (1023 * 1024, "1023K"),
        (1024 * 1024 - 1, "1.0M"),
        (123_456_789, "118M"),
        (5 * 2**40, "5.0T"),
        (2**60, "1024P"),
    ],
)
def test_bytes_have_a_unit(count: int, text: str) -> None:
    assert bytes_text(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00"),
        (7.9, "0:07"),
        (754, "12:34"),
        (11045, "3:04:05"),
        (12 * 86400 + 11040, "12d 3:04"),
    ],
)
def test_durations_grow_to_the_left(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_a_time_without_end_is_not_known() -> None:
    assert [duration_text(each) for each in (math.inf, -math.inf, math.nan)] == ["-"] * 3
