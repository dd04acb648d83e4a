"""RateSamples: the line's rate, from the times it took for what it carried."""

from collections import deque

__all__ = ["NEWS", "RateSamples"]

NEWS = 1.25  # times the rate, twice in a row: the line has changed
_MORE = 1.08  # and this much more, even if the reader was late by that before: it waited for us
_LATE_SECONDS = 0.0035
_KEPT = 16
_KEPT_SECONDS = 1.5
_SAMPLE_BYTES = 120  # less is over before a reader wakes


class RateSamples:
    """The newest samples, as long as they agree. `rate` is what they say together.

    A late reader makes one sample slow and the next one fast: together they are right. Two in a
    row on the same side are news, and only they are kept. A little more is news where less is not:
    a line that waits for us without our knowing only confirms what we do, and shows more when for
    once it does not. `rises` after such news.
    """

    __slots__ = ("_bytes", "_more", "_samples", "_seconds", "_side", "rate", "rises")

    def __init__(self) -> None:
        self.rate = 0.0
        self._samples: deque[tuple[float, int]] = deque()
        self._seconds = 0.0
        self._bytes = 0
        self._side = 0
        self._more = self.rises = False

    def take(self, size: int, elapsed: float, believed: float | None) -> bool:
        """The line carried `size` bytes in `elapsed` seconds. False: too few to tell anything."""
        if size < _SAMPLE_BYTES:
            return False
        elapsed = max(elapsed, 1e-5)
        if believed is not None:
            self._look_for_news(size, elapsed, believed)
        samples = self._samples
        samples.append((elapsed, size))
        self._seconds += elapsed
        self._bytes += size
        while len(samples) > 2 and (len(samples) > _KEPT or self._seconds > _KEPT_SECONDS):
            self._drop_first()
        self.rate = self._bytes / self._seconds
        return True

    def _look_for_news(self, size: int, elapsed: float, believed: float) -> None:
        side = (size > believed * NEWS * elapsed) - (size < believed / NEWS * elapsed)
        more = size > believed * _MORE * (elapsed + _LATE_SECONDS)
        self.rises = more and self._more
        if self.rises or (side and side == self._side):
            while len(self._samples) > 1:
                self._drop_first()
        self._side = side
        self._more = more

    def _drop_first(self) -> None:
        elapsed, size = self._samples.popleft()
        self._seconds -= elapsed
        self._bytes -= size

    def forget(self) -> None:
        """The line is another one now."""
        self._samples.clear()
        self._seconds = 0.0
        self._bytes = 0
        self._side = 0
        self._more = self.rises = False
