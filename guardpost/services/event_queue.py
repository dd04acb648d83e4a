"""EventQueue: events on their way to a slow reader, in bounded room and at a bounded rate.

What does not fit is counted instead of kept: a host that starts a thousand processes a
second, or a line that stands still, must cost the agent neither memory nor its time.
"""

from collections import Counter, deque
from typing import Generic, TypeVar

__all__ = ["BURST", "EVENTS_PER_SECOND", "KEPT_EVENTS", "EventQueue"]

KEPT_EVENTS = 512
EVENTS_PER_SECOND = 50.0
BURST = 200
TOLD_SECONDS = 1.0
"""Between two accounts of what was dropped."""

T = TypeVar("T")


class EventQueue(Generic[T]):
    """put() takes events of a kind, take() gives those kept and how many of each kind were not."""

    def __init__(self, now: float) -> None:
        self._events: deque[T] = deque()
        self._dropped: Counter[str] = Counter()
        self._tokens = float(BURST)
        self._filled_at = now
        self._told_at = now - TOLD_SECONDS

    def has_room(self, now: float) -> bool:
        """Whether an event put now would be kept."""
        earned = max(0.0, now - self._filled_at) * EVENTS_PER_SECOND
        self._tokens = min(float(BURST), self._tokens + earned)
        self._filled_at = now
        return self._tokens >= 1 and len(self._events) < KEPT_EVENTS

    def put(self, kind: str, event: T, now: float) -> None:
        """Keep `event`, or count one more of `kind` dropped."""
        if self.has_room(now):
            self._tokens -= 1
            self._events.append(event)
        else:
            self.drop(kind)

    def drop(self, kind: str) -> None:
        """Count one of `kind` that nobody will see."""
        self._dropped[kind] += 1

    def take(self, now: float) -> tuple[list[T], dict[str, int]]:
        """All that was kept, in order; and once a second how many of each kind were dropped."""
        events = list(self._events)
        self._events.clear()
        if not self._dropped or now - self._told_at < TOLD_SECONDS:
            return events, {}
        dropped = dict(sorted(self._dropped.items()))
        self._dropped.clear()
        self._told_at = now
        return events, dropped
