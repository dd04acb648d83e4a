"""Files that were made on this host and are to be unmade one day: which, and what was in them.

The list is a file itself, written again before each step, so that a half-done job can be undone.
"""

import contextlib
import json
import os
from hashlib import blake2b
from pathlib import Path

from guardpost.errors import ServiceError

__all__ = ["MadeFiles"]

SCHEMA = 1


class MadeFiles:
    """`list_path` has the list; paths are absolute, and `root` stands before them (/ elsewhere).

    Raises ServiceError when the list cannot be read or a file not be written.
    """

    def __init__(self, list_path: Path, root: Path) -> None:
        self._list_path = list_path
        self._root = root
        self._digests: dict[str, str] = _read(list_path)

    def __len__(self) -> int:
        return len(self._digests)

    def __contains__(self, path: Path) -> bool:
        return str(path) in self._digests

    def is_as_made(self, path: Path) -> bool:
        """Whether `path` was made here, and nobody has changed it since."""
        with contextlib.suppress(OSError):
            there = _digest(self._there(path).read_bytes())
            return there in self._digests.get(str(path), "").split()
        return False

    def write(self, path: Path, content: bytes, mode: int) -> None:
        """A file, whole and at once; folders above it are made, a link is followed.

        One that was there before, or that somebody has changed, does not come into the list.
        """
        there = self._there(path)
        before = [_digest(there.read_bytes())] if self.is_as_made(path) else []
        if before or not os.path.lexists(there):
            # Whoever is interrupted here has either of the two.
            self._digests[str(path)] = " ".join(dict.fromkeys((*before, _digest(content))))
            self._keep()
        _make_folder(there.parent, 0o755)
        _replace(there.resolve(), content, mode)

    def remove_all(self) -> tuple[list[Path], list[Path]]:
        """Remove what is as it was made, the last first.

        Returns what was removed and what was changed since and stays.
        """
        removed, changed = [], []
        for path in [Path(each) for each in reversed(self._digests)]:
            if self.is_as_made(path):
                self._there(path).unlink()
                removed.append(path)
            elif self._there(path).exists():
                changed.append(path)
        return removed, changed

    def remove_list(self) -> None:
        """When all is unmade, since until then somebody may have to go on with it."""
        self._list_path.unlink(missing_ok=True)

    def _keep(self) -> None:
        text = json.dumps({"schema": SCHEMA, "files": self._digests}, indent=1) + "\n"
        _make_folder(self._list_path.parent, 0o700)
        _replace(self._list_path, text.encode(), 0o600)

    def _there(self, path: Path) -> Path:
        return self._root / path.relative_to("/")


def _make_folder(path: Path, mode: int) -> None:
    """With those above it; a umask has no say."""
    if path.is_dir():
        return
    _make_folder(path.parent, 0o755)
    try:
        path.mkdir()
        path.chmod(mode)
    except OSError as error:
        raise ServiceError(f"the folder {path} cannot be made: {error.strerror}") from None


def _replace(path: Path, content: bytes, mode: int) -> None:
    """Old or new, also after a power cut."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.chmod(mode)
        beside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise ServiceError(f"{path} cannot be written: {error.strerror}") from None


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=32).hexdigest()


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_bytes())
        if found["schema"] != SCHEMA:
            raise ValueError("it is of another version")
        return {str(each): str(digest) for each, digest in found["files"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ServiceError(f"{path} is not what --install wrote: {error}") from None
