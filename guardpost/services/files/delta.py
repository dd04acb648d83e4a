"""Delta: which bytes of a new version must travel to who has an older one (rsync's algorithm).

The older version is cut into blocks of one length, each known by a rolling sum and a digest, four
bytes each. Where the new version goes on as the older one did, its blocks follow each other and
nothing is looked for; where it does not, the rolling sum of every place says which block may begin
there, and the digest whether it does: after what was changed, inserted, taken out or moved. Nothing
here blocks, reads, or knows a channel.

A mistake costs a second transfer and no more: the whole is compared by its digest afterwards.
"""

import hashlib
import math
from typing import NamedTuple

from guardpost.errors import RemoteProtocolError
from guardpost.services.files.rolling import Finder, rolling_sum

__all__ = ["SIGNATURE_MAX_BYTES", "DeltaMaker", "Range", "SignatureMaker", "worthwhile"]

LEAST_BYTES = 16384  # of a file: a signature and its round trip cost as much
BLOCK_MIN_BYTES = 512
BLOCK_MAX_BYTES = 1 << 20  # so much of a file is held in memory
BLOCKS_MAX = 8192  # the signature is 64 KiB then: 6 s at 115200
SUM_BYTES = 4
STRONG_BYTES = 4
ENTRY_BYTES = SUM_BYTES + STRONG_BYTES
HEAD_BYTES = 4
SIGNATURE_MAX_BYTES = HEAD_BYTES + BLOCKS_MAX * ENTRY_BYTES
# A sum that stands where its block does not: by chance once in 512 KiB, when there are as many
# blocks as can be. Who has more of them is being deceived, and looks no further.
FALSE_ALARMS_MAX = 100
FALSE_ALARM_EVERY_BYTES = 64 << 10
# So long a range grows before it is told: a thousand small ones are a second of line.
GROWN_BYTES = 1 << 20


class Range(NamedTuple):
    """`length` bytes of the older version."""

    offset: int
    length: int


def worthwhile(old_size: int, new_size: int) -> bool:
    """Whether a signature is worth its way."""
    return min(old_size, new_size) >= LEAST_BYTES


def block_bytes(size: int) -> int:
    """How long the blocks of an older version of `size` bytes are.

    Smaller ones make the signature longer, larger ones what travels beside each change: with
    the root of the size, the sum of both is least for eight changes.
    """
    block = max(math.isqrt(size), -(-size // BLOCKS_MAX), BLOCK_MIN_BYTES)
    return min(block, BLOCK_MAX_BYTES)


def _entry(block: memoryview) -> bytes:
    return rolling_sum(block).to_bytes(SUM_BYTES, "little") + _strong(block)


def _strong(block: memoryview) -> bytes:
    return hashlib.blake2b(block, digest_size=STRONG_BYTES).digest()


class SignatureMaker:
    """Takes the older version, `size` bytes, in pieces; gives the signature in pieces.

    A rest that is shorter than a block has no part in it, nor what is behind BLOCKS_MAX of them.
    """

    def __init__(self, size: int) -> None:
        self._block = block_bytes(size)
        self._left = BLOCKS_MAX
        self._waiting = bytearray()
        self._head = self._block.to_bytes(HEAD_BYTES, "little")

    def feed(self, data: bytes) -> bytes:
        self._waiting += data
        out, self._head = [self._head], b""
        count = min(len(self._waiting) // self._block, self._left)
        self._left -= count
        with memoryview(self._waiting) as view:
            for start in range(0, count * self._block, self._block):
                with view[start : start + self._block] as block:
                    out.append(_entry(block))
        del self._waiting[: count * self._block if self._left else len(self._waiting)]
        return b"".join(out)


class DeltaMaker:
    """Takes the new version in pieces; gives what it is made of, in its order."""

    def __init__(self, signature: bytes, start: int = 0) -> None:
        """`start` is where in the new version feed() begins.

        Raises RemoteProtocolError for what no SignatureMaker makes.
        """
        self._block = int.from_bytes(signature[:HEAD_BYTES], "little")
        self._entries = signature[HEAD_BYTES:]
        self._count, rest = divmod(len(self._entries), ENTRY_BYTES)
        possible = BLOCK_MIN_BYTES <= self._block <= BLOCK_MAX_BYTES
        if rest or not possible or len(signature) > SIGNATURE_MAX_BYTES:
            raise RemoteProtocolError("the signature of an older version makes no sense")
        sums = [int.from_bytes(self._entry(n)[:SUM_BYTES], "little") for n in range(self._count)]
        self._finder = Finder(sums, self._block)
        self._next = start // self._block
        self._alarms_left = FALSE_ALARMS_MAX * FALSE_ALARM_EVERY_BYTES  # in bytes that allow them
        self._data = bytearray()
        self._growing: list[bytes | Range] = []

    def feed(self, data: bytes) -> "list[bytes | Range]":
        """Literal bytes, and ranges of the older version; some of it may be held back."""
        self._data += data
        self._alarms_left += len(data)
        return self._take(last=False)

    def flush(self) -> "list[bytes | Range]":
        """What was held back; feed() may follow again."""
        return self._take(last=True)

    def _take(self, *, last: bool) -> "list[bytes | Range]":
        out, self._growing = self._growing, []
        position, size = 0, len(self._data)
        with memoryview(self._data) as data:
            while size - position >= self._block:
                if self._goes_on(data, position):
                    _copy(out, self._next * self._block, self._block)
                    position += self._block
                    self._next += 1
                    continue
                place = self._search(data, position)
                if place > position:
                    out.append(bytes(data[position:place]))
                position = place
            if last and position < size:
                out.append(bytes(data[position:]))
                position = size
        del self._data[:position]
        if not last and out and isinstance(out[-1], Range) and out[-1].length < GROWN_BYTES:
            self._growing = [out.pop()]
        return out

    def _goes_on(self, data: memoryview, position: int) -> bool:
        """Whether the block that should come now does."""
        if self._next >= self._count:
            return False
        strong = self._entry(self._next)[SUM_BYTES:]
        with data[position : position + self._block] as block:
            return _strong(block) == strong

    def _search(self, data: memoryview, position: int) -> int:
        """Where the next block begins that is known; else where one that is cut off may."""
        beyond = len(data) - self._block + 1
        while self._alarms_left > 0:
            found = self._finder.find(data, position)
            if found is None:
                break
            position = found
            with data[position : position + self._block] as block:
                strong = _strong(block)
            for number in self._finder.found():
                # Of equal ones the first: after it come those that followed it.
                if self._entry(number)[SUM_BYTES:] == strong:
                    self._next = number
                    return position
            self._alarms_left -= FALSE_ALARM_EVERY_BYTES
            position += 1
        return beyond

    def _entry(self, number: int) -> bytes:
        return self._entries[number * ENTRY_BYTES : (number + 1) * ENTRY_BYTES]


def _copy(out: "list[bytes | Range]", offset: int, length: int) -> None:
    before = out[-1] if out else None
    if isinstance(before, Range) and before.offset + before.length == offset:
        out[-1] = Range(before.offset, before.length + length)
    else:
        out.append(Range(offset, length))
