"""Records on a channel: a 4-byte little-endian length, then one msgpack value.

A channel is a stream of bytes; services that speak in values frame them here.
What the peer sent is checked against a type before a service sees it.
"""

from typing import TypeVar

import msgspec

from guardpost.aio.channel import Channel
from guardpost.errors import RemoteProtocolError

__all__ = [
    "MAX_RECORD_BYTES",
    "RecordReader",
    "decode_value",
    "encode_record",
    "read_record",
    "write_record",
]

# Both peers must agree: a longer record is an error of its sender.
MAX_RECORD_BYTES = 262144
_LENGTH_BYTES = 4

T = TypeVar("T")
Shape = type[T] | msgspec.msgpack.Decoder[T]
"""What a record must be: a type, or (faster, and for unions) a ready msgpack decoder."""

_encoder = msgspec.msgpack.Encoder()


def encode_record(obj: object) -> bytes:
    """Return the bytes of one record. Raises ValueError when `obj` is too long for one."""
    buffer = bytearray(_LENGTH_BYTES)
    _encoder.encode_into(obj, buffer, _LENGTH_BYTES)
    length = len(buffer) - _LENGTH_BYTES
    if length > MAX_RECORD_BYTES:
        raise ValueError(f"a record of {length} bytes is longer than {MAX_RECORD_BYTES}")
    buffer[:_LENGTH_BYTES] = length.to_bytes(_LENGTH_BYTES, "little")
    return bytes(buffer)


def decode_value(data: bytes | memoryview, shape: Shape[T]) -> T:
    """Return the msgpack value in `data`. Raises RemoteProtocolError when it is not a `shape`."""
    try:
        if isinstance(shape, msgspec.msgpack.Decoder):
            return shape.decode(data)
        return msgspec.msgpack.decode(data, type=shape)
    # ValueError covers strings that are not UTF-8; RecursionError deeply nested arrays.
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise RemoteProtocolError(f"the peer sent a malformed record: {error}") from None


async def write_record(channel: Channel, obj: object) -> None:
    """Write `obj` (a Struct or builtin) as one record; waits as channel.write() does.

    Raises ChannelReset, and ValueError when `obj` is too long for a record.
    """
    await channel.write(encode_record(obj))


async def read_record(channel: Channel, shape: Shape[T]) -> T | None:
    """Read one record and not a byte more; None when the peer half-closed instead.

    Raises ChannelReset, and RemoteProtocolError when it is cut, too long or no `shape`.
    """
    head = await _read_exactly(channel, _LENGTH_BYTES, may_end=True)
    if not head:
        return None
    return decode_value(await _read_exactly(channel, _checked_length(head)), shape)


class RecordReader:
    """Reads the records of one channel, ahead of the caller by at most one read().

    Afterwards nobody else can read from that channel.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._buffer = bytearray()
        self._start = 0

    async def read(self, shape: Shape[T]) -> T | None:
        """Return the next record, None at a clean end (half-close between two records).

        Raises ChannelReset, and RemoteProtocolError when it is cut, too long or no `shape`.
        """
        if not await self._fill(_LENGTH_BYTES, may_end=True):
            return None
        body = self._start + _LENGTH_BYTES
        length = _checked_length(self._buffer[self._start : body])
        await self._fill(_LENGTH_BYTES + length)
        body = self._start + _LENGTH_BYTES
        self._start = body + length
        with memoryview(self._buffer) as view, view[body : self._start] as record:
            return decode_value(record, shape)

    async def _fill(self, needed: int, *, may_end: bool = False) -> bool:
        """Have `needed` bytes after _start; False when the stream ended right at _start."""
        while len(self._buffer) - self._start < needed:
            # Many small records come in one read: move what is left only here.
            del self._buffer[: self._start]
            self._start = 0
            data = await self._channel.read()
            if not data:
                if may_end and not self._buffer:
                    return False
                raise RemoteProtocolError("the peer ended its stream in the middle of a record")
            self._buffer += data
        return True


def _checked_length(head: bytes | bytearray) -> int:
    length = int.from_bytes(head, "little")
    if length > MAX_RECORD_BYTES:
        raise RemoteProtocolError(
            f"the peer announced a record of {length} bytes; {MAX_RECORD_BYTES} is the limit"
        )
    return length


async def _read_exactly(channel: Channel, size: int, *, may_end: bool = False) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        data = await channel.read(size - len(parts))
        if not data:
            if may_end and not parts:
                return b""
            raise RemoteProtocolError("the peer ended its stream in the middle of a record")
        parts += data
    return bytes(parts)
