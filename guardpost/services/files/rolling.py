"""The rolling sums of blocks, and where one of them stands in other bytes: native/rolling.h.

Other threads run meanwhile.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from guardpost._framing import ffi, lib

__all__ = ["Finder", "rolling_sum"]

Bytes = bytes | bytearray | memoryview


def rolling_sum(data: Bytes) -> int:
    """32 bits that say what `data` most probably is, if nobody wants to deceive."""
    return lib.gp_rolling_sum(ffi.from_buffer(data), len(data))


class Finder:
    """Knows blocks of `block` bytes each by their sums, in their order; 50 kB for 8192 of them."""

    def __init__(self, sums: Sequence[int], block: int) -> None:
        self._block = block
        self._numbers = array("I", sorted(range(len(sums)), key=sums.__getitem__))
        self._sums = array("I", [sums[number] for number in self._numbers])
        known = bytearray(lib.GP_ROLLING_FILTER_BYTES)
        for each in self._sums:
            known[each >> 19] |= 1 << (each >> 16 & 7)
        self._known = bytes(known)
        self._sum = ffi.new("uint32_t *")

    def find(self, data: Bytes, start: int) -> int | None:
        """The first place from `start` on where a block may stand, by its sum."""
        place = lib.gp_rolling_find(
            ffi.from_buffer(data),
            len(data),
            start,
            self._block,
            ffi.from_buffer("uint32_t[]", self._sums),
            len(self._sums),
            ffi.from_buffer(self._known),
            self._sum,
        )
        return place if place < len(data) else None

    def found(self) -> Iterator[int]:
        """The numbers of all blocks that may stand at the place last found; they rise."""
        index, wanted = bisect_left(self._sums, self._sum[0]), self._sum[0]
        while index < len(self._sums) and self._sums[index] == wanted:
            yield self._numbers[index]
            index += 1
