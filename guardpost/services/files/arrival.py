"""Arrival: one file on its way in, from what is there of it already to its place.

A Part and an older version on the disk; or an open stream (`get TARGET FILE -`), which can
neither be resumed nor taken back.
"""

import errno
import hashlib
import os
import stat
import sys
from typing import Protocol

from guardpost.host.descriptors import DescriptorWriter
from guardpost.host.file_errors import FileFailure
from guardpost.services.files.landing import Landing, Rules, Where
from guardpost.services.files.messages import DIGEST_BYTES, Entry, Want
from guardpost.services.files.part import Finish, Part, dress, old_version
from guardpost.services.files.reading import HOLE_BYTES, digest_of
from guardpost.services.files.steps import Steps, in_thread

__all__ = ["Arrival", "FileArrival", "StreamArrival", "prepare"]

_COPY_BYTES = 64 << 10
_ZEROS = bytes(65536)


class Arrival(Protocol):
    """Takes contents in order. All raise OSError and FileFailure."""

    position: int

    async def begin(self, offset: int) -> None: ...

    async def write(self, data: bytes) -> None: ...

    async def hole(self, length: int) -> None: ...

    async def copy(self, offset: int, length: int) -> None: ...

    async def finish(self, digest: bytes) -> bool:
        """Put it in place; False when it is not what `digest` says."""
        ...

    async def accept_old(self) -> None:
        """The older version has the contents: only permissions and time are taken over."""
        ...

    def close(self) -> None: ...

    def discard(self) -> None: ...


class FileArrival:
    """`part` is given when an earlier attempt left one; it was opened and locked then."""

    def __init__(
        self, landing: Landing, where: Where, entry: Entry, finish: Finish, part: Part | None
    ) -> None:
        self._landing = landing
        self._where = where
        self._entry = entry
        self._finish = finish
        self._part = part
        self.position = 0

    async def begin(self, offset: int) -> None:
        def work() -> None:
            self._opened().begin(offset)

        await in_thread(work)
        self.position = offset

    def _opened(self) -> Part:
        if self._part is None:
            self._part = Part(*self._landing.parent(self._where))
        return self._part

    async def write(self, data: bytes) -> None:
        if self._part is not None:
            await in_thread(self._part.write, data)
            self.position += len(data)

    async def hole(self, length: int) -> None:
        while length and self._part is not None:
            step = min(length, HOLE_BYTES)
            await in_thread(self._part.hole, step)
            self.position += step
            length -= step

    async def copy(self, offset: int, length: int) -> None:
        while length and self._part is not None:
            step = min(length, _COPY_BYTES)
            await in_thread(self._part.copy, offset, step)
            self.position += step
            offset += step
            length -= step

    async def open_old(self) -> int:
        """The older version, open as long as this is."""
        return await in_thread(lambda: self._opened().open_old())

    async def finish(self, digest: bytes) -> bool:
        part = self._opened()

        def work() -> bool:
            if not part.is_whole(digest):
                return False
            part.finish(self._finish)
            part.sync_folder()
            return True

        whole = await in_thread(work)
        if whole:
            self.close()
        else:
            self.discard()
        return whole

    async def accept_old(self) -> None:
        def work() -> None:
            folder, name = self._landing.parent(self._where)
            with folder:
                fd = folder.open_file(name)
                try:
                    found = os.fstat(fd)
                    if is_dressed(found, self._finish):
                        return
                    dress(fd, self._finish._replace(owner=None))
                finally:
                    os.close(fd)

        if self._landing.rules.preserve:
            await in_thread(work)
        self.discard()

    def close(self) -> None:
        if self._part is not None:
            self._part.close()
            self._part = None

    def discard(self) -> None:
        if self._part is not None:
            self._part.discard()
            self._part = None


def is_dressed(found: os.stat_result, finish: Finish) -> bool:
    return (finish.mode is None or stat.S_IMODE(found.st_mode) == finish.mode) and (
        finish.mtime_ns is None or found.st_mtime_ns == finish.mtime_ns
    )


class StreamArrival:
    """Contents go out as they come; whether they were right is known at the end."""

    def __init__(self, fd: int) -> None:
        self._writer = DescriptorWriter(fd)
        self._digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
        self.position = 0

    async def begin(self, offset: int) -> None:
        if offset:
            raise FileFailure("damaged", "the sender goes on from where nobody was")

    async def write(self, data: bytes) -> None:
        self._digest.update(data)
        await self._writer.write(data)
        self.position += len(data)

    async def hole(self, length: int) -> None:
        while length:
            step = min(length, len(_ZEROS))
            await self.write(_ZEROS[:step])
            length -= step

    async def copy(self, offset: int, length: int) -> None:
        raise FileFailure("damaged", "the sender copies from where nothing was")

    async def finish(self, digest: bytes) -> bool:
        if self._digest.digest() != digest:
            raise FileFailure("damaged", "what was written to the stream is not the file")
        return True

    async def accept_old(self) -> None:
        raise FileFailure("damaged", "the sender says that a stream has its contents")

    def close(self) -> None:
        """The descriptor is the caller's."""

    def discard(self) -> None:
        """What is written cannot be taken back."""


def prepare(
    landing: Landing, where: Where, index: int, entry: Entry, *, fresh: bool, keep: bool, show: bool
) -> Steps[tuple[Want, FileArrival] | None]:
    """Look at what is there of a file; None when nothing more is wanted of it.

    `fresh`: whatever is there is not to be built upon. `keep` is whether what an earlier attempt
    left may be held open until its turn comes, `show` whether the peer may know of an older
    version. Raises OSError, FileFailure.
    """
    folder, name = landing.parent(where)
    part = Part(folder, name)
    try:
        old = old_version(folder, name)
        finish = finish_of(landing.rules, entry, old)
        if fresh or entry.size is None:
            part.close()
            return Want(index), FileArrival(landing, where, entry, finish, None)
        if landing.rules.quick and old is not None and _looks_equal(old, entry):
            part.discard()
            return None
        rungs = (yield from part.find(entry.size)) if keep else []
        kept = rungs[-1][0] if rungs else 0
        if (room := folder.free_bytes()) < min(entry.allocated, entry.size) - kept:
            raise FileFailure("disk-full", f"{entry.allocated} bytes do not fit in {room}")
        size, digest = yield from _look_at_old(part, old if show else None, entry.size)
    except BaseException:
        part.close()
        raise
    part.drop_old()
    if not rungs:
        part.close()
    arrival = FileArrival(landing, where, entry, finish, part if rungs else None)
    return Want(index, rungs, size, digest), arrival


def _looks_equal(old: os.stat_result, entry: Entry) -> bool:
    return old.st_size == entry.size and old.st_mtime_ns == entry.mtime_ns


def _look_at_old(
    part: Part, old: os.stat_result | None, size: int
) -> Steps[tuple[int | None, bytes | None]]:
    """The older version's length; its digest if it may be equal."""
    if old is None:
        return None, None
    try:
        fd = part.open_old()
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.ENOENT):
            return None, None  # it may be replaced all the same
        raise
    found = os.fstat(fd)
    if found.st_size != size:
        return found.st_size, None
    return size, (yield from digest_of(fd, size))


def finish_of(rules: Rules, entry: Entry, old: os.stat_result | None) -> Finish:
    """A file that is replaced keeps its owner, as if it had been written into."""
    owner = None
    if sys.platform != "win32" and old is not None:
        owner = (old.st_uid, old.st_gid)
        if owner == (os.geteuid(), os.getegid()):
            owner = None
    return Finish(rules.mode_of(entry, old), rules.mtime_of(entry), owner)
