"""Transfer: bytes that are to arrive, and what did arrive, when.

Whatever carries them, the time counts from the first arrival to the last, and the first
chunk is not counted: it had come before the clock ran.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Outcome", "Transfer"]

LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Outcome:
    """`end` is "whole", "ended" (the way closed), "stalled" or "late"."""

    end: str
    arrived: int
    wanted: int
    bytes_per_second: float
    wrong_at: int | None
    first_at: float | None
    """On the monotonic clock."""

    @property
    def intact(self) -> bool:
        return self.end == "whole" and self.wrong_at is None

    def __str__(self) -> str:
        if self.intact:
            return f"intact, {self.bytes_per_second:.0f} B/s"
        if self.wrong_at is not None:
            return f"wrong from byte {self.wrong_at} on"
        words = {"ended": "ends", "stalled": "hangs", "late": "unfinished"}
        return f"{words[self.end]} after {self.arrived} B"


class Transfer:
    """`arrived` may be called from any thread, one at a time."""

    def __init__(self, data: bytes, clock: Callable[[], float] = time.monotonic) -> None:
        self.data = data
        self._clock = clock
        self._size = self._first_size = 0
        self._first_at = self._last_at = 0.0
        self._wrong_at: int | None = None
        self._changed = threading.Condition()
        self._closed = False

    @property
    def complete(self) -> bool:
        return self._size >= len(self.data)

    def wait_after(self, when: float, seconds: float) -> float | None:
        """When the first byte after `when` arrived, on the monotonic clock; None: not in time."""
        deadline = self._clock() + seconds
        with self._changed:
            while self._last_at <= when and not self._closed and self._clock() < deadline:
                self._changed.wait(0.002)
            return self._last_at if self._last_at > when else None

    def arrived(self, chunk: bytes | bytearray) -> None:
        now = self._clock()
        with self._changed:
            if not self._size:
                self._first_at, self._first_size = now, len(chunk)
            if self._wrong_at is None and self.data[self._size : self._size + len(chunk)] != chunk:
                self._wrong_at = self._size + _first_difference(self.data[self._size :], chunk)
            news = not self._size
            self._size += len(chunk)
            self._last_at = now
            if news or self.complete:  # nobody is woken for each chunk: that would cost as much
                self._changed.notify_all()

    def close(self) -> None:
        """Nothing more will arrive."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wait_first(self, seconds: float) -> float | None:
        """When the first byte arrived; None when it did not."""
        with self._changed:
            self._changed.wait_for(lambda: self._size or self._closed, seconds)
            return self._first_at if self._size else None

    def wait(self, *, seconds: float, patience: float) -> Outcome:
        """Until all is there, nothing came for `patience` seconds, or `seconds` are over."""
        begun = self._clock()
        with self._changed:
            while True:
                now = self._clock()
                if self.complete:
                    return self._outcome("whole")
                if self._closed:
                    return self._outcome("ended")
                if now - max(begun, self._last_at) > patience:
                    return self._outcome("stalled")
                if now - begun > seconds:
                    return self._outcome("late")
                self._changed.wait(LOOK_SECONDS)

    def _outcome(self, end: str) -> Outcome:
        elapsed = self._last_at - self._first_at
        return Outcome(
            end,
            self._size,
            len(self.data),
            (self._size - self._first_size) / elapsed if elapsed > 0 else 0.0,
            self._wrong_at,
            self._first_at if self._size else None,
        )


def _first_difference(wanted: bytes, found: bytes | bytearray) -> int:
    for place, octet in enumerate(found):
        if wanted[place : place + 1] != bytes((octet,)):
            return place
    return len(found)
