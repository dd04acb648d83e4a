"""However late a line is woken, it never hands over more than a line could."""

from hypothesis import given
from hypothesis import strategies as st

from guardpost.linepace import EXCESS_BYTES, LinePace, wake_bytes

RATE = 11520.0


def handed_over(pauses: list[float]) -> list[tuple[float, int]]:
    """A line that always has more to give, woken after these pauses: (time, bytes)."""
    pace, now, handed, done = LinePace(), 0.0, [], 0
    for pause in pauses:
        now += pause
        count = min(pace.allowed(now, RATE), int(now * RATE) - done)
        if count > 0:
            pace.note(count, now)
            handed.append((now, count))
            done += count
    return handed


@given(st.lists(st.floats(0.0001, 0.05), min_size=10, max_size=300))
def test_no_100_ms_ever_see_more_than_the_rate_and_a_fifo(pauses: list[float]) -> None:
    handed = handed_over(pauses)
    for start, _ in handed:
        window = sum(count for when, count in handed if start <= when < start + 0.1)
        assert window <= 1152 + EXCESS_BYTES


def test_a_line_woken_in_time_loses_nothing() -> None:
    pause = wake_bytes(RATE) / RATE
    handed = handed_over([pause] * int(10 / pause))
    assert sum(count for _, count in handed) >= 10 * RATE - EXCESS_BYTES


def test_what_a_pause_held_up_is_made_up() -> None:
    pause = wake_bytes(RATE) / RATE
    handed = handed_over([pause] * 100 + [0.02] + [pause] * int(6 / pause))
    end = handed[-1][0]
    assert sum(count for _, count in handed) >= end * RATE - EXCESS_BYTES
