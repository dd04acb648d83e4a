"""A screen that nobody sees: Xvfb, its picture read from the file that it keeps it in."""

import contextlib
import os
import struct
import subprocess
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from support.tools import need

__all__ = ["Box", "Picture", "Screen", "screen"]

Box = tuple[int, int, int, int]
"""x, y, width, height."""

# XWDFile.h: a header of big-endian CARD32, a colour map of 12 bytes each, the lines of pixels.
_HEADER = struct.Struct(">25I")
_WIDTH, _HEIGHT, _BITS, _STRIDE, _COLOURS = 4, 5, 11, 12, 19


@dataclass(frozen=True)
class Picture:
    """`data` is an X window dump of 32 bits a pixel: blue, green, red, nothing."""

    data: bytes

    @cached_property
    def _header(self) -> tuple[int, ...]:
        header: tuple[int, ...] = _HEADER.unpack_from(self.data)
        assert header[_BITS] == 32
        return header

    def _row(self, x: int, y: int, width: int) -> bytes:
        header = self._header
        start = header[0] + 12 * header[_COLOURS] + header[_STRIDE] * y + 4 * x
        return self.data[start : start + 4 * width]

    def colours(self, box: Box) -> "Counter[tuple[int, int, int]]":
        """How many pixels of `box` have each (red, green, blue)."""
        x, y, width, height = box
        rows = (self._row(x, line, width) for line in range(y, y + height))
        return Counter((p[2], p[1], p[0]) for row in rows for p in struct.iter_unpack("4B", row))

    def png(self) -> bytes:
        """For a person to look at."""
        width, height = self._header[_WIDTH], self._header[_HEIGHT]
        lines = bytearray()
        for y in range(height):
            row, line = self._row(0, y, width), bytearray(3 * width)
            line[0::3], line[1::3], line[2::3] = row[2::4], row[1::4], row[0::4]
            lines += b"\0" + line
        head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(lines))), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*each) for each in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    checked = kind + data
    return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))


@dataclass(frozen=True)
class Screen:
    """`display` is for DISPLAY in a program's environment."""

    display: str
    _file: Path

    def picture(self) -> Picture:
        """As it is now."""
        return Picture(self._file.read_bytes())


@contextlib.contextmanager
def screen(width: int, height: int) -> Iterator[Screen]:
    """True colour, black and empty at first."""
    program = need("Xvfb")
    reading, writing = os.pipe()
    with tempfile.TemporaryDirectory(prefix="screen-") as folder:
        # It takes a display that is free, and says which when it is ready.
        words = ["-displayfd", str(writing), "-fbdir", folder, "-nolisten", "tcp"]
        server = subprocess.Popen(
            [program, *words, "-screen", "0", f"{width}x{height}x24"],
            pass_fds=[writing],
            stderr=subprocess.DEVNULL,
        )
        os.close(writing)
        try:
            with os.fdopen(reading) as told:
                number = told.readline().strip()
            assert number, f"Xvfb ended with {server.wait()}"
            yield Screen(f":{number}", Path(folder) / "Xvfb_screen0")
        finally:
            server.terminate()
            server.wait()
