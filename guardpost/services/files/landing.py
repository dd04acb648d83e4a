"""Landing: where each entry goes under the path that somebody named, as cp, scp and rsync have it.

Into it, if it is a folder, ends in `/`, or there are several sources; otherwise onto it. Everything
here but where() and path_of() blocks.
"""

import errno
import itertools
import os
import stat
import sys
from collections.abc import Sequence
from typing import NamedTuple

from guardpost.host.file_errors import FileFailure
from guardpost.host.folders import Folder
from guardpost.host.names import UnsafeName, check_name, part_name, parts_of
from guardpost.host.paths import Place, resolve
from guardpost.services.files.messages import Entry

__all__ = ["Landing", "Rules"]

Where = tuple[bytes, ...]
"""Components under the landing's base; none is the base itself."""


class Rules(NamedTuple):
    """What the receiving side was asked to take over besides contents."""

    preserve: bool = True
    """Permissions and times are the source's."""
    special: bool = False
    """So are the bits setuid, setgid and sticky."""
    quick: bool = False
    """The same size and time are enough to be equal."""
    links: bool = False
    """Links may be made."""
    outward_links: bool = False
    """Even those that lead out of what is copied."""
    umask: int = 0o022

    def mode_of(self, entry: Entry, old: os.stat_result | None) -> int:
        """The permissions of what is made for `entry`, which may replace `old`."""
        allowed = 0o7777 if self.special else 0o777
        if self.preserve:
            return entry.mode & allowed
        if old is not None:
            return stat.S_IMODE(old.st_mode) & 0o777
        return entry.mode & 0o777 & ~self.umask

    def mtime_of(self, entry: Entry) -> int | None:
        return entry.mtime_ns if self.preserve else None


class Landing:
    """Owns what it has opened: close() must be called."""

    takes_stream = False
    """What comes is one stream, which has no known end."""

    def __init__(self, place: Place, names: Sequence[bytes], *, into: bool, rules: Rules) -> None:
        self.rules = rules
        self._place = place
        self._names = names
        self._into = into
        self._base: Folder | None = None
        self._made_base = False
        self._folders: list[tuple[Where, Entry]] = []

    @classmethod
    def at(cls, path: bytes, names: Sequence[bytes], rules: Rules, *, stream: bool) -> "Landing":
        """`path` is absolute; `names` are the sources', empty for the contents of one.

        Raises OSError, FileFailure when there is no way to it.
        """
        place = resolve(path)
        found = place.stat()
        is_folder = found is not None and stat.S_ISDIR(found.st_mode)
        contents = not names[0] and not stream
        into = is_folder or path.endswith(b"/") or len(names) > 1 or contents
        try:
            if into and found is not None and not is_folder:
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            if place.name and found is None:
                check_name(place.name)
        except BaseException:
            place.folder.close()
            raise
        landing = cls(place, names, into=into, rules=rules)
        landing.takes_stream = stream
        return landing

    def close(self) -> None:
        self._place.folder.close()
        if self._base is not None:
            self._base.close()

    # --- where ---

    def where(self, source: int, path: bytes) -> Where:
        """Raises UnsafeName, and FileFailure for a source that was not asked for."""
        if source >= len(self._names):
            raise FileFailure("unsafe-name", "nobody asked for this")
        parts = parts_of(path)
        if not self._into:
            return (self._place.name, *parts)
        name = self._names[source]
        return (name, *parts) if name else parts

    def path_of(self, where: Where) -> bytes:
        top = self._place.path if self._into else self._place.folder.path
        return os.path.join(top, *where)

    def shown(self, source: int, path: bytes) -> bytes:
        """The path, for an audit; of a name that leads nowhere, the top's."""
        try:
            return self.path_of(self.where(source, path))
        except (UnsafeName, FileFailure):
            return self._place.path

    def base(self) -> Folder:
        """What `where` counts from; made if it is not there yet."""
        if self._base is None:
            if not self._into:
                self._base = self._place.folder.walk(())
            else:
                if self._place.stat() is None:
                    self._place.folder.make_folder(self._place.name, 0o777 & ~self.rules.umask)
                    self._made_base = True
                self._base = self._place.open_folder()
        return self._base

    def parent(self, where: Where) -> tuple[Folder, bytes]:
        """The folder of something, which the caller closes, and its name there."""
        if not where:
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        return self.base().walk(where[:-1]), where[-1]

    # --- folders and links ---

    def make_folder(self, where: Where, entry: Entry) -> bool:
        """Make it; False when there is one already. settle() gives it its final permissions."""
        if not where:
            self.base()
            if self._made_base:
                self._folders.append((where, entry))
            return self._made_base
        folder, name = self.parent(where)
        with folder:
            found = folder.stat(name)
            if found is None:
                folder.make_folder(name)
                mode = self.rules.mode_of(entry, None) | 0o700
                with folder.folder(name) as made:
                    made.settle(mode, None)
            elif not stat.S_ISDIR(found.st_mode):
                raise FileExistsError(errno.EEXIST, "something else is there")
            if found is None or self.rules.preserve:
                self._folders.append((where, entry))
        return found is None

    def settle(self) -> "list[tuple[Entry, OSError]]":
        """The folders get their permissions and times, now that nothing more comes into them."""
        failed = []
        while self._folders:
            where, entry = self._folders.pop()
            try:
                with self.base().walk(where) as folder:
                    folder.settle(self.rules.mode_of(entry, None), self.rules.mtime_of(entry))
                    folder.sync()
            except OSError as error:
                failed.append((entry, error))
        return failed

    def make_link(self, where: Where, entry: Entry) -> bool:
        """Make it, in place of a file or link; False when it is there already.

        Raises FileFailure for one that was not asked for or leads out, OSError.
        """
        if not self.rules.links:
            raise FileFailure("skipped-link", "nobody asked for links")
        if not self.rules.outward_links and _leads_out(entry):
            raise FileFailure("outward-link", "it leads out of what is copied; see --unsafe-links")
        folder, name = self.parent(where)
        with folder:
            found = folder.stat(name)
            if found is not None and stat.S_ISLNK(found.st_mode):
                if folder.read_link(name) == entry.target:
                    return False
            elif found is not None and stat.S_ISDIR(found.st_mode):
                raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
            beside = part_name(name, os.urandom(4).hex().encode())
            folder.make_link(beside, entry.target)
            try:
                if self.rules.preserve:
                    folder.set_link_time(beside, entry.mtime_ns)
                folder.replace(name, beside)
            except BaseException:
                folder.remove(beside)
                raise
        return True


def _leads_out(entry: Entry) -> bool:
    """Whether a link in a copied folder leads to anything but what is copied with it.

    `..` counts at the beginning only: behind a name that is a link it would lead anywhere.
    """
    target = entry.target
    if not entry.path or not target or target.startswith(b"/") or b"\0" in target:
        return True
    if sys.platform == "win32" and (b"\\" in target or b":" in target):
        return True
    parts = [part for part in target.split(b"/") if part not in (b"", b".")]
    down = list(itertools.dropwhile(lambda part: part == b"..", parts))
    return b".." in down or len(parts) - len(down) > entry.path.count(b"/")
