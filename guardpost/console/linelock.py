"""One process of a user at a time on one line: a lock file in a folder that is only ours.

The lock goes with the process, however that ends; the text in the file (pid and kind) only says
whom to name. Windows opens a port once, so that nothing is needed there.
"""

import contextlib
import hashlib
import os
import stat
import sys

from guardpost.errors import LineBusy, TransportError

__all__ = ["LineLock", "path_beside", "run_folder", "socket_path"]

# sun_path holds 104 bytes on the BSDs and 108 on Linux, its end included.
_SOCKET_PATH_BYTES = 100
_NAME_BYTES = 8


def run_folder() -> str:
    """$XDG_RUNTIME_DIR/guardpost or ~/.cache/guardpost/run: made, 0700 and ours.

    Raises TransportError when somebody else could put a socket there.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/") and os.path.isdir(runtime):
        folder = os.path.join(runtime, "guardpost")
    else:
        folder = os.path.join(os.path.expanduser("~"), ".cache", "guardpost", "run")
    if len(os.fsencode(folder)) + 2 * _NAME_BYTES + len("/.sock") > _SOCKET_PATH_BYTES:
        folder = f"/tmp/guardpost-{_user_id()}"
    try:
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, 0o700)
        status = os.lstat(folder)
    except OSError as error:
        raise TransportError(f"{folder} cannot be made: {error.strerror}") from None
    foreign = status.st_uid != _user_id() or stat.S_IMODE(status.st_mode) & 0o077
    if sys.platform != "win32" and (foreign or not stat.S_ISDIR(status.st_mode)):
        raise TransportError(f"{folder} must be a folder of yours alone; remove it, or chmod 700")
    return folder


def socket_path(name: str) -> str:
    """The control socket for the line of that name."""
    return path_beside(name, ".sock")


def path_beside(name: str, suffix: str) -> str:
    """A file of the line of that name: its ".sock", ".lock" or ".log"."""
    digest = hashlib.blake2s(os.fsencode(name), digest_size=_NAME_BYTES).hexdigest()
    return os.path.join(run_folder(), digest + suffix)


class LineLock:
    """Taken with take(), given back with release() or by the end of the process."""

    def __init__(self, name: str, kind: str) -> None:
        """`kind` says what a holder is: "owner", which can be joined, or a command."""
        self._name = name
        self._kind = kind
        self._descriptor: int | None = None

    def take(self) -> bool:
        """False when another process has it (holder() says which)."""
        if sys.platform == "win32":
            return True
        import fcntl

        path = path_beside(self._name, ".lock")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {self._kind}".encode(), 0)
        self._descriptor = descriptor
        return True

    def take_or_refuse(self) -> None:
        """Raises LineBusy with the holder's pid."""
        if not self.take():
            pid, kind = holder(self._name)
            raise LineBusy(busy(self._name, pid, kind))

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def holder(name: str) -> tuple[int, str]:
    """(pid, kind) of who has the lock; (0, "") when that is not to be found out."""
    with contextlib.suppress(OSError, ValueError):
        with open(path_beside(name, ".lock"), encoding="ascii") as lock:
            pid, _, kind = lock.read().partition(" ")
        return int(pid), kind
    return 0, ""


def busy(name: str, pid: int, kind: str) -> str:
    """The sentence about a line that another process of ours holds."""
    who = f"pid {pid}" if pid else "another process"
    if kind == "owner":
        return (
            f"{name} is held by the process that owns it for other commands ({who}); "
            f"end it with 'guardpost owner {name} stop'"
        )
    what = f"guardpost {kind} " if kind else ""
    return f"{name} is held by {what}({who}); end that first"


def _user_id() -> int:
    if sys.platform == "win32":
        return 0
    return os.getuid()
