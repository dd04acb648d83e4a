"""pcapng files: the few blocks that a capture of one line takes (draft-ietf-opsawg-pcapng).

Written: a section, one interface of link type USER0 (147), enhanced packets. Read: these, in
either byte order, past whatever else stands between them.
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO

__all__ = ["LINKTYPE", "MAGIC", "blocks_of", "header", "packet", "packets"]

LINKTYPE = 147
"""LINKTYPE_USER0: private; packaging/wireshark/guardpost.lua claims it."""

MAGIC = b"\x0a\x0d\x0d\x0a"
_SECTION, _INTERFACE, _ENHANCED = 0x0A0D0D0A, 1, 6
_BYTE_ORDER = 0x1A2B3C4D
_IF_NAME, _IF_DESCRIPTION, _IF_TSRESOL, _SHB_USERAPPL, _EPB_FLAGS = 2, 3, 9, 4, 2
_LARGEST_BLOCK_BYTES = 1 << 24
_LATEST_SECONDS = 1 << 37  # the year 6325


def header(name: str, application: str) -> bytes:
    """What a file begins with: a capture of the line of that name."""
    section = struct.pack("<IHHq", _BYTE_ORDER, 1, 0, -1)
    interface = struct.pack("<HHI", LINKTYPE, 0, 0)
    return _block(_SECTION, section + _options((_SHB_USERAPPL, application.encode()))) + _block(
        _INTERFACE,
        interface
        + _options(
            (_IF_NAME, name.encode("utf-8", "backslashreplace")),
            (_IF_DESCRIPTION, b"guardpost line"),
            (_IF_TSRESOL, b"\x09"),
        ),
    )


def packet(when: float, data: bytes, *, inbound: bool) -> bytes:
    """One packet at `when`, seconds since 1970."""
    nanoseconds = round(when * 1e6) * 1000
    fixed = struct.pack(
        "<IIIII", 0, nanoseconds >> 32, nanoseconds & 0xFFFFFFFF, len(data), len(data)
    )
    flags = struct.pack("<I", 1 if inbound else 2)
    return _block(_ENHANCED, fixed + _padded(data) + _options((_EPB_FLAGS, flags)))


def packets(file: BinaryIO) -> Iterator[tuple[float, bytes]]:
    """(seconds since 1970, data) of every packet of a USER0 interface.

    Raises ValueError for what is no pcapng file; a last block that was cut ends it.
    """
    resolutions: list[tuple[int, float]] = []
    order = "<"
    for kind, body, order in blocks_of(file):
        if kind == _SECTION:
            resolutions = []
        elif kind == _INTERFACE and len(body) >= 8:
            linktype = struct.unpack_from(order + "H", body)[0]
            resolutions.append((linktype, _resolution(body[8:], order)))
        elif kind == _ENHANCED and len(body) >= 20:
            which, high, low, length, _ = struct.unpack_from(order + "5I", body)
            if which >= len(resolutions) or length > len(body) - 20:
                raise ValueError("a packet makes no sense")
            linktype, resolution = resolutions[which]
            if linktype == LINKTYPE:
                when = ((high << 32) + low) / resolution
                if when > _LATEST_SECONDS:
                    raise ValueError("a packet of a time that no clock has")
                yield when, body[20 : 20 + length]


def blocks_of(file: BinaryIO) -> Iterator[tuple[int, bytes, str]]:
    """(kind, body, byte order as struct writes it) of every block. Raises ValueError."""
    order = ""
    while len(head := file.read(8)) == 8:
        if head[:4] == MAGIC:
            mark = file.read(4)
            order = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}.get(mark, "")
            if not order:
                raise ValueError("no pcapng file: its byte order is not said")
            kind, length = struct.unpack(order + "II", head)
            rest, before = length - 12, mark
        elif not order:
            raise ValueError("no pcapng file")
        else:
            kind, length = struct.unpack(order + "II", head)
            rest, before = length - 8, b""
        if length % 4 or rest < 4 or length > _LARGEST_BLOCK_BYTES:
            raise ValueError("a block of a length that cannot be")
        body = file.read(rest)
        if len(body) < rest:
            return
        if struct.unpack(order + "I", body[-4:])[0] != length:
            raise ValueError("a block that ends with another length than it began with")
        yield kind, before + body[:-4], order
    if not order:
        raise ValueError("no pcapng file")


def _resolution(options: bytes, order: str) -> float:
    """Ticks a second."""
    while len(options) >= 4:
        code, length = struct.unpack_from(order + "HH", options)
        if code == _IF_TSRESOL and length == 1 and len(options) > 4:
            exponent = options[4] & 0x7F
            return float(2**exponent if options[4] & 0x80 else 10**exponent)
        options = options[4 + (length + 3) // 4 * 4 :]
    return 1e6


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


def _options(*options: tuple[int, bytes]) -> bytes:
    found = [struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options]
    return b"".join(found) + b"\0\0\0\0"


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
