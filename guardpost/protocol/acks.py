"""What we opened and when: the receiving half of recovery.

It says what an ACK holds and when it goes: at once in a small packet of its own; after a small
packet a few milliseconds later, for a reply to ride on. While the way back is busy it rides on the
next packet of data, since one of its own would cost three times the bytes; unless a packet is
missing, which the peer should know at once.
"""

from guardpost.protocol.limits import ACK_DELAY_SECONDS, ACK_RANGES_KEPT, ACK_SMALL_BYTES
from guardpost.protocol.messages import Ack
from guardpost.protocol.ranges import RangeSet

__all__ = ["AckKeeper"]


def _microseconds(now: float) -> int:
    return int(now * 1e6)


class AckKeeper:
    """Remembers opened packet numbers; `due(now)` and `take(now)` make the acks."""

    __slots__ = ("_deadline", "_largest", "_largest_at", "_owed", "_ranges", "_skipped")

    def __init__(self) -> None:
        self._ranges = RangeSet()
        self._largest = -1
        self._largest_at = 0.0
        self._deadline: float | None = None
        self._skipped = False
        self._owed = 0  # packets since the last ack

    def opened(self, number: int, size: int, needs_ack: bool, now: float) -> None:
        """Packet `number` of `size` bytes on the line was opened at `now`."""
        self._ranges.add(number, number + 1)
        if number > self._largest:
            self._skipped |= number > self._largest + 1
            self._largest = number
            self._largest_at = now
        while len(self._ranges) > ACK_RANGES_KEPT:
            self._ranges.drop_first()
        if needs_ack:
            self._owed += 1
            patient = size <= ACK_SMALL_BYTES and not self._skipped
            deadline = now + ACK_DELAY_SECONDS if patient else now
            if self._deadline is None or deadline < self._deadline:
                self._deadline = deadline

    @property
    def wanted(self) -> bool:
        """An ack is owed, now or soon."""
        return self._deadline is not None

    @property
    def hurried(self) -> bool:
        """A packet is missing: the peer should know at once."""
        return self._deadline is not None and self._skipped

    def rides(self, every: int) -> bool:
        """Worth its bytes on the next packet: it acks `every` packets or more, or shows a gap."""
        return self._owed >= every or self.hurried

    @property
    def deadline(self) -> float | None:
        return self._deadline

    def due(self, now: float) -> bool:
        return self._deadline is not None and self._deadline <= now

    def take(self, now: float) -> Ack:
        """The ack as of now; it is no longer owed."""
        self._deadline = None
        self._owed = 0
        self._skipped = False
        delay = max(0, _microseconds(now - self._largest_at))
        ranges = tuple(reversed(self._ranges))
        return Ack(ranges, _microseconds(self._largest_at) & 0xFFFFFFFF, delay)
