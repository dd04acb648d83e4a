"""Bytes of a stream that came before their turn: an earlier packet was lost."""

from guardpost.errors import RemoteProtocolError
from guardpost.protocol.limits import EARLY_RANGES_MAX
from guardpost.protocol.ranges import RangeSet

__all__ = ["Reassembly"]


class Reassembly:
    """One buffer from the first missing byte on, and which of it is here.

    However a peer cuts and repeats its data, a byte is kept once, and each costs the same time.
    """

    __slots__ = ("_base", "_bytes", "_here")

    def __init__(self) -> None:
        self._base = 0
        self._bytes = bytearray()
        self._here = RangeSet()

    def __len__(self) -> int:
        """Bytes of memory it takes: from the first missing byte to the last one that is here."""
        return len(self._bytes)

    def __bool__(self) -> bool:
        return bool(self._here)

    def keep(self, expected: int, offset: int, data: bytes) -> None:
        """`data` at `offset` came while `expected` was the first missing byte.

        Raises RemoteProtocolError when there are more holes than a peer can have lost packets.
        """
        if not self._here:
            self._base = expected
        start, stop = offset - self._base, offset - self._base + len(data)
        if stop > len(self._bytes):
            self._bytes += bytes(stop - len(self._bytes))
        self._bytes[start:stop] = data
        self._here.add(offset, offset + len(data))
        if len(self._here) > EARLY_RANGES_MAX:
            raise RemoteProtocolError("a stream has too many holes")

    def take(self, expected: int) -> bytes:
        """What follows without a hole, now that `expected` is the first missing byte."""
        self._here.remove(self._base, expected)
        stop = expected
        if self._here and self._here.first[0] == expected:
            stop = self._here.first[1]
            self._here.drop_first()
        found = bytes(self._bytes[expected - self._base : stop - self._base])
        del self._bytes[: stop - self._base]
        self._base = stop
        return found

    def clear(self) -> None:
        self._bytes.clear()
        self._here = RangeSet()
