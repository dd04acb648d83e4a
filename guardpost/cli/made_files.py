"""Files that were made on this host and are to be unmade one day: which, and what was in them.

The list is a file itself, written again after each step, so that a half-done job can be undone.
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
        there = self._root / path.relative_to("/")
        with contextlib.suppress(OSError):
            return self._digests.get(str(path)) == _digest(there.read_bytes())
        return False

    def write(self, path: Path, content: bytes, mode: int) -> None:
        """A file, whole and at once; folders above it are made.

        One that was there before, or that somebody has changed, does not come into the list.
        """
        there = self._root / path.relative_to("/")
        is_ours = not there.exists() or self.is_as_made(path)
        beside = there.with_name(f".{there.name}.{os.getpid()}")
        try:
            there.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.chmod(mode)
            beside.replace(there)
        except OSError as error:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise ServiceError(f"{path} cannot be written: {error.strerror}") from None
        if is_ours:
            self._digests[str(path)] = _digest(content)
            self._keep()

    def remove_all(self) -> tuple[list[Path], list[Path]]:
        """Remove what is as it was made, the last first, and then the list.

        Returns what was removed and what was changed since and stays.
        """
        removed, changed = [], []
        for path in [Path(each) for each in reversed(self._digests)]:
            there = self._root / path.relative_to("/")
            if self.is_as_made(path):
                there.unlink()
                removed.append(path)
            elif there.exists():
                changed.append(path)
        self._list_path.unlink(missing_ok=True)
        return removed, changed

    def _keep(self) -> None:
        text = json.dumps({"schema": SCHEMA, "files": self._digests}, indent=1) + "\n"
        try:
            self._list_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._list_path.write_text(text)
        except OSError as error:
            raise ServiceError(f"{self._list_path} cannot be written: {error.strerror}") from None


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
