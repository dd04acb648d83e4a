"""SmallestDelay: what a packet of no size would take, from packets that have one."""

__all__ = ["SmallestDelay"]

_WINDOW_SECONDS = 15.0  # two of them are kept: crystals drift by 1.5 ms in this time


class SmallestDelay:
    """The smallest delay of the last one to two windows, without a packet's own time on the line.

    Of a sample that time is taken off at the rate of then, or of now if that is more: a line that
    became slower has not made an old delay shorter, and a rate that was too low leaves nothing
    behind.
    """

    __slots__ = ("_current", "_previous", "_until", "_window", "count")

    def __init__(self, window: float = _WINDOW_SECONDS) -> None:
        self._window = window
        self._until = float("-inf")
        self.count = 0
        self._current = self._previous = _NO_SAMPLE

    def sample(self, delay: float, size: int, rate: float | None, now: float) -> None:
        """A packet of `size` bytes took `delay` seconds."""
        self.count += 1
        if now < self._until:
            own = size / rate if rate else 0.0
            if delay - own < _own_off(self._current, rate):
                self._current = (delay, size, rate or 0.0)
            return
        recent = now < self._until + self._window
        self._previous = self._current if recent else _NO_SAMPLE
        self._current = (delay, size, rate or 0.0)
        self._until = now + self._window

    def settle(self, delay: float) -> None:
        """It was `delay`, whatever the rate was or is."""
        self._current, self._previous = (delay, 0, 0.0), _NO_SAMPLE

    def at(self, rate: float | None) -> float:
        """As of now, with the rate of now; infinity before the first sample."""
        current = _own_off(self._current, rate)
        if self._previous is _NO_SAMPLE:
            return current
        previous = _own_off(self._previous, rate)
        return current if current < previous else previous


_NO_SAMPLE = (float("inf"), 0, 0.0)


def _own_off(sample: tuple[float, int, float], rate: float | None) -> float:
    delay, size, rate_then = sample
    if rate is None or rate < rate_then:
        rate = rate_then
    return delay - size / rate if rate else delay
