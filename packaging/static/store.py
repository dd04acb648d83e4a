"""What is built once and kept: folders named after what went into them.

A folder appears whole or not at all, and two builds at once wait for each other.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from static.report import BuildError, say

__all__ = ["Store", "alone", "key_of"]

ABANDONED_SECONDS = 86400

# What every change of our own code makes anew; and the cache that zig had in common for all.
SHORT_LIVED = ("bytecode-*", "guardpost*-*-*", "modules-*", "zig-local")
UNUSED_SECONDS = 30 * 86400


def key_of(*inputs: object) -> str:
    """A short name for `inputs`: strings, bytes, or what has a lasting repr()."""
    digest = hashlib.sha256()
    for each in inputs:
        data = each if isinstance(each, bytes) else repr(each).encode()
        digest.update(b"%d:" % len(data) + data)
    return digest.hexdigest()[:16]


@contextmanager
def alone(place: Path) -> Iterator[None]:
    """Among all builds, the one that may change `place`."""
    lock = place.with_name(f".{place.name}.lock")
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"{place.name}: another build is at it; waiting")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Store:
    """A folder of them, by default ~/.cache/guardpost/frozen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._drop(".*-????????", ABANDONED_SECONDS)  # of a build that was killed
        for pattern in SHORT_LIVED:
            self._drop(pattern, UNUSED_SECONDS)

    def _drop(self, pattern: str, seconds: float) -> None:
        for each in self.folder.glob(pattern):
            if each.is_dir() and time.time() - each.stat().st_mtime > seconds:
                shutil.rmtree(each, ignore_errors=True)
                each.with_name(f".{each.name}.lock").unlink(missing_ok=True)

    def made(self, name: str, key: str | Callable[[], str], make: Callable[[Path], None]) -> Path:
        """The folder of that name and key; `make` fills it if there is none yet.

        A key that is a function stands for files that somebody may be editing. It is asked again
        when `make` is done: BuildError if they changed meanwhile.
        """
        before = key() if callable(key) else key
        final = self.folder / f"{name}-{before}"
        if final.is_dir():
            with suppress(OSError):  # somebody else's
                os.utime(final)  # it is in use
            return final
        with alone(final):
            if final.is_dir():  # while we waited
                return final
            say(f"{name} ...")
            with self.scratch(name) as new:
                make(new)
                if callable(key) and key() != before:
                    raise BuildError("the sources changed while they were read; run it again")
                os.chmod(new, 0o755)
                os.rename(new, final)
            say(f"{name} is ready")
        return final

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        """A folder for a while, on the same file system."""
        folder = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=self.folder))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
