"""Where audit lines go: a file, the systemd journal, syslog. None of them is waited for."""

import os
import socket
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from guardpost.agent.audit import Sink

__all__ = ["AuditFile", "Journal", "Syslog", "is_journal", "system_sink"]

JOURNAL_SOCKET: Final = "/run/systemd/journal/socket"
SYSLOG_SOCKET: Final = "/dev/log"

# syslog(3): the facility authpriv, and two of its levels.
_AUTHPRIV, _WARNING, _INFO = 10 << 3, 4, 6

_FLAGS = (
    os.O_WRONLY
    | os.O_APPEND
    | os.O_CREAT
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a fifo must not hang us
    | getattr(os, "O_NOCTTY", 0)
)


class AuditFile:
    """Appends to the file that `path` says at each line, if any; mode 0600, a time before each.

    One that was moved away (logrotate) or deleted is left, and a new one made.
    """

    def __init__(
        self, path: Callable[[], Path | None], *, clock: Callable[[], float] = time.time
    ) -> None:
        self._path = path
        self._clock = clock
        self._open: tuple[Path, int] | None = None
        self._is_torn = False

    def __call__(self, line: str, grave: bool) -> None:
        """Raises OSError."""
        path = self._path()
        if path is None:
            return self.close()
        descriptor = self._descriptor(path)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now := self._clock()))
        text = f"time={stamp}.{int(now % 1 * 1000):03}Z {line}\n"
        data = (b"\n" if self._is_torn else b"") + text.encode("utf-8", "backslashreplace")
        written = os.write(descriptor, data)
        # The disk is full in the middle of it: the next line must not go on in this one.
        self._is_torn = written < len(data)
        if self._is_torn:
            raise OSError(0, "it took a part of a line")
        return None

    def close(self) -> None:
        """The next line opens it again."""
        if self._open is not None:
            os.close(self._open[1])
        self._open, self._is_torn = None, False

    def _descriptor(self, path: Path) -> int:
        if self._open is not None and self._open[0] == path and self._is_still_there():
            return self._open[1]
        self.close()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, _FLAGS, 0o600)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(0, "it is not a file")
        self._open = path, descriptor
        return descriptor

    def _is_still_there(self) -> bool:
        assert self._open is not None
        path, descriptor = self._open
        if sys.platform == "win32":
            return True  # nobody can move or delete what is open there
        try:
            there = os.stat(path)
        except FileNotFoundError:
            return False
        ours = os.fstat(descriptor)
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)


if sys.platform != "win32":

    class _Datagrams:
        """To a daemon's socket, found by its name each time: the daemon may be started again."""

        def __init__(self, address: str) -> None:
            self._address = address
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)

        def send(self, data: bytes) -> None:
            """Raises OSError."""
            self._socket.sendto(data, self._address)

    class Journal:
        """The systemd journal's own protocol: `journalctl -t guardpost` shows the lines."""

        def __init__(self, address: str = JOURNAL_SOCKET) -> None:
            self._datagrams = _Datagrams(address)

        def __call__(self, line: str, grave: bool) -> None:
            """Raises OSError."""
            fields = {
                "MESSAGE": line,
                "PRIORITY": _WARNING if grave else _INFO,
                "SYSLOG_FACILITY": _AUTHPRIV >> 3,
                "SYSLOG_IDENTIFIER": "guardpost",
                "SYSLOG_PID": os.getpid(),
            }
            text = "".join(f"{name}={value}\n" for name, value in fields.items())
            self._datagrams.send(text.encode("utf-8", "backslashreplace"))

    class Syslog:
        """RFC 3164, as syslog(3) writes it to the daemon of the host."""

        def __init__(self, address: str = SYSLOG_SOCKET) -> None:
            self._datagrams = _Datagrams(address)

        def __call__(self, line: str, grave: bool) -> None:
            """Raises OSError."""
            priority = _AUTHPRIV | (_WARNING if grave else _INFO)
            stamp = time.strftime("%b %e %H:%M:%S")
            text = f"<{priority}>{stamp} guardpost[{os.getpid()}]: {line}"
            self._datagrams.send(text.encode("utf-8", "backslashreplace"))


def system_sink() -> tuple[str, Sink] | None:
    """This host's journal or else its syslog, with its name; None where there is neither."""
    if sys.platform != "win32":
        if os.path.exists(JOURNAL_SOCKET):
            return "the journal", Journal(JOURNAL_SOCKET)
        if os.path.exists(SYSLOG_SOCKET):
            return "syslog", Syslog(SYSLOG_SOCKET)
    return None


def is_journal(descriptor: int, stream: str | None) -> bool:
    """Whether what is written to `descriptor` is in the journal already.

    `stream` is $JOURNAL_STREAM, DEVICE:INODE (systemd.exec(5)).
    """
    if not stream:
        return False
    status = os.fstat(descriptor)
    return stream == f"{status.st_dev}:{status.st_ino}"
