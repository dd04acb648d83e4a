"""From a path that somebody named to the place it means: the one resolver of guardpost.

`resolve()` follows links as the kernel does, one component at a time with each folder open, so
that the path it reports (which the policy judges) is the path of the folder it has opened.
`below()` is for names that a peer chose: they lead downwards and through no link at all.
"""

import errno
import os
import stat
import sys
from collections import deque
from typing import NamedTuple

from guardpost.host.file_errors import FileFailure
from guardpost.host.folders import Folder
from guardpost.host.names import parts_of

__all__ = ["Place", "below", "home", "resolve", "start"]

LINKS_MAX = 40  # as Linux
_SHARED = stat.S_ISVTX | stat.S_IWOTH


class Place(NamedTuple):
    """A name in an open folder, which the caller closes; `name` empty is the folder itself (/)."""

    folder: Folder
    name: bytes

    @property
    def path(self) -> bytes:
        return self.folder.path_of(self.name)

    def stat(self) -> os.stat_result | None:
        return self.folder.stat(self.name) if self.name else self.folder.own_stat()

    def open_folder(self) -> Folder:
        return self.folder.folder(self.name) if self.name else self.folder.walk(())


def home() -> bytes:
    """Where a relative path begins on the agent's side: the user's home, or the root."""
    found = os.fsencode(os.path.expanduser("~"))
    return found if os.path.isabs(found) else os.fsencode(os.path.abspath(os.sep))


def start(path: bytes, base: bytes) -> bytes:
    """`path` from `base` if it is relative; a leading `~/` is the home. Raises FileFailure."""
    if b"\0" in path:
        raise FileFailure("unsafe-name", "a path holds NUL")
    if path == b"~" or path.startswith(b"~/"):
        path = home() + path[1:]
    # normpath would take `link/..` for nothing; the walk does not.
    return path if os.path.isabs(path) else os.path.join(base, path)


def below(top: Folder, path: bytes) -> tuple[Folder, bytes]:
    """The folder of a peer's relative `path` under `top`, and its last component (not empty).

    Raises UnsafeName, and OSError when a folder on the way is missing or a link.
    """
    *folders, name = parts_of(path)
    return top.walk(folders), name


if sys.platform == "win32":

    def resolve(path: bytes, *, follow_last: bool = True) -> Place:
        """The place of an absolute `path`. Raises OSError, FileFailure."""
        full = os.path.abspath(path)
        if follow_last or not os.path.islink(full):
            full = os.path.realpath(full)
        else:
            parent, name = os.path.split(full)
            full = os.path.join(os.path.realpath(parent), name)
        parent, name = os.path.split(full)
        if not os.path.isdir(parent):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return Place(Folder(parent), name)

else:

    def resolve(path: bytes, *, follow_last: bool = True) -> Place:
        """The place of an absolute `path`; its last component need not exist.

        Raises OSError (missing folder, too many links), FileFailure.
        """
        return _Walk(follow_last).to(path)

    class _Walk:
        """The folders from / to where we are, all open: `..` is the one before, whatever moves."""

        def __init__(self, follow_last: bool) -> None:
            self._follow_last = follow_last
            self._stack = [Folder.root()]
            self._names = [b""]
            self._links = 0

        def to(self, path: bytes) -> Place:
            try:
                return self._walk(deque(path.split(b"/")))
            finally:
                for folder in self._stack:
                    folder.close()

        def _walk(self, left: "deque[bytes]") -> Place:
            while left:
                part = left.popleft()
                if part in (b"", b"."):
                    continue
                if part == b"..":
                    self._up()
                    continue
                here = self._stack[-1]
                found = here.stat(part)
                last = all(each in (b"", b".") for each in left)
                # `link/` means what it points to.
                wanted = not last or bool(left) or self._follow_last
                if found is not None and stat.S_ISLNK(found.st_mode) and wanted:
                    self._follow(part, found, left)
                    continue
                if last:
                    if left and found is not None and not stat.S_ISDIR(found.st_mode):
                        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
                    return Place(here.walk(()), part)
                self._stack.append(here.folder(part))
                self._names.append(part)
            name = self._names[-1]
            self._up()
            return Place(self._stack[-1].walk(()), name)

        def _up(self) -> None:
            if len(self._stack) > 1:
                self._stack.pop().close()
                self._names.pop()

        def _follow(self, name: bytes, found: os.stat_result, left: "deque[bytes]") -> None:
            here = self._stack[-1]
            self._links += 1
            if self._links > LINKS_MAX:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            folder = here.own_stat()
            # As protected_symlinks of Linux: in /tmp, a link of another user is a trap.
            is_shared = folder.st_mode & _SHARED == _SHARED
            if is_shared and found.st_uid not in (os.geteuid(), folder.st_uid):
                raise FileFailure("link-in-the-way", "a link of another user in a shared folder")
            target = here.read_link(name)
            if target.startswith(b"/"):
                while len(self._stack) > 1:
                    self._up()
            left.extendleft(reversed(target.split(b"/")))
