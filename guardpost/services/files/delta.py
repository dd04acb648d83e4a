"""Delta: which bytes of a new version must travel to who has an older one.

Fixed blocks of the older version, each known by its first bytes (the **anchor**, which is looked
for at the speed of memmem) and a digest. Where the new version goes on as the older one did, its
blocks follow each other and nothing is looked for; where it does not, the anchors of the next
blocks, and of some further on, say where it is the same again: after what was changed, inserted or
taken out. No byte is looked at in Python: 4 ms for a megabyte, where a rolling sum (rsync's, or
the one that cuts content-defined blocks) takes 200 and holds up everything else meanwhile. Nothing
here blocks, reads, or knows a channel.

A mistake costs a second transfer and no more: the whole is compared by its digest afterwards.
"""

import hashlib
from typing import NamedTuple

from guardpost.errors import RemoteProtocolError

__all__ = ["SIGNATURE_MAX_BYTES", "DeltaMaker", "Range", "SignatureMaker", "worthwhile"]

LEAST_BYTES = 16384  # of a file: a signature and its round trip cost as much
BLOCK_MIN_BYTES = 4096
BLOCK_MAX_BYTES = 1 << 30
BLOCKS_MAX = 8192  # the signature is 128 KiB then: 12 s at 115200, of an hour for such a file
ANCHOR_BYTES = 8
STRONG_BYTES = 8
HEAD_BYTES = 4
SIGNATURE_MAX_BYTES = HEAD_BYTES + 2 * BLOCKS_MAX * (ANCHOR_BYTES + STRONG_BYTES)
# So far ahead an anchor is looked for, and so often where it stands by chance.
WINDOW_BYTES = 512 << 10
TRIES = 3


class Range(NamedTuple):
    """`length` bytes of the older version."""

    offset: int
    length: int


def worthwhile(old_size: int, new_size: int) -> bool:
    """Whether a signature is worth its way."""
    return min(old_size, new_size) >= LEAST_BYTES


def block_bytes(size: int) -> int:
    """How long the blocks of an older version of `size` bytes are."""
    block = BLOCK_MIN_BYTES
    while size // block > BLOCKS_MAX:
        block *= 2
    return block


def _strong(data: "bytes | bytearray | memoryview") -> bytes:
    return hashlib.blake2b(data, digest_size=STRONG_BYTES).digest()


class SignatureMaker:
    """Takes the older version, `size` bytes, in pieces; gives the signature in pieces.

    A rest that is shorter than a block has no part in it.
    """

    def __init__(self, size: int) -> None:
        self._block = block_bytes(size)
        self._waiting = bytearray()
        self._head = self._block.to_bytes(HEAD_BYTES, "little")

    def feed(self, data: bytes) -> bytes:
        waiting = self._waiting
        waiting += data
        out, self._head = [self._head], b""
        position = 0
        with memoryview(waiting) as view:
            while len(waiting) - position >= self._block:
                block = view[position : position + self._block]
                out += [bytes(block[:ANCHOR_BYTES]), _strong(block)]
                position += self._block
                block.release()
        del waiting[:position]
        return b"".join(out)


class DeltaMaker:
    """Takes the new version in pieces; gives what it is made of, in its order."""

    def __init__(self, signature: bytes, start: int = 0) -> None:
        """`start` is where in the new version feed() begins.

        Raises RemoteProtocolError for what no SignatureMaker makes.
        """
        self._block = int.from_bytes(signature[:HEAD_BYTES], "little")
        entry = ANCHOR_BYTES + STRONG_BYTES
        self._count, rest = divmod(max(len(signature) - HEAD_BYTES, 0), entry)
        possible = BLOCK_MIN_BYTES <= self._block <= BLOCK_MAX_BYTES
        if rest or not possible or len(signature) > SIGNATURE_MAX_BYTES:
            raise RemoteProtocolError("the signature of an older version makes no sense")
        self._entries = signature[HEAD_BYTES:]
        self._next = start // self._block
        self._data = bytearray()

    def feed(self, data: bytes) -> "list[bytes | Range]":
        """Literal bytes, and ranges of the older version; some of it may be held back."""
        self._data += data
        return self._take(last=False)

    def flush(self) -> "list[bytes | Range]":
        """What was held back; feed() may follow again."""
        return self._take(last=True)

    def _take(self, *, last: bool) -> "list[bytes | Range]":
        out: list[bytes | Range] = []
        data, position = self._data, 0
        window = max(WINDOW_BYTES, 2 * self._block)
        while (left := len(data) - position) >= self._block:
            if self._matches(position, self._next):
                _copy(out, self._next * self._block, self._block)
                position += self._block
                self._next += 1
                continue
            if left < window and not last:
                break  # more is needed to look ahead
            found = self._search(position, position + window)
            if found is not None:
                end, self._next = found
            else:
                # Changed in place up to there and further, as far as can be seen.
                end = position + (min(left, window) // self._block) * self._block
                self._next += (end - position) // self._block
            if end > position:
                out.append(bytes(data[position:end]))
            position = end
        if last and position < len(data):
            out.append(bytes(data[position:]))
            position = len(data)
        del data[:position]
        return out

    def _matches(self, position: int, number: int) -> bool:
        if not 0 <= number < self._count:
            return False
        anchor, strong = self._entry(number)
        if not self._data.startswith(anchor, position):
            return False
        with memoryview(self._data) as view, view[position : position + self._block] as block:
            return _strong(block) == strong

    def _entry(self, number: int) -> tuple[bytes, bytes]:
        start = number * (ANCHOR_BYTES + STRONG_BYTES)
        middle = start + ANCHOR_BYTES
        return self._entries[start:middle], self._entries[middle : middle + STRONG_BYTES]

    def _search(self, start: int, end: int) -> tuple[int, int] | None:
        """The first place up to `end` where some block stands, and its number."""
        found = None
        for number in self._candidates():
            anchor, _ = self._entry(number)
            position = start - 1
            for _ in range(TRIES):
                position = self._data.find(anchor, position + 1, end + ANCHOR_BYTES)
                if position < 0 or len(self._data) - position < self._block:
                    break
                if self._matches(position, number):
                    found, end = (position, number), position - 1
                    break
        return found

    def _candidates(self) -> list[int]:
        """The blocks that should come now, and fewer and fewer of those behind."""
        numbers, step = [], 1
        number = self._next
        while number < self._count:
            numbers.append(number)
            if len(numbers) % 4 == 0:
                step *= 2
            number += step
        return numbers


def _copy(out: "list[bytes | Range]", offset: int, length: int) -> None:
    before = out[-1] if out else None
    if isinstance(before, Range) and before.offset + before.length == offset:
        out[-1] = Range(before.offset, before.length + length)
    else:
        out.append(Range(offset, length))
