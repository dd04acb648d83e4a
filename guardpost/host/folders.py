"""Folder: an open folder, and what may be done to the names in it.

Every call takes one component and never follows a link that stands under it (openat and
O_NOFOLLOW), so that nobody who swaps a name for a link meanwhile leads us elsewhere.
Names are checked by the caller (guardpost.host.names, guardpost.host.paths).
"""

import errno
import os
import stat
import sys
from collections.abc import Iterator, Sequence

from guardpost.host.file_errors import FileFailure

__all__ = ["Folder", "is_ours_alone"]

if sys.platform == "win32":
    from guardpost.host.windows_folders import Folder, is_ours_alone
else:
    # Enough to go through it: reading its list may be forbidden. Elsewhere than on Linux and
    # FreeBSD such a descriptor does not exist.
    _PASS_THROUGH = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW
    _OPEN = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK

    def is_ours_alone(found: os.stat_result) -> bool:
        """Whether nobody but this process' user (and root) can have opened it for writing."""
        return (
            stat.S_ISREG(found.st_mode)
            and found.st_uid == os.geteuid()
            and found.st_nlink == 1
            and not found.st_mode & 0o077
        )

    class Folder:
        """Owns a descriptor; close() must be called, or `with` used. All raise OSError."""

        def __init__(self, fd: int, path: bytes) -> None:
            self._fd = fd
            self.path = path
            """Where it was found; no component of it was a link."""

        @classmethod
        def root(cls) -> "Folder":
            return cls(os.open(b"/", _PASS_THROUGH), b"/")

        def __enter__(self) -> "Folder":
            return self

        def __exit__(self, *_: object) -> None:
            self.close()

        def close(self) -> None:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1

        def path_of(self, name: bytes) -> bytes:
            return os.path.join(self.path, name) if name else self.path

        # --- looking ---

        def stat(self, name: bytes) -> os.stat_result | None:
            """Of the name itself; None when there is none."""
            try:
                return os.stat(name, dir_fd=self._fd, follow_symlinks=False)
            except FileNotFoundError:
                return None

        def own_stat(self) -> os.stat_result:
            return os.fstat(self._fd)

        def folder(self, name: bytes) -> "Folder":
            try:
                fd = os.open(name, _PASS_THROUGH, dir_fd=self._fd)
            except NotADirectoryError:
                self._refuse_link(name)
                raise
            return Folder(fd, self.path_of(name))

        def walk(self, parts: Sequence[bytes]) -> "Folder":
            """The folder below, component by component."""
            here = Folder(os.dup(self._fd), self.path)
            for part in parts:
                with here:
                    here = here.folder(part)
            return here

        def _refuse_link(self, name: bytes) -> None:
            found = self.stat(name)
            if found is not None and stat.S_ISLNK(found.st_mode):
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))

        def names(self) -> Iterator[bytes]:
            """In the order of the file system; a few at a time, however many there are."""
            fd = self._readable()
            try:
                with os.scandir(fd) as entries:
                    for entry in entries:
                        yield os.fsencode(entry.name)
            finally:
                os.close(fd)

        def _readable(self) -> int:
            return os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._fd)

        def open_file(self, name: bytes) -> int:
            """A regular file for reading; nothing else is opened (a device may act on that)."""
            found = os.stat(name, dir_fd=self._fd, follow_symlinks=False)
            _require_file(found)
            fd = os.open(name, os.O_RDONLY | _OPEN, dir_fd=self._fd)
            try:
                _require_file(os.fstat(fd))
            except BaseException:
                os.close(fd)
                raise
            return fd

        def read_link(self, name: bytes) -> bytes:
            return os.readlink(name, dir_fd=self._fd)

        def free_bytes(self) -> int:
            """What an unprivileged user may still write here."""
            found = os.statvfs(self._fd)
            return found.f_bavail * found.f_frsize

        # --- changing ---

        def create(self, name: bytes) -> int:
            """A new file, ours alone, for reading and writing."""
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | _OPEN
            return os.open(name, flags, 0o600, dir_fd=self._fd)

        def open_again(self, name: bytes) -> int:
            """A file that is there, for reading and writing, if it is_ours_alone()."""
            fd = os.open(name, os.O_RDWR | _OPEN, dir_fd=self._fd)
            if not is_ours_alone(os.fstat(fd)):
                os.close(fd)
                raise FileFailure("not-ours", "others can write to the cut copy")
            return fd

        def make_folder(self, name: bytes, mode: int = 0o700) -> None:
            os.mkdir(name, mode, dir_fd=self._fd)

        def make_link(self, name: bytes, target: bytes) -> None:
            os.symlink(target, name, dir_fd=self._fd)

        def replace(self, name: bytes, by: bytes) -> None:
            """Let `by` take the place of `name`, at once."""
            os.replace(by, name, src_dir_fd=self._fd, dst_dir_fd=self._fd)

        def remove(self, name: bytes) -> None:
            os.unlink(name, dir_fd=self._fd)

        def set_link_time(self, name: bytes, mtime_ns: int) -> None:
            times = (mtime_ns, mtime_ns)
            os.utime(name, ns=times, dir_fd=self._fd, follow_symlinks=False)

        def settle(self, mode: int | None, mtime_ns: int | None) -> None:
            """Its own permissions and time, where given."""
            fd = self._readable()
            try:
                if mode is not None:
                    os.fchmod(fd, mode)
                if mtime_ns is not None:
                    os.utime(fd, ns=(mtime_ns, mtime_ns))
            finally:
                os.close(fd)

        def sync(self) -> None:
            """What was renamed here survives a reboot."""
            fd = self._readable()
            try:
                os.fsync(fd)
            finally:
                os.close(fd)

    def _require_file(found: os.stat_result) -> None:
        if stat.S_ISDIR(found.st_mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        if stat.S_ISLNK(found.st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        if not stat.S_ISREG(found.st_mode):
            raise FileFailure("not-a-file", "it is a device, pipe or socket")
