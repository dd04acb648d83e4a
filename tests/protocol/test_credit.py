"""Credit: what a reader grants, what a sender uses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.errors import RemoteProtocolError
from guardpost.protocol.credit import Granted, GrantPool, Spending
from guardpost.protocol.limits import WINDOW_MAX_BYTES


def read_fast(granted: Granted, size: int, now: float, round_trip: float = 0.1) -> int | None:
    granted.receive(granted.received + size)
    granted.consume(size)
    return granted.grant(round_trip, now)


def test_nothing_is_granted_before_half_of_it_was_read() -> None:
    granted = Granted(1000)
    assert read_fast(granted, 499, 10.0) is None
    assert read_fast(granted, 1, 10.0) == 1500


def test_using_more_than_the_limit_is_a_violation() -> None:
    granted = Granted(1000)
    assert granted.receive(1000) == 1000
    assert granted.receive(900) == 0
    with pytest.raises(RemoteProtocolError):
        granted.receive(1001)


def test_a_window_that_brakes_becomes_four_times_as_large() -> None:
    granted = Granted(1000, GrantPool(10_000))
    read_fast(granted, 500, 10.0)
    read_fast(granted, 500, 10.3)
    assert granted.window == 4000


def test_a_slow_reader_keeps_his_window() -> None:
    granted = Granted(1000, GrantPool(10_000))
    for second in range(20):
        read_fast(granted, 500, 10.0 + second)
    assert granted.window == 1000


def test_a_window_ends_at_its_limit_and_at_the_pool() -> None:
    granted = Granted(1 << 20, GrantPool(64 << 20))
    for step in range(100):
        read_fast(granted, granted.window // 2, 10.0 + step / 100)
    assert granted.window == WINDOW_MAX_BYTES
    granted = Granted(1000, GrantPool(2500))
    for step in range(100):
        read_fast(granted, granted.window // 2, 10.0 + step / 100)
    assert granted.window == 3500


def test_a_closed_channel_gives_back_what_it_had() -> None:
    pool = GrantPool(3000)
    granted = Granted(1000, pool)
    for step in range(10):
        read_fast(granted, granted.window // 2, 10.0 + step / 100)
    assert granted.window == 4000
    assert not pool.take(1)
    granted.close()
    granted.close()
    assert pool.take(3000)
    assert not pool.take(1)


@given(st.lists(st.tuples(st.integers(0, 3000), st.floats(0, 1)), max_size=40))
def test_limits_only_grow_and_a_window_always_opens_again(
    reads: list[tuple[int, float]],
) -> None:
    granted = Granted(1000, GrantPool(5000))
    now, limit = 10.0, granted.limit
    for size, pause in reads:
        now += pause
        size = min(size, granted.limit - granted.received)
        told = read_fast(granted, size, now)
        assert told in (None, granted.limit)
        assert limit <= granted.limit <= granted.consumed + granted.window
        limit = granted.limit
        assert granted.limit - granted.consumed > granted.window // 2 - 1


def test_a_sender_ignores_a_lower_limit() -> None:
    spending = Spending(100)
    spending.spend(60)
    assert spending.left == 40
    spending.raise_to(50)
    assert spending.left == 40
    spending.raise_to(200)
    assert spending.left == 140
