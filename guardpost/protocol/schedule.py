"""Who fills the next packet.

Order: interactive channels and sparse ones, then the rest by deficit round robin. A channel is
sparse while it sends little: less than an eighth of the line in a second, and less than that
waits. That is what makes the keystrokes of an ssh tunnel quick without anybody being told. What
is urgent travels in packets of its own, which are short; after two frames' worth of it one
packet of bulk goes, so that nothing starves.
"""

from collections import deque

from guardpost.protocol.channel import Channel

__all__ = ["Schedule"]

_SPARSE_SHARE = 1 / 8
_SPARSE_MIN_BYTES = 512


class Schedule:
    """Holds the channels that have something to send. `quantum` is the size of a frame in bytes."""

    def __init__(self) -> None:
        self._interactive: deque[Channel] = deque()
        self._sparse: deque[Channel] = deque()
        self._bulk: deque[Channel] = deque()
        self._urgent_bytes = 0

    def add(self, channel: Channel, rate: float | None, now: float) -> None:
        """`channel` has something to send. Nothing happens if that was known, or if it has not."""
        if channel.queued:
            if channel in self._sparse and not self._is_sparse(channel, rate, now):
                self._sparse.remove(channel)
                self._bulk.append(channel)
            return
        if not channel.sending.ready():
            return
        channel.queued = True
        if channel.interactive:
            self._interactive.append(channel)
        elif self._is_sparse(channel, rate, now):
            self._sparse.append(channel)
        else:
            channel.deficit = 0
            self._bulk.append(channel)

    def remove(self, channel: Channel) -> None:
        if channel.queued:
            channel.queued = False
            for queue in (self._interactive, self._sparse, self._bulk):
                if channel in queue:
                    queue.remove(channel)

    @property
    def urgent(self) -> bool:
        return bool(self._interactive or self._sparse)

    @property
    def bulk(self) -> bool:
        return bool(self._bulk)

    def next_urgent(self, quantum: int) -> Channel | None:
        """The urgent channel whose turn it is; None when bulk's turn has come."""
        if self._bulk and self._urgent_bytes >= 2 * quantum:
            return None
        queue = self._interactive or self._sparse
        return queue[0] if queue else None

    def next_bulk(self, quantum: int) -> Channel | None:
        """The bulk channel whose turn it is."""
        if not self._bulk:
            return None
        channel = self._bulk[0]
        while channel.deficit <= 0:
            channel.deficit += quantum
            self._bulk.rotate(-1)
            channel = self._bulk[0]
        return channel

    def served(self, channel: Channel, size: int, rate: float | None, now: float) -> None:
        """`channel` put `size` bytes into a packet (0: it had nothing after all)."""
        channel.recent = self._recent(channel, now) + size
        channel.recent_at = now
        urgent = channel.interactive or channel in self._sparse
        if urgent:
            self._urgent_bytes += size
        else:
            self._urgent_bytes = 0
            channel.deficit -= size
        self.remove(channel)
        if not channel.sending.ready():
            return
        channel.queued = True
        if channel.interactive:
            self._interactive.append(channel)
        elif urgent and self._is_sparse(channel, rate, now):
            self._sparse.append(channel)
        elif channel.deficit > 0 and not urgent:
            self._bulk.appendleft(channel)
        else:
            self._bulk.append(channel)

    @staticmethod
    def _recent(channel: Channel, now: float) -> float:
        """Bytes of about the last second."""
        return channel.recent * max(0.0, 1.0 - (now - channel.recent_at))

    def _is_sparse(self, channel: Channel, rate: float | None, now: float) -> bool:
        limit = max(_SPARSE_MIN_BYTES, (rate or 0.0) * _SPARSE_SHARE)
        return self._recent(channel, now) + channel.sending.buffered <= limit
