from hypothesis import given
from hypothesis import strategies as st

from guardpost.services.event_queue import BURST, EVENTS_PER_SECOND, KEPT_EVENTS, EventQueue


def test_events_come_in_their_order_and_once() -> None:
    queue: EventQueue[int] = EventQueue(0.0)
    for number in range(5):
        queue.put("started", number, 0.0)
    assert queue.take(0.0) == ([0, 1, 2, 3, 4], {})
    assert queue.take(0.0) == ([], {})


def test_a_flood_is_counted_by_kind() -> None:
    queue: EventQueue[int] = EventQueue(0.0)
    for number in range(BURST + 30):
        queue.put("started" if number % 2 else "ended", number, 0.0)
    queue.drop("kernel")
    kept, dropped = queue.take(0.0)
    assert kept == list(range(BURST))
    assert dropped == {"started": 15, "ended": 15, "kernel": 1}


def test_what_was_dropped_is_told_once_a_second() -> None:
    queue: EventQueue[int] = EventQueue(0.0)
    told = []
    for tick in range(40):
        queue.drop("started")
        told.append(queue.take(tick / 10)[1])
    assert [each["started"] for each in told if each] == [1, 10, 10, 10]


def test_the_rate_is_bounded_for_ever() -> None:
    queue: EventQueue[int] = EventQueue(0.0)
    kept = 0
    for tick in range(1000):
        queue.put("started", tick, tick / 100)
        queue.put("started", tick, tick / 100)
        kept += len(queue.take(tick / 100)[0])
    assert kept <= BURST + 10 * EVENTS_PER_SECOND


@given(st.lists(st.floats(0, 1e6), max_size=100))
def test_room_is_bounded_whatever_the_clock_does(times: list[float]) -> None:
    queue: EventQueue[float] = EventQueue(0.0)
    for now in times:
        for _ in range(20):
            queue.put("started", now, now)
    kept, dropped = queue.take(1e9)
    assert len(kept) <= KEPT_EVENTS
    assert len(kept) + sum(dropped.values()) == 20 * len(times)
