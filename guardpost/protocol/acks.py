"""What we opened and when: the receiving half of recovery.

It says what an ACK holds and when it goes. An ack goes out as a small packet at the next frame
boundary, ahead of data; after a small packet it waits a few milliseconds for a reply to
ride on.
"""

from guardpost.protocol.limits import ACK_DELAY_SECONDS, ACK_RANGES_KEPT, ACK_SMALL_BYTES
from guardpost.protocol.messages import Ack
from guardpost.protocol.ranges import RangeSet

__all__ = ["AckKeeper"]


def _microseconds(now: float) -> int:
    return int(now * 1e6)


class AckKeeper:
    """Remembers opened packet numbers; `due(now)` and `take(now)` make the acks."""

    __slots__ = ("_deadline", "_largest", "_largest_at", "_ranges", "_skipped")

    def __init__(self) -> None:
        self._ranges = RangeSet()
        self._largest = -1
        self._largest_at = 0.0
        self._deadline: float | None = None
        self._skipped = False

    def opened(self, number: int, size: int, needs_ack: bool, now: float) -> None:
        """Packet `number` of `size` bytes on the line was opened at `now`."""
        self._ranges.add(number, number + 1)
        if number > self._largest:
            self._skipped = number > self._largest + 1
            self._largest = number
            self._largest_at = now
        while len(self._ranges) > ACK_RANGES_KEPT:
            self._ranges.drop_first()
        if needs_ack:
            patient = size <= ACK_SMALL_BYTES and not self._skipped
            deadline = now + ACK_DELAY_SECONDS if patient else now
            if self._deadline is None or deadline < self._deadline:
                self._deadline = deadline

    @property
    def wanted(self) -> bool:
        """An ack is owed, now or soon: a small packet that goes out anyway should carry it."""
        return self._deadline is not None

    @property
    def deadline(self) -> float | None:
        return self._deadline

    def due(self, now: float) -> bool:
        return self._deadline is not None and self._deadline <= now

    def take(self, now: float) -> Ack:
        """The ack as of now; it is no longer owed."""
        self._deadline = None
        delay = max(0, _microseconds(now - self._largest_at))
        ranges = tuple(reversed(self._ranges))
        return Ack(ranges, _microseconds(self._largest_at) & 0xFFFFFFFF, delay)
