"""Compressed streams: blocks of raw deflate with one lasting context (docs/protocol.md section 8).

Level 6 with a small flush beats every other codec on logs and tables at this block size and
needs no dependency; blocks that do not shrink are stored, and after one of them deflate is
not even tried for a while.
"""

import zlib

from guardpost.errors import RemoteProtocolError
from guardpost.protocol.fields import varint
from guardpost.protocol.limits import (
    BLOCK_MAX_BYTES,
    BLOCK_PLAIN_MAX_BYTES,
    READ_AHEAD_RATIO_MAX,
)

__all__ = ["Deflater", "Inflater"]

_TAIL = b"\x00\x00\xff\xff"
_MEMORY_LEVEL = 6  # 170 kB and not 268, for the same ratio; a copy takes 6 us and not 40
_BYPASS_BLOCKS = 15  # stored untried after one that did not shrink: costs 1/16 of the time
_LESSON_FROM_BYTES = 16  # a stream may not be twice as long compressed: section 7
_SHORT_BYTES = 256
_FIRST_BYTES = 128  # stored, for most streams are a request and no more, or keystrokes
_LESSON_BYTES = 8  # what a short block may grow by, for the next ones' good
_RATIO_BYTES = 16384  # plain bytes after which what came before counts half


class Deflater:
    """`block(plain)` turns up to BLOCK_MAX_BYTES plain bytes into one block.

    `stored`: nothing is deflated, since its length would tell of what is in it.
    """

    __slots__ = ("_blocks_bytes", "_bypass", "_deflate", "_plain_bytes", "_stored")

    def __init__(self, *, stored: bool = False) -> None:
        self._stored = stored
        self._deflate: zlib._Compress | None = None  # made with the first bytes worth it
        self._bypass = 0
        self._plain_bytes = self._blocks_bytes = 0

    @property
    def ratio(self) -> float:
        """Plain bytes for one byte of block, of late: 1 .. READ_AHEAD_RATIO_MAX."""
        ratio = self._plain_bytes / self._blocks_bytes if self._blocks_bytes else 1.0
        return min(max(ratio, 1.0), READ_AHEAD_RATIO_MAX)

    def block(self, plain: bytes) -> bytes:
        block = self._shorter(plain)
        self._plain_bytes += len(plain)
        self._blocks_bytes += len(block)
        if self._plain_bytes > _RATIO_BYTES:
            self._plain_bytes //= 2
            self._blocks_bytes //= 2
        return block

    def _shorter(self, plain: bytes) -> bytes:
        """The block that is shorter: deflated or stored."""
        if self._stored:
            return varint(len(plain) * 2) + plain
        if self._bypass:
            self._bypass -= 1
            return varint(len(plain) * 2) + plain
        if self._deflate is None:
            if self._plain_bytes + len(plain) < _FIRST_BYTES:
                return varint(len(plain) * 2) + plain
            self._deflate = zlib.compressobj(6, zlib.DEFLATED, -15, _MEMORY_LEVEL)
        trial = self._deflate.copy()
        deflated = (trial.compress(plain) + trial.flush(zlib.Z_SYNC_FLUSH))[:-4]
        # A short first line does not shrink, but the next one like it will, if this one is known.
        short = _LESSON_FROM_BYTES <= len(plain) < _SHORT_BYTES
        worth = len(plain) + (_LESSON_BYTES if short else 0)
        if len(deflated) < worth:
            self._deflate = trial  # a stored block must not enter the context
            return varint(len(deflated) * 2 + 1) + deflated
        if len(plain) >= _SHORT_BYTES:
            self._bypass = _BYPASS_BLOCKS
        return varint(len(plain) * 2) + plain


class Inflater:
    """`feed` compressed bytes, get plain ones; never more than `room` bytes, or it raises."""

    __slots__ = ("_held", "_inflate")

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(-15)
        self._held = bytearray()

    @property
    def holding(self) -> bool:
        """A block has begun and its end is not here yet."""
        return bool(self._held)

    def feed(self, data: bytes, room: int) -> bytes:
        """Raises RemoteProtocolError for damage, and for a block that expands beyond `room`."""
        held = self._held
        held += data
        out: list[bytes] = []
        while (head := self._head()) is not None:
            size, deflated, start = head
            if len(held) < start + size:
                break
            block = bytes(held[start : start + size])
            del held[: start + size]
            plain = self._expand(block, room) if deflated else block
            room -= len(plain)
            if room < 0:
                raise RemoteProtocolError("a compressed block used more credit than there was")
            out.append(plain)
        return b"".join(out)

    def _head(self) -> tuple[int, bool, int] | None:
        """(length, deflated, header bytes) of the block in front, None while it is incomplete."""
        value = shift = 0
        for position, octet in enumerate(self._held[:4]):
            value |= (octet & 127) << shift
            if octet < 128:
                if not 0 < value >> 1 <= BLOCK_MAX_BYTES:
                    raise RemoteProtocolError("a compressed block has a bad length")
                return value >> 1, bool(value & 1), position + 1
            shift += 7
        if len(self._held) >= 4:
            raise RemoteProtocolError("a compressed block has a bad length")
        return None

    def _expand(self, block: bytes, room: int) -> bytes:
        limit = min(room, BLOCK_PLAIN_MAX_BYTES) + 1
        try:
            plain = self._inflate.decompress(block + _TAIL, limit)
        except zlib.error as error:
            raise RemoteProtocolError(f"a compressed block is damaged: {error}") from None
        if len(plain) >= limit or self._inflate.unconsumed_tail:
            raise RemoteProtocolError("a compressed block expands too far")
        if self._inflate.eof:
            raise RemoteProtocolError("a compressed block is damaged: it ends the stream")
        return plain
