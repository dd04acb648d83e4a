"""Part: the copy that grows beside its target, and takes its place when it is proved whole.

It is always a beginning of the new contents. One that an earlier attempt left is trusted for
nothing: its digests at several lengths (`rungs`) are compared with the source's. Everything here
blocks, for a moment only.
"""

import contextlib
import errno
import hashlib
import os
import stat
import sys
import time
from typing import NamedTuple

from guardpost.host.file_errors import FileFailure
from guardpost.host.folders import Folder
from guardpost.host.names import part_name
from guardpost.services.files.messages import DIGEST_BYTES, RUNG_BYTES
from guardpost.services.files.reading import feed_zeros, read_at
from guardpost.services.files.steps import Steps

__all__ = ["Finish", "Part", "dress", "old_version"]

# Between two rungs at the end of a cut copy, and twice as much from each to the one before. What
# a reboot tore is at the end.
RUNG_STEP_BYTES = 64 << 10
SYNC_SECONDS = 20.0
BUSY_SECONDS = 10.0  # a copy that was given up takes so long to hear of it, at most
PIECE_BYTES = 64 << 10
STEP_BYTES = 16 << 20


class Finish(NamedTuple):
    """What the copy gets beside its contents, where given; an owner only if we may."""

    mode: int | None = None
    mtime_ns: int | None = None
    owner: tuple[int, int] | None = None


class Part:
    """The part of `name` in `folder`, which it owns; close() must be called."""

    def __init__(self, folder: Folder, name: bytes) -> None:
        self._folder = folder
        self._name = name
        self._part = part_name(name)
        self._fd = -1
        self._old = -1
        self._digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
        self._states: dict[int, hashlib.blake2b] = {}
        self._synced = time.monotonic()
        self.position = 0

    def close(self) -> None:
        """Let go; what was written stays, for the next attempt."""
        self.drop_old()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._folder.close()

    def discard(self) -> None:
        """Remove what was written."""
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                if sys.platform == "win32":
                    os.close(self._fd)
                    self._fd = -1
                self._folder.remove(self._part)
        self.close()

    # --- what is there ---

    def find(self, size: int) -> Steps[list[tuple[int, bytes]]]:
        """The rungs of what an earlier attempt left, none longer than `size`; empty if nothing.

        Raises FileFailure `busy` when that attempt is still running, and does not end soon.
        """
        patience = time.monotonic() + BUSY_SECONDS
        while self._folder.stat(self._part) is not None and not self._take():
            if self._fd < 0:
                return []
            # Whoever ran the command again need not wait for the end of the first.
            os.close(self._fd)
            self._fd = -1
            if time.monotonic() > patience:
                raise _busy()
            time.sleep(0.05)
            yield
        if self._fd < 0:
            return []
        length = min(os.fstat(self._fd).st_size, size)
        rungs = []
        for rung in _rungs(length):
            yield from self._read_to(rung)
            self._states[rung] = self._digest.copy()
            rungs.append((rung, self._digest.digest()[:RUNG_BYTES]))
        return rungs

    def _take(self) -> bool:
        """Open the part that is there, and lock it. When somebody else is at it, False and open;
        one that we cannot trust is removed, or passed by: False and nothing open.
        """
        try:
            self._fd = self._folder.open_again(self._part)
        except (OSError, FileFailure):
            try:
                self._folder.remove(self._part)
            except OSError:
                self._part = part_name(self._name, os.urandom(4).hex().encode())
            return False
        return _lock(self._fd) and self._is_there()

    def _is_there(self) -> bool:
        """Whether what we hold is still what the name means."""
        found = self._folder.stat(self._part)
        return found is not None and os.path.samestat(found, os.fstat(self._fd))

    def _read_to(self, length: int) -> Steps[None]:
        while self.position < length:
            step = min(PIECE_BYTES, length - self.position)
            data = read_at(self._fd, step, self.position)
            if not data:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            self._digest.update(data)
            self.position += len(data)
            if self.position % STEP_BYTES < len(data):
                yield

    def begin(self, offset: int) -> None:
        """What follows is to be written from `offset`: 0, or one of the rungs.

        Raises FileFailure when it is neither, OSError.
        """
        if self._fd < 0:
            self._create()
        state = self._states.get(offset)
        if state is None and offset:
            raise FileFailure("damaged", "the sender goes on from where nobody was")
        self._digest = state or hashlib.blake2b(digest_size=DIGEST_BYTES)
        self._states = {}
        os.ftruncate(self._fd, offset)
        os.lseek(self._fd, offset, os.SEEK_SET)
        self.position = offset

    def _create(self) -> None:
        for _ in range(3):
            try:
                self._fd = self._folder.create(self._part)
            except FileExistsError:
                if not self._take() and self._fd >= 0:
                    raise _busy() from None
            if self._fd >= 0:
                break
        if self._fd < 0 or not _lock(self._fd):
            raise _busy()

    # --- growing ---

    def write(self, data: bytes) -> None:
        self._digest.update(data)
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]
        self.position += len(data)
        if time.monotonic() - self._synced > SYNC_SECONDS:
            os.fsync(self._fd)
            self._synced = time.monotonic()

    def hole(self, length: int) -> None:
        """The caller has checked `length` against the size, and calls in small steps."""
        feed_zeros(self._digest, length)
        self.position += length
        os.ftruncate(self._fd, self.position)
        os.lseek(self._fd, self.position, os.SEEK_SET)

    def copy(self, offset: int, length: int) -> None:
        """So much of the older version, which open_old() has opened."""
        data = read_at(self._old, length, offset) if self._old >= 0 else b""
        if len(data) < length:
            raise FileFailure("damaged", "the older version is not what it was")
        self.write(data)

    def open_old(self) -> int:
        """The older version, for reading; it stays open for copy()."""
        if self._old < 0:
            self._old = self._folder.open_file(self._name)
        return self._old

    def drop_old(self) -> None:
        if self._old >= 0:
            os.close(self._old)
            self._old = -1

    # --- the end ---

    def is_whole(self, digest: bytes) -> bool:
        return self._digest.digest() == digest

    def finish(self, how: Finish) -> None:
        """Put it in place, durable, once is_whole() said so."""
        self.drop_old()
        os.ftruncate(self._fd, self.position)
        dress(self._fd, how)
        os.fsync(self._fd)
        if not self._is_there():
            raise FileFailure("busy", "somebody moved the copy away before it was whole")
        if sys.platform == "win32":
            os.close(self._fd)
            self._fd = -1
        self._folder.replace(self._name, self._part)

    def sync_folder(self) -> None:
        self._folder.sync()


def _busy() -> FileFailure:
    return FileFailure("busy", "another copy to this file is running")


def dress(fd: int, how: Finish) -> None:
    """Owner, permissions and time of an open file. Raises OSError but for the owner."""
    if sys.platform != "win32":
        if how.owner is not None:
            with contextlib.suppress(OSError):
                os.fchown(fd, *how.owner)
        if how.mode is not None:
            os.fchmod(fd, how.mode)
    if how.mtime_ns is not None and os.utime in os.supports_fd:
        os.utime(fd, ns=(how.mtime_ns, how.mtime_ns))


def _rungs(length: int) -> list[int]:
    """The lengths to compare at, rising."""
    rungs, step = [length], RUNG_STEP_BYTES
    while rungs[-1] > step:
        rungs.append(rungs[-1] - step)
        step *= 2
    return [rung for rung in reversed(rungs) if rung > 0]


def _lock(fd: int) -> bool:
    """Whether nobody else is at it."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # A file system without locks has none to be broken.
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
    return True


def old_version(folder: Folder, name: bytes) -> os.stat_result | None:
    """What stands under the name now, if it is a file. Raises OSError when it is a folder."""
    found = folder.stat(name)
    if found is not None and stat.S_ISDIR(found.st_mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    return found if found is not None and stat.S_ISREG(found.st_mode) else None
