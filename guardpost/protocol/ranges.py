"""Sets of integers kept as sorted, disjoint, half-open ranges: acked packets, sent bytes."""

import bisect
from collections.abc import Iterator

__all__ = ["RangeSet"]


class RangeSet:
    """Half-open ranges [start, stop), ascending, never touching each other."""

    __slots__ = ("_starts", "_stops")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []

    def __len__(self) -> int:
        return len(self._starts)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self._starts, self._stops, strict=True)

    def __reversed__(self) -> Iterator[tuple[int, int]]:
        return zip(reversed(self._starts), reversed(self._stops), strict=True)

    def __contains__(self, value: int) -> bool:
        index = bisect.bisect_right(self._starts, value) - 1
        return index >= 0 and value < self._stops[index]

    @property
    def first(self) -> tuple[int, int]:
        return self._starts[0], self._stops[0]

    def add(self, start: int, stop: int) -> None:
        """Union with [start, stop); an empty range changes nothing."""
        if start >= stop:
            return
        starts, stops = self._starts, self._stops
        if stops and stops[-1] == start:  # the common case: the next one in order
            stops[-1] = stop
            return
        # Every range that overlaps or touches [start, stop) melts into it.
        low = bisect.bisect_left(stops, start)
        high = bisect.bisect_right(starts, stop)
        if low < high:
            start = min(start, starts[low])
            stop = max(stop, stops[high - 1])
        starts[low:high] = [start]
        stops[low:high] = [stop]

    def remove(self, start: int, stop: int) -> None:
        """Difference with [start, stop)."""
        if start >= stop:
            return
        starts, stops = self._starts, self._stops
        low = bisect.bisect_right(stops, start)
        high = bisect.bisect_left(starts, stop)
        if low >= high:
            return
        kept_starts: list[int] = []
        kept_stops: list[int] = []
        if starts[low] < start:
            kept_starts.append(starts[low])
            kept_stops.append(start)
        if stops[high - 1] > stop:
            kept_starts.append(stop)
            kept_stops.append(stops[high - 1])
        starts[low:high] = kept_starts
        stops[low:high] = kept_stops

    def drop_first(self) -> None:
        del self._starts[0], self._stops[0]
