"""Login records, for who(1) and last(1): who has a terminal now (utmp), and who had one (wtmp).

The layout is glibc's `struct utmp` (utmp(5)) on Linux. It is written here because musl's own
functions for it do nothing, and an agent may be linked with that.
"""

import os
import platform
import struct
import sys
import time
from collections.abc import Callable
from typing import Final, NamedTuple

__all__ = ["LoginRecord", "LoginRecords"]

USER_PROCESS: Final = 7
DEAD_PROCESS: Final = 8

# INIT_PROCESS, LOGIN_PROCESS and the two above: the entries that are known by their key.
_OF_A_LINE: Final = range(5, 9)

_HEAD: Final = "=hxxi32s4s32s256shh"
# Session, seconds, microseconds, address, unused: 32-bit numbers where a 32-bit glibc may read
# the same file (__WORDSIZE_TIME64_COMPAT32), which arm64 never promised.
_TAIL: Final = "iII16s20s"
_TAIL_ARM64: Final = "qqq16s20s4x"

WTMP: Final = "/var/log/wtmp"
UTMP: Final = "/run/utmp"


class LoginRecord(NamedTuple):
    """Who is at which terminal. Longer texts are cut to what the file has room for."""

    line: str
    """`pts/3`"""
    pid: int
    user: str
    host: str
    """From where: the operator's name."""

    def packed(self, kind: int, when: float, machine: str) -> bytes:
        """As it stands in the file; `when` in seconds since 1970. `machine` is uname's."""
        wide = machine == "aarch64"
        return struct.pack(
            _HEAD + (_TAIL_ARM64 if wide else _TAIL),
            *(kind, self.pid, os.fsencode(self.line), self.key, os.fsencode(self.user)),
            *(os.fsencode(self.host), 0, 0, self.pid),
            *(int(when) if wide else int(when) & 0xFFFFFFFF, int(when % 1 * 1e6), b"", b""),
        )

    @property
    def key(self) -> bytes:
        """What utmp has one entry for each of: the end of the line's name."""
        return os.fsencode(self.line)[-4:]


class LoginRecords:
    """The two files, the system's unless said.

    One that is missing is not made, and no failure is raised: it is returned.
    """

    def __init__(
        self, wtmp: str = "", utmp: str = "", clock: Callable[[], float] = time.time
    ) -> None:
        self._wtmp = wtmp or WTMP
        self._utmp = utmp or UTMP
        self._clock = clock
        self._machine = platform.machine()

    def login(self, record: LoginRecord) -> str:
        """Say that `record` begins; returns why that could not be said, or ""."""
        return self._write(record.packed(USER_PROCESS, self._clock(), self._machine), record.key)

    def logout(self, record: LoginRecord) -> str:
        """Say that `record` has ended; returns as login()."""
        gone = record._replace(user="", host="")
        return self._write(gone.packed(DEAD_PROCESS, self._clock(), self._machine), record.key)

    def _write(self, packed: bytes, key: bytes) -> str:
        failures = []
        for path, write in ((self._wtmp, _append), (self._utmp, _replace)):
            try:
                write(path, packed, key)
            except FileNotFoundError:
                pass
            except OSError as error:
                failures.append(f"{path}: {error.strerror}")
        return "; ".join(failures)


def _append(path: str, packed: bytes, key: bytes) -> None:
    _with_file(path, os.O_WRONLY | os.O_APPEND, lambda fd: os.write(fd, packed))


def _replace(path: str, packed: bytes, key: bytes) -> None:
    """In the place of the entry with this `key`, or at the end."""
    size, name = len(packed), key.ljust(4, b"\0")

    def write(fd: int) -> int:
        place = 0
        while len(old := os.read(fd, size)) == size:
            if old[0] in _OF_A_LINE and old[40:44] == name:
                break
            place += size
        os.lseek(fd, place, os.SEEK_SET)
        return os.write(fd, packed)

    _with_file(path, os.O_RDWR, write)


def _with_file(path: str, flags: int, work: Callable[[int], int]) -> None:
    """Raises OSError, also where somebody else holds the file's lock."""
    if sys.platform == "win32":
        return
    import fcntl

    fd = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        work(fd)
    finally:
        os.close(fd)
