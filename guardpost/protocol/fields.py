"""The only encoding primitives in the project: what an integer and a byte string look like.

varint is unsigned LEB128 of at most 9 bytes; fixed-width integers are little endian
(docs/protocol.md, head).
"""

from guardpost.errors import LocalProtocolError, RemoteProtocolError

__all__ = ["Reader", "u32", "varint"]

_SMALL = [bytes([value]) for value in range(128)]
_VARINT_MAX = (1 << 63) - 1


def varint(value: int) -> bytes:
    """`value` (0 .. 2^63 - 1) as LEB128. Raises LocalProtocolError outside that range."""
    if 0 <= value < 128:
        return _SMALL[value]
    if not 0 <= value <= _VARINT_MAX:
        raise LocalProtocolError(f"not a varint: {value}")
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def u32(value: int) -> bytes:
    """The low 32 bits of `value`, little endian."""
    return (value & 0xFFFFFFFF).to_bytes(4, "little")


class Reader:
    """Takes fields off the front of `data`. Raises RemoteProtocolError where they end early."""

    __slots__ = ("_data", "_end", "_position")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0
        self._end = len(data)

    def __bool__(self) -> bool:
        return self._position < self._end

    def u8(self) -> int:
        position = self._position
        if position >= self._end:
            raise RemoteProtocolError("a field ends early")
        self._position = position + 1
        return self._data[position]

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "little")

    def varint(self) -> int:
        data, position, end = self._data, self._position, self._end
        value = shift = 0
        while position < end:
            octet = data[position]
            position += 1
            value |= (octet & 127) << shift
            if octet < 128:
                self._position = position
                return value
            shift += 7
            if shift >= 63:
                raise RemoteProtocolError("a varint is too long")
        raise RemoteProtocolError("a field ends early")

    def take(self, length: int) -> bytes:
        position = self._position
        after = position + length
        if after > self._end:
            raise RemoteProtocolError("a field ends early")
        self._position = after
        return self._data[position:after]

    def rest(self) -> bytes:
        position, self._position = self._position, self._end
        return self._data[position:]

    def text(self, limit: int) -> str:
        """A u8-counted UTF-8 text of at most `limit` bytes; what is not UTF-8 is replaced."""
        length = self.u8()
        if length > limit:
            raise RemoteProtocolError("a text is too long")
        return self.take(length).decode("utf-8", "replace")
