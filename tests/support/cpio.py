"""An initramfs: a cpio archive as Linux unpacks it ("newc", see its buffer-format.rst)."""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

__all__ = ["archive"]


def archive(files: Iterable[tuple[str, bytes]], folders: Iterable[str] = ()) -> Iterator[bytes]:
    """`files`: name without a leading slash, and content; all of them executable.

    Folders of the names are made; `folders` are those that stay empty. The kernel takes several
    archives one after another, the later one's files over the earlier one's.
    """
    made: set[str] = set()

    def make(folder: PurePosixPath) -> Iterator[bytes]:
        for each in (*reversed(folder.parents), folder):
            if str(each) != "." and str(each) not in made:
                made.add(str(each))
                yield _entry(str(each), b"", stat.S_IFDIR | 0o755)

    for folder in folders:
        yield from make(PurePosixPath(folder))
    for name, content in files:
        yield from make(PurePosixPath(name).parent)
        yield _entry(name, content, stat.S_IFREG | 0o755)
    yield _entry("TRAILER!!!", b"", 0)


def _entry(name: str, content: bytes, mode: int) -> bytes:
    encoded = os.fsencode(name) + b"\0"
    numbers = (0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
    head = b"070701" + b"".join(b"%08X" % number for number in numbers) + encoded
    return _padded(head) + _padded(content)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
