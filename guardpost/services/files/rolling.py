"""The rolling sums of blocks, and where one of them stands in other bytes: native/rolling.h.

Other threads run meanwhile.
"""

from array import array
from collections.abc import Iterable

from guardpost._framing import ffi, lib

__all__ = ["Finder", "rolling_sum"]

Bytes = bytes | bytearray | memoryview


def rolling_sum(data: Bytes) -> int:
    """32 bits that say what `data` most probably is, if nobody wants to deceive."""
    return lib.gp_rolling_sum(ffi.from_buffer(data), len(data))


class Finder:
    """Knows the sums of some blocks of `block` bytes each."""

    def __init__(self, sums: Iterable[int], block: int) -> None:
        self._block = block
        self._sums = array("I", sorted(sums))
        known = bytearray(lib.GP_ROLLING_FILTER_BYTES)
        for each in self._sums:
            known[each >> 19] |= 1 << (each >> 16 & 7)
        self._known = bytes(known)
        self._sum = ffi.new("uint32_t *")

    def find(self, data: Bytes, start: int) -> tuple[int, int] | None:
        """The first place from `start` on with the sum of a block, and that sum."""
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
        return (place, self._sum[0]) if place < len(data) else None
