"""What is to be sent: the files and folders somebody named, and what is in them.

Everything here blocks. A named source, or one that a pattern finds, may be reached through links;
what is inside of a folder is reached through none, unless links are followed, and then it is
resolved, and judged, anew.
"""

import errno
import os
import stat
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import NamedTuple

from guardpost.host.file_errors import FileFailure, failure_of
from guardpost.host.folders import Folder
from guardpost.host.globs import folder_of, matches, pattern_of
from guardpost.host.names import DEPTH_MAX, PART_SUFFIX
from guardpost.host.paths import Place, resolve
from guardpost.services.files.messages import FILE, FOLDER, LINK, Entry, Trouble

__all__ = ["Found", "Item", "Judge", "Source", "items_of"]

Judge = Callable[[bytes], None]
"""Raises FileFailure when the file of this resolved path may not be used."""

SPECIAL = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class Source(NamedTuple):
    """One path that somebody named: absolute, and the name under which people know it."""

    number: int
    path: bytes
    shown: bytes
    contents: bool
    """It ends in `/`, or is `.` or `..`: what is in the folder is meant, not the folder."""
    pattern: bytes = b""
    """What is in the folder and has such a name is meant."""
    name: bytes = b""
    """Of what a pattern found: where the paths of its entries begin."""

    def by_pattern(self) -> "Source":
        """The same, but that its last part is a pattern if it looks like one."""
        if not (pattern := pattern_of(self.path)):
            return self
        folder = folder_of(self.path)
        return self._replace(path=folder, shown=folder, pattern=pattern)


class Item(NamedTuple):
    """An entry, and how to open it."""

    entry: Entry
    shown: bytes
    open: Callable[[], int]
    path: bytes = b""
    """Where it really is; empty for a stream."""


Found = Item | Trouble | None
"""None: nothing yet. A long search is to be left now and then."""
LOOKED_AT = 256
"""So many names, then that is said."""
SORTED_NAMES = 4096
_Ancestors = tuple[tuple[int, int], ...]
"""Device and inode of the folders on the way, so that a circle of links is noticed."""


def items_of(sources: Sequence[Source], links: str, judge: Judge) -> Generator[Found, None, None]:
    """Every entry, a folder before what is in it; what cannot be read is told and passed over.

    `links` is what to do with links inside of folders: skip, copy or follow.
    """
    for source in sources:
        found = _matching if source.pattern else _named
        yield from found(source, links, judge)


def _named(source: Source, links: str, judge: Judge) -> Iterator[Found]:
    try:
        judge(source.path)  # so that nobody learns whether there is such a path
        place = resolve(source.path, follow_last=source.contents or links != "copy")
    except (OSError, FileFailure) as error:
        yield _trouble(source, source.name, error)
        return
    with place.folder:
        yield from _Walk(source, links, judge).top(place)


def _matching(source: Source, links: str, judge: Judge) -> Iterator[Found]:
    """What the pattern matches in the folder, each as if it had been named."""
    found_any = False
    try:
        judge(source.path)
        place = resolve(source.path)
        with place.folder:
            judge(place.path)  # its names are told of, so it must be one that may be read
            where = place.path
            with place.open_folder() as folder:
                for name in _names(folder, source.pattern):
                    if name is None:
                        yield None
                        continue
                    found_any = True
                    path = os.path.join(where, name)
                    one = Source(source.number, path, where, contents=False, name=name)
                    yield from _named(one, links, judge)
        if not found_any:
            pattern = source.pattern.decode("utf-8", "replace")
            raise FileFailure("no-such-file", f"nothing there matches {pattern} (see --no-glob)")
    except (OSError, FileFailure) as error:
        yield _trouble(source, b"", error)


def _names(folder: Folder, pattern: bytes) -> Iterator[bytes | None]:
    """Those that match, in order (so many at a time, however many there are); None as in Found."""
    found: list[bytes] = []
    for looked, name in enumerate(folder.names(), 1):
        if matches(name, pattern) and not name.endswith(PART_SUFFIX):
            found.append(name)
        if looked % LOOKED_AT == 0:
            yield None
        if len(found) == SORTED_NAMES:
            yield from sorted(found)
            found.clear()
    yield from sorted(found)


def _trouble(source: Source, path: bytes, error: Exception) -> Trouble:
    failure = failure_of(error)
    return Trouble(source.number, path, failure.word, str(failure)[:400])


class _Walk:
    def __init__(self, source: Source, links: str, judge: Judge) -> None:
        self._source = source
        self._links = links
        self._judge = judge

    def top(self, place: Place) -> Iterator[Found]:
        try:
            found = place.stat()
            if found is None:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            if self._source.contents and not stat.S_ISDIR(found.st_mode):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        except OSError as error:
            yield _trouble(self._source, self._source.name, error)
            return
        yield from self._any(place, self._source.name, found, ())

    def _any(
        self, place: Place, path: bytes, found: os.stat_result, ancestors: _Ancestors
    ) -> Iterator[Found]:
        """The thing at `place`, whatever it is."""
        try:
            kind = stat.S_IFMT(found.st_mode)
            if kind in (stat.S_IFREG, stat.S_IFDIR):
                self._judge(place.path)
            if kind == stat.S_IFREG:
                yield self._file(place, path, found)
            elif kind == stat.S_IFDIR:
                yield from self._folder(place, path, found, ancestors)
            elif kind == stat.S_IFLNK:
                yield from self._link(place, path, found, ancestors)
            else:
                what = SPECIAL.get(kind, "no file")
                raise FileFailure("not-a-file", f"it is {what}, and not copied")
        except (OSError, FileFailure) as error:
            yield _trouble(self._source, path, error)

    def _shown(self, path: bytes) -> bytes:
        top = self._source.shown
        return top + (b"" if top.endswith(b"/") or not path else b"/") + path

    def _file(self, place: Place, path: bytes, found: os.stat_result) -> Item:
        # The place does not stay open: hundreds of these wait for their turn. (The path is
        # canonical; whoever puts a link into it meanwhile finds it refused.)
        where = place.path

        def open_it() -> int:
            again = _unlinked(where)
            with again.folder:
                return again.folder.open_file(again.name)

        blocks = getattr(found, "st_blocks", None)
        allocated = found.st_size if blocks is None else min(blocks * 512, found.st_size)
        entry = Entry(
            self._source.number,
            path,
            FILE,
            found.st_size,
            allocated,
            found.st_mtime_ns,
            stat.S_IMODE(found.st_mode),
        )
        return Item(entry, self._shown(path), open_it, where)

    def _folder(
        self, place: Place, path: bytes, found: os.stat_result, ancestors: _Ancestors
    ) -> Iterator[Found]:
        this = (found.st_dev, found.st_ino)
        if this in ancestors:
            raise FileFailure("link-in-the-way", "links lead round in a circle")
        if path.count(b"/") + 1 >= DEPTH_MAX:
            raise FileFailure("name-too-long", f"it is deeper than {DEPTH_MAX} folders")
        entry = Entry(
            self._source.number,
            path,
            FOLDER,
            mtime_ns=found.st_mtime_ns,
            mode=stat.S_IMODE(found.st_mode),
        )
        yield Item(entry, self._shown(path), _cannot_open, place.path)
        with place.open_folder() as folder:
            for name in folder.names():
                if name.endswith(PART_SUFFIX):
                    continue  # a copy to here that was cut
                below = path + b"/" + name if path else name
                child = folder.stat(name)
                if child is not None:
                    yield from self._any(Place(folder, name), below, child, (*ancestors, this))

    def _link(
        self, place: Place, path: bytes, found: os.stat_result, ancestors: _Ancestors
    ) -> Iterator[Found]:
        if self._links == "copy":
            self._judge(place.path)
            target = place.folder.read_link(place.name)
            entry = Entry(
                self._source.number, path, LINK, mtime_ns=found.st_mtime_ns, target=target
            )
            yield Item(entry, self._shown(path), _cannot_open, place.path)
        elif self._links == "follow":
            there = resolve(place.path)
            with there.folder:
                aim = there.stat()
                if aim is None:
                    raise FileNotFoundError(errno.ENOENT, "the link points to nothing")
                yield from self._any(there, path, aim, ancestors)
        else:
            raise FileFailure("skipped-link", "--links copies links, --follow what they point to")


def _unlinked(path: bytes) -> Place:
    """The place of a canonical path, which has become another if there is a link in it now."""
    place = resolve(path, follow_last=False)
    if place.path != path:
        place.folder.close()
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return place


def _cannot_open() -> int:
    raise FileFailure("not-a-file", "it is no file")
