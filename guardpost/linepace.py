"""LinePace: no byte of a simulated line is handed over faster than the line allows.

A process is not woken when it wishes. If a line simply handed over what is due, the
bytes of a pause would come in one burst, and whoever measures over it would measure
nothing. So in any 100 ms there are never more bytes than the rate gives and a FIFO's
worth; what a pause held up is made up at that pace. The same for 10 ms, lest the
burst only be followed by a gap.
"""

from collections import deque

__all__ = ["EXCESS_BYTES", "LinePace", "wake_bytes"]

WINDOWS_SECONDS = (0.1, 0.01)

EXCESS_BYTES = 16
"""What a UART's FIFO may hand over at once."""

EXCESS_SECONDS = EXCESS_BYTES / 11520
"""On faster lines the excess lasts as long as at 115200 baud: nobody is woken more exactly."""


class LinePace:
    def __init__(self) -> None:
        self._windows = [_Window(seconds) for seconds in WINDOWS_SECONDS]

    def allowed(self, now: float, rate: float) -> int:
        """How many bytes may be handed over now."""
        excess = max(EXCESS_BYTES, rate * EXCESS_SECONDS)
        return min(
            int(window.seconds * rate + excess) - window.bytes_since(now)
            for window in self._windows
        )

    def note(self, count: int, when: float) -> None:
        """So many were, at the latest at `when`."""
        for window in self._windows:
            window.add(count, when)


class _Window:
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._handed: deque[tuple[float, int]] = deque()
        self._bytes = 0

    def bytes_since(self, now: float) -> int:
        while self._handed and self._handed[0][0] < now - self.seconds:
            self._bytes -= self._handed.popleft()[1]
        return self._bytes

    def add(self, count: int, when: float) -> None:
        self._handed.append((when, count))
        self._bytes += count


def wake_bytes(rate: float) -> int:
    """After how many bytes to look at the line again: half the excess leaves the other half for
    making up a pause."""
    return max(1, int(rate * EXCESS_SECONDS / 2))
