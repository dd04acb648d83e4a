"""A simulated serial line, one direction at a time: `Wire`.

A Wire is sans-IO: bytes and the time go in, bytes and deadlines come out. So the
same object carries protocol tests under a virtual clock and, with a real clock,
the command `guardpost line`.

The way of a byte: the sender's buffer (a full one makes the writer wait) -> the
line itself, one byte every 1/rate seconds -> mutes -> damage -> delay -> the far
end. What arrives depends on the seed, the bytes and the times of pushing only,
never on how often `pull` is called.
"""

import math
from collections import deque
from dataclasses import dataclass
from random import Random

from guardpost.linefaults import NO_FAULTS, Faults, Stats, damage_stages

__all__ = ["NO_FAULTS", "Faults", "Stats", "Wire"]

UNLIMITED_BYTES = 1 << 30
"""The room of a buffer that never makes its writer wait."""

ROUNDING_BYTES = 1e-3
"""A byte this close to complete is complete: clocks are floats."""


class Wire:
    """One direction of a line. All methods take the time; it may not run backwards."""

    def __init__(
        self,
        rate_bytes_per_s: float | None,
        seed: int,
        *,
        faults: Faults = NO_FAULTS,
        buffer_bytes: int = 4096,
        fifo_bytes: int = 1,
    ) -> None:
        """`rate_bytes_per_s` None is unlimited (115200 baud 8N1 is 11520).

        `fifo_bytes` only spaces the deadlines: the far end is woken for that many bytes, or
        for the last one sent, as by a UART's receive FIFO.
        """
        self.stats = Stats()
        self._random = Random(seed)
        self._rate = rate_bytes_per_s
        self._buffer_bytes = buffer_bytes
        self._fifo_bytes = fifo_bytes
        self._queue = bytearray()
        self._foreign_bytes = 0  # of the queue's head: inserted text, not the sender's
        # The line has been busy since then and has sent so many bytes: no rounding adds up.
        self._busy_since = 0.0
        self._busy_bytes = 0
        self._on_line: deque[_Piece] = deque()
        self._changes: list[tuple[float, bytes | float]] = []
        self._set_faults(faults)

    @property
    def faults(self) -> Faults:
        return self._faults

    def change(self, faults: Faults, now: float) -> None:
        """From now on these faults; times in them that are past have no effect."""
        self._advance(now)
        self._set_faults(faults)
        self._changes = [change for change in self._changes if change[0] > now]

    def set_rate(self, rate_bytes_per_s: float | None, now: float) -> None:
        self._advance(now)
        self._change_rate(rate_bytes_per_s, now)
        self._advance(now)

    def insert(self, text: bytes, now: float) -> None:
        """Somebody else (the kernel) writes this between our bytes, now."""
        self._advance(now)
        if not self._queue:
            self._start_line(now)
        self._queue[self._foreign_bytes : self._foreign_bytes] = text
        self._foreign_bytes += len(text)
        self.stats.inserted += len(text)
        self._serialise(now)

    def room(self, now: float) -> int:
        """How many bytes the sender's buffer takes now."""
        if self._faults.drop_buffer:
            return UNLIMITED_BYTES
        return max(0, self._buffer_bytes - self.queued(now))

    def room_at(self, wanted: int, now: float) -> float | None:
        """When `room` will be `wanted` at least, at the present rate; None: not foreseeable."""
        missing = min(wanted, self._buffer_bytes) - self.room(now)
        if missing <= 0:
            return now
        if not self._rate:
            return self._changes[0][0] if self._changes else None
        due = self._busy_bytes + self._foreign_bytes + missing
        return max(now, self._busy_since + due / self._rate)

    def queued(self, now: float) -> int:
        """The sender's bytes that wait in its buffer (what TIOCOUTQ says of a UART)."""
        self._advance(now)
        return len(self._queue) - self._foreign_bytes

    def push(self, data: bytes, now: float) -> int:
        """The sender writes; returns how much of it was accepted."""
        fits = (self._faults.drop_buffer or self._buffer_bytes) - self.queued(now)
        taken = data[: max(0, fits)]
        accepted = len(data) if self._faults.drop_buffer else len(taken)
        self.stats.sent += accepted
        self.stats.overrun += accepted - len(taken)
        self._enqueue(taken, now)
        self._advance(now)
        return accepted

    def pull(self, now: float) -> bytes:
        """What has arrived at the far end since the last call."""
        self._advance(now)
        arrived = bytearray()
        reached = self._visible(now) - self._faults.delay
        while self._on_line:
            piece = self._on_line[0]
            count = piece.complete_by(reached)
            if not count:
                break
            head, rest = piece.split(count)
            if rest is None:
                self._on_line.popleft()
            else:
                self._on_line[0] = rest
            arrived += self._damaged(self._unmuted(head))
        self.stats.delivered += len(arrived)
        return bytes(arrived)

    def next_deadline(self, now: float) -> float | None:
        """When `pull` has something next (at times a little before that); None: never."""
        self._advance(now)
        due: float | None = None
        if self._on_line:
            piece = self._on_line[0]
            due = piece.complete_at(min(self._fifo_bytes, len(piece.data)))
        elif self._queue and self._rate:
            count = min(self._fifo_bytes, len(self._queue))
            due = self._busy_since + (self._busy_bytes + count) / self._rate
        if due is not None:
            due = self._grid_up(due + self._faults.delay)
        if self._changes and (due is None or self._changes[0][0] < due):
            due = self._changes[0][0]
        return due

    # -- the line itself

    def _advance(self, now: float) -> None:
        """Put on the line what it carries until `now`, with each change at its own time."""
        while self._changes and self._changes[0][0] <= now:
            when, change = self._changes.pop(0)
            self._serialise(when)
            if isinstance(change, bytes):
                self.insert(change, when)
            else:
                self._change_rate(change, when)
        self._serialise(now)

    def _serialise(self, now: float) -> None:
        if not self._queue or self._rate == 0:
            return
        if self._rate is None:
            self._put_on_line(len(self._queue), now, 0.0)
            return
        total = int((now - self._busy_since) * self._rate + ROUNDING_BYTES)
        count = min(total - self._busy_bytes, len(self._queue))
        if count > 0:
            first = self._busy_since + (self._busy_bytes + 1) / self._rate
            self._busy_bytes += count
            self._put_on_line(count, first, 1 / self._rate)

    def _put_on_line(self, count: int, first: float, interval: float) -> None:
        self._on_line.append(_Piece(bytes(self._queue[:count]), first, interval))
        del self._queue[:count]
        self._foreign_bytes = max(0, self._foreign_bytes - count)

    def _enqueue(self, data: bytes, now: float) -> None:
        if not self._queue:
            self._start_line(now)
        self._queue += data

    def _start_line(self, now: float) -> None:
        if self._rate:
            # The byte before may have been seen a rounding early; the next may not profit from it.
            now = max(now, self._busy_since + self._busy_bytes / self._rate)
        self._busy_since = now
        self._busy_bytes = 0

    def _change_rate(self, rate: float | None, now: float) -> None:
        """The part of a byte that is already out stays out."""
        part = 0.0
        if self._rate and self._queue:
            part = (now - self._busy_since) * self._rate - self._busy_bytes
        self._busy_since = now - (max(0.0, part) / rate if rate else 0.0)
        self._busy_bytes = 0
        self._rate = rate

    # -- what happens to bytes on it

    def _set_faults(self, faults: Faults) -> None:
        self._faults = faults
        self._changes = [*faults.rate_changes, *faults.insert]
        self._changes.sort(key=lambda change: change[0])
        self._stages = damage_stages(faults, self._random, self.stats)

    def _visible(self, now: float) -> float:
        grid = self._faults.coalesce
        return math.floor(now / grid + 1e-6) * grid if grid else now

    def _grid_up(self, when: float) -> float:
        grid = self._faults.coalesce
        return math.ceil(when / grid - 1e-6) * grid if grid else when

    def _unmuted(self, piece: "_Piece") -> bytes:
        data = piece.data
        for start, duration in self._faults.mutes:
            first = piece.complete_by(start, inclusive=False)
            after = piece.complete_by(start + duration, inclusive=False)
            if first < after:
                # Mutes are taken as not overlapping; a second one finds nothing to remove.
                self.stats.muted += after - first
                return data[:first] + data[after:]
        return data

    def _damaged(self, data: bytes) -> bytes:
        for stage in self._stages:
            data = stage(data)
        return data


@dataclass(frozen=True)
class _Piece:
    """Bytes on the line: the first complete at `first`, the others every `interval` after it."""

    data: bytes
    first: float
    interval: float

    def complete_at(self, count: int) -> float:
        return self.first + (count - 1) * self.interval

    def complete_by(self, when: float, *, inclusive: bool = True) -> int:
        if not self.interval:
            done = self.first <= when + 1e-9 if inclusive else self.first < when - 1e-9
            return len(self.data) if done else 0
        places = (when - self.first) / self.interval
        count = math.floor(places + ROUNDING_BYTES) + 1
        if not inclusive:
            count = math.ceil(places - ROUNDING_BYTES)
        return min(len(self.data), max(0, count))

    def split(self, count: int) -> "tuple[_Piece, _Piece | None]":
        if count >= len(self.data):
            return self, None
        head = _Piece(self.data[:count], self.first, self.interval)
        rest = _Piece(self.data[count:], self.complete_at(count + 1), self.interval)
        return head, rest
