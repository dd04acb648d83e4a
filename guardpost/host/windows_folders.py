"""Folder on Windows, which has no openat: names are looked at before each use.

Whoever may write to the target folder itself can win a race against that; whoever only names
files cannot, since no name that passed guardpost.host.names means another place.
"""

import errno
import os
import stat
from collections.abc import Iterator, Sequence

from guardpost.host.file_errors import FileFailure

__all__ = ["Folder", "is_ours_alone"]

_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_NOINHERIT", 0)
_REPARSE_POINT = 0x400  # FILE_ATTRIBUTE_REPARSE_POINT: links and junctions


def is_ours_alone(found: os.stat_result) -> bool:
    """Permissions are the folder's: a file there is as much ours as the folder is."""
    return stat.S_ISREG(found.st_mode) and not _leads_away(found)


def _leads_away(found: os.stat_result) -> bool:
    attributes = int(getattr(found, "st_file_attributes", 0))
    return stat.S_ISLNK(found.st_mode) or bool(attributes & _REPARSE_POINT)


class Folder:
    """As guardpost.host.folders.Folder, by path. All raise OSError."""

    def __init__(self, path: bytes) -> None:
        self.path = path

    def __enter__(self) -> "Folder":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is held."""

    def path_of(self, name: bytes) -> bytes:
        return os.path.join(self.path, name) if name else self.path

    # --- looking ---

    def stat(self, name: bytes) -> os.stat_result | None:
        try:
            return os.lstat(self.path_of(name))
        except FileNotFoundError:
            return None

    def own_stat(self) -> os.stat_result:
        return os.lstat(self.path)

    def folder(self, name: bytes) -> "Folder":
        found = os.lstat(self.path_of(name))
        if _leads_away(found):
            raise OSError(errno.ELOOP, "a link or junction is in the way")
        if not stat.S_ISDIR(found.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        return Folder(self.path_of(name))

    def walk(self, parts: Sequence[bytes]) -> "Folder":
        here = self
        for part in parts:
            here = here.folder(part)
        return here

    def names(self) -> Iterator[bytes]:
        with os.scandir(self.path) as entries:
            for entry in entries:
                yield entry.name

    def open_file(self, name: bytes) -> int:
        _require_file(os.lstat(self.path_of(name)))
        return os.open(self.path_of(name), os.O_RDONLY | _BINARY)

    def read_link(self, name: bytes) -> bytes:
        return os.readlink(self.path_of(name))

    def free_bytes(self) -> int:
        import shutil

        return shutil.disk_usage(os.fsdecode(self.path)).free

    # --- changing ---

    def create(self, name: bytes) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY
        return os.open(self.path_of(name), flags, 0o600)

    def open_again(self, name: bytes) -> int:
        if not is_ours_alone(os.lstat(self.path_of(name))):
            raise FileFailure("not-ours", "the cut copy is a link")
        return os.open(self.path_of(name), os.O_RDWR | _BINARY)

    def make_folder(self, name: bytes, mode: int = 0o700) -> None:
        os.mkdir(self.path_of(name))  # Python gives 0o700 a meaning of its own here

    def make_link(self, name: bytes, target: bytes) -> None:
        os.symlink(target, self.path_of(name))

    def replace(self, name: bytes, by: bytes) -> None:
        os.replace(self.path_of(by), self.path_of(name))

    def remove(self, name: bytes) -> None:
        os.unlink(self.path_of(name))

    def set_link_time(self, name: bytes, mtime_ns: int) -> None:
        """Links have no time of their own that Python could set here."""

    def settle(self, mode: int | None, mtime_ns: int | None) -> None:
        if mtime_ns is not None:
            os.utime(self.path, ns=(mtime_ns, mtime_ns))

    def sync(self) -> None:
        """A folder cannot be flushed here; NTFS logs its renames."""


def _require_file(found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if _leads_away(found):
        raise OSError(errno.ELOOP, "it is a link or junction")
    if not stat.S_ISREG(found.st_mode):
        raise FileFailure("not-a-file", "it is a device or pipe")
