"""One unit of a line as bytes: in captures (docs/trace.md), and from the owner to who traces.

Little endian. 20 bytes of head, the body, then the packet's messages if it was opened.
"""

import struct

from guardpost.protocol.framing import Profile
from guardpost.protocol.observer import Unit, UnitKind

__all__ = ["VERSION", "decode_unit", "encode_unit"]

VERSION = 1
_HEAD = struct.Struct("<BBBBIQI")  # version, flags, kind, profile, on the line, number, body
_FROM_AGENT, _OPENED, _WITHHELD = 1, 2, 4
_NO_PROFILE = 0xFF
_NO_NUMBER = (1 << 64) - 1


def encode_unit(unit: Unit) -> bytes:
    flags = _FROM_AGENT * unit.from_agent | _WITHHELD * unit.is_withheld
    flags |= _OPENED * (unit.messages is not None)
    head = _HEAD.pack(
        VERSION,
        flags,
        unit.kind,
        _NO_PROFILE if unit.profile is None else unit.profile,
        unit.line_bytes,
        _NO_NUMBER if unit.number is None else unit.number,
        len(unit.body),
    )
    return head + unit.body + (unit.messages or b"")


def decode_unit(data: bytes) -> Unit:
    """Raises ValueError for what encode_unit() has not made."""
    if len(data) < _HEAD.size:
        raise ValueError("a cut unit")
    version, flags, kind, profile, line_bytes, number, length = _HEAD.unpack_from(data)
    if version != VERSION:
        raise ValueError(f"a unit of version {version}, not {VERSION}")
    body, messages = data[_HEAD.size : _HEAD.size + length], data[_HEAD.size + length :]
    if len(body) != length:
        raise ValueError("a cut unit")
    return Unit(
        UnitKind(kind),
        bool(flags & _FROM_AGENT),
        body,
        line_bytes,
        None if profile == _NO_PROFILE else Profile(profile),
        None if number == _NO_NUMBER else number,
        messages if flags & _OPENED else None,
        bool(flags & _WITHHELD),
    )
