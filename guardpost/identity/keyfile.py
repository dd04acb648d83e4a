"""Files that trust rests on: checked on the open descriptor, written beside and renamed.

Windows has no modes; there the folder's access list, inherited, does that work.
"""

import contextlib
import os
import shlex
import stat
import sys
from pathlib import Path

from guardpost.errors import KeyFileError

__all__ = ["MAX_FILE_BYTES", "Signature", "create", "make_folder", "read_secret"]
__all__ += ["read_unforged", "replace", "signature"]

MAX_FILE_BYTES = 1 << 20
"""Ten thousand keys; a bigger file is not what it is taken for."""

# A fifo must not hang us, a terminal must not become ours.
_READ_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
)


# All that changes when a file does; None for one that is not there.
Signature = tuple[int, ...] | None


def signature(path: Path) -> Signature:
    """Differs from an earlier one when the file at `path` may have another content."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (
        *(status.st_dev, status.st_ino, status.st_size, status.st_mode),
        *(status.st_mtime_ns, status.st_ctime_ns),
    )


def read_secret(path: Path) -> str:
    """The text of `path`. Raises KeyFileError when anybody but its owner could read it.

    FileNotFoundError passes through; everything else that goes wrong is a KeyFileError.
    """
    return _read(path, 0o077, "can be used by others", "600")


def read_unforged(path: Path) -> str:
    """The text of `path`. Raises KeyFileError when anybody but its owner could write it.

    FileNotFoundError passes through; everything else that goes wrong is a KeyFileError.
    """
    return _read(path, 0o022, "can be written by others", "go-w")


def _read(path: Path, forbidden: int, complaint: str, remedy: str) -> str:
    try:
        with open(path, "rb", opener=lambda name, _: os.open(name, _READ_FLAGS)) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise KeyFileError(f"{path} is not a file; name a file that holds keys")
            mode = stat.S_IMODE(status.st_mode)
            if sys.platform != "win32" and mode & forbidden:
                command = f"chmod {remedy} {shlex.quote(str(path))}"
                raise KeyFileError(f"{path} {complaint} (mode {mode:04o}); run: {command}")
            content = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _failure(path, "read", error) from None
    if len(content) > MAX_FILE_BYTES:
        raise KeyFileError(
            f"{path} is longer than {MAX_FILE_BYTES} bytes; it holds no keys of ours"
        )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise KeyFileError(f"{path} is not text; name a file that holds keys") from None


def make_folder(path: Path) -> None:
    """Make `path` and what is missing above it, for us alone (0700). Raises KeyFileError."""
    try:
        if not path.is_dir():
            if path.parent != path:
                make_folder(path.parent)
            # Somebody else may be making it at this moment.
            with contextlib.suppress(FileExistsError):
                path.mkdir(mode=0o700)
    except OSError as error:
        raise _failure(path, "made", error) from None


def create(path: Path, text: str) -> bool:
    """Make `path` with `text`, whole and at once, 0600; False when somebody else was first.

    Raises KeyFileError.
    """
    beside = _write_beside(path, text)
    try:
        if sys.platform == "win32":
            os.rename(beside, path)  # which refuses where the name is taken
        else:
            _link(beside, path)
    except FileExistsError:
        return False
    except OSError as error:
        raise _failure(path, "written", error) from None
    finally:
        beside.unlink(missing_ok=True)
    _keep_name(path.parent)
    return True


def replace(path: Path, text: str) -> None:
    """Give `path` a new content, whole and at once, 0600. Raises KeyFileError."""
    beside = _write_beside(path, text)
    try:
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise _failure(path, "written", error) from None
    _keep_name(path.parent)


def _link(beside: Path, path: Path) -> None:
    try:
        os.link(beside, path)
    except FileExistsError:
        raise
    except OSError:
        # A file system without links (vfat). Two first users at once are not told apart there.
        if path.exists():
            raise FileExistsError from None
        os.rename(beside, path)


def _write_beside(path: Path, text: str) -> Path:
    """A new file in the folder of `path`, on the disk before it is returned."""
    beside = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with open(beside, "wb", opener=lambda name, _: os.open(name, flags, 0o600)) as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise _failure(path, "written", error) from None
    return beside


def _keep_name(folder: Path) -> None:
    """Have the folder's entry on the disk, too: a key forgotten in a power cut is a changed key."""
    if sys.platform != "win32":
        with contextlib.suppress(OSError):  # some file systems cannot, and need not
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _failure(path: Path, verb: str, error: OSError) -> KeyFileError:
    return KeyFileError(f"{path} cannot be {verb}: {error.strerror or error}")
