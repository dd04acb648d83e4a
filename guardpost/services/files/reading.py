"""Reading: one file that is being sent. It knows its holes, its digest, and whether it changed.

Everything here blocks, for a moment only: a hole or a piece at a time.
"""

import errno
import hashlib
import os
import sys
from collections.abc import Sequence

from guardpost.host.file_errors import FileFailure
from guardpost.services.files.messages import DIGEST_BYTES, RUNG_BYTES
from guardpost.services.files.steps import Steps

__all__ = ["Reading", "digest_of", "feed_zeros", "read_at"]

PIECE_BYTES = 64 << 10  # larger ones make the agent larger, and are no faster
STEP_BYTES = 16 << 20  # digested in one go: a twentieth of a second
HOLE_BYTES = 64 << 20  # of zeros in one go: a tenth of a second
_ZEROS = bytes(1 << 16)
_SEEK_DATA = getattr(os, "SEEK_DATA", None)
_SEEK_HOLE = getattr(os, "SEEK_HOLE", None)


def feed_zeros(digest: "hashlib.blake2b", count: int) -> None:
    for _ in range(count // len(_ZEROS)):
        digest.update(_ZEROS)
    digest.update(_ZEROS[: count % len(_ZEROS)])


def read_at(fd: int, count: int, offset: int) -> bytes:
    if sys.platform != "win32":
        return os.pread(fd, count, offset)
    os.lseek(fd, offset, os.SEEK_SET)
    return os.read(fd, count)


def digest_of(fd: int, size: int) -> Steps[bytes]:
    """The BLAKE2b-256 of the first `size` bytes; of fewer, when the file is shorter."""
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    yield from _feed(digest, fd, 0, size)
    return digest.digest()


def _feed(digest: "hashlib.blake2b", fd: int, start: int, end: int) -> Steps[bool]:
    """Whether all of it was there."""
    position = start
    while position < end:
        data = read_at(fd, min(PIECE_BYTES, end - position), position)
        if not data:
            return False
        digest.update(data)
        position += len(data)
        if position // STEP_BYTES != (position - len(data)) // STEP_BYTES:
            yield
    return True


class Reading:
    """Owns `fd`. With `live`, a file that changes meanwhile is taken as it was read."""

    def __init__(self, fd: int, *, live: bool = False) -> None:
        self._fd = fd
        self._live = live
        self._found = os.fstat(fd)
        self.size = self._found.st_size
        self.position = 0
        self._data_end = 0
        self._digest = hashlib.blake2b(digest_size=DIGEST_BYTES)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def whole_digest(self) -> Steps[bytes]:
        """Of the file as it is, beside the reading."""
        return digest_of(self._fd, self.size)

    def climb(self, rungs: Sequence[tuple[int, bytes]]) -> Steps[int]:
        """Go to the end of the longest beginning that the receiver has right; returns that."""
        digest, reached = self._digest.copy(), 0
        for length, wanted in sorted(rungs):
            if length > self.size or not (yield from _feed(digest, self._fd, reached, length)):
                break
            if digest.digest()[:RUNG_BYTES] != wanted:
                break
            self.position, self._digest, reached = length, digest.copy(), length
        return self.position

    def next(self, limit: int) -> bytes | int:
        """Up to `limit` bytes, or the length of a hole; b"" at the end.

        Raises FileFailure when the file has become shorter.
        """
        if self.position >= self.size:
            return b""
        if self.position >= self._data_end and (hole := self._hole()):
            return hole
        limit = min(limit, self._data_end - self.position)
        data = read_at(self._fd, limit, self.position)
        if not data:
            if self._live:
                self.size = self.position
                return b""
            raise _changed()
        self._digest.update(data)
        self.position += len(data)
        return data

    def _hole(self) -> int:
        """The length of the hole here, 0 if there is none; _data_end then says up to where."""
        start = self._seek(_SEEK_DATA, self.position)
        hole = min(start - self.position, HOLE_BYTES)
        if hole > 0:
            feed_zeros(self._digest, hole)
            self.position += hole
            return hole
        self._data_end = self._seek(_SEEK_HOLE, self.size)
        if self._data_end <= self.position:
            self._data_end = self.size
        return 0

    def _seek(self, whence: int | None, otherwise: int) -> int:
        if whence is None:
            return otherwise
        try:
            return min(os.lseek(self._fd, self.position, whence), self.size)
        except OSError as error:
            # ENXIO: nothing but a hole up to the end. Others: the file system does not know.
            return self.size if error.errno == errno.ENXIO else otherwise

    def digest(self) -> bytes:
        """Of all that was read. Raises FileFailure when the file changed meanwhile."""
        now = os.fstat(self._fd)
        before, after = (
            (each.st_size, each.st_mtime_ns, each.st_ctime_ns) for each in (self._found, now)
        )
        if before != after and not self._live:
            raise _changed()
        return self._digest.digest()


def _changed() -> FileFailure:
    return FileFailure(
        "source-changed", "it changed while it was read; copy it again, or with --live as it is"
    )
