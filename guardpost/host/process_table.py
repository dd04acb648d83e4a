"""ProcessTable: the process table read again and again, cheaply, and the load of the host.

On Linux one file per process and reading; what does not change (user, arguments) is read
once. Other systems go through psutil. As in processes.py every field stands for itself.
"""

import os
import sys
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

__all__ = ["STATES", "HostLoad", "ProcessRow", "ProcessTable", "parse_stat", "read_load"]

T = TypeVar("T")

STATES = {
    "R": "running",
    "S": "sleeping",
    "D": "disk-sleep",
    "T": "stopped",
    "t": "tracing-stop",
    "Z": "zombie",
    "X": "dead",
    "I": "idle",
    "P": "parked",
    "W": "waking",
    "?": "other",
}
"""The letter of /proc/PID/stat -> psutil's word."""

_ARGV_READ_BYTES = 4096
_STAT_READ_BYTES = 4096
_NONE = (None, None, None)


class ProcessRow(NamedTuple):
    """One process. None is what the system withholds."""

    pid: int
    started: int | None = None
    """Centiseconds since the epoch, on the host's clock."""
    user: str | None = None
    name: str | None = None
    argv: list[bytes] | None = None
    cpu: int | None = None
    """Centiseconds of processor time, all threads together."""
    rss: int | None = None
    """KiB."""
    state: str | None = None
    """A letter of STATES."""
    threads: int | None = None
    nice: int | None = None
    ppid: int | None = None
    exit_code: int | None = None
    """Of a zombie: its wait status, where we may see it."""


class HostLoad(NamedTuple):
    """Loads in hundredths, processor times in centiseconds (all processors), memory in KiB."""

    load1: int | None = None
    load5: int | None = None
    load15: int | None = None
    busy: int | None = None
    """Since boot; `idle` as well, so that two readings give the share."""
    idle: int | None = None
    cpus: int | None = None
    memory_total: int | None = None
    memory_available: int | None = None
    swap_total: int | None = None
    swap_free: int | None = None
    uptime: int | None = None
    """Seconds."""


class _Stat(NamedTuple):
    """Of /proc/PID/stat (proc_pid_stat(5)); times in clock ticks, `rss` in pages."""

    name: str
    state: str
    ppid: int
    ticks: int
    nice: int
    threads: int
    start: int
    rss: int
    exit_code: int | None


def parse_stat(data: bytes) -> _Stat:
    """Raises ValueError when it is no stat line."""
    # The name stands in parentheses and may hold any byte, parentheses and line ends too.
    head, found, rest = data.rpartition(b")")
    fields = rest.split()
    if not found or len(fields) < 22:
        raise ValueError("no line of /proc/PID/stat")
    state = fields[0].decode("latin-1")
    return _Stat(
        name=head.partition(b"(")[2].decode("utf-8", "backslashreplace"),
        state=state if state in STATES else "?",
        ppid=int(fields[1]),
        ticks=int(fields[11]) + int(fields[12]),
        nice=int(fields[16]),
        threads=int(fields[17]),
        start=int(fields[19]),
        rss=int(fields[21]),
        exit_code=int(fields[49]) if len(fields) > 49 else None,
    )


class _Lasting(NamedTuple):
    """What a process keeps until it runs another program."""

    start: int
    name: str
    user: str | None
    argv: list[bytes] | None


class ProcessTable:
    """read() gives the table as it is now. `proc` is where /proc is, for tests."""

    def __init__(self, proc: str = "/proc") -> None:
        self._proc = proc
        self._lasting: dict[int, _Lasting] = {}
        self._users: dict[int, str] = {}
        self._boot: int | None = None
        self._is_linux = sys.platform == "linux"

    def read(self) -> dict[int, ProcessRow]:
        """By pid, rising. Blocks for some 25 us per process on Linux, longer elsewhere."""
        if not self._is_linux:
            return {each.pid: each for each in _by_psutil()}
        if self._boot is None:
            from guardpost.host.processes import user_names

            self._boot = _or_none(lambda: _boot_seconds(self._proc))
            self._users = user_names()
        rows = {}
        for pid in _pids(self._proc):
            row = self.describe(pid)
            if row is not None:
                rows[pid] = row
        for pid in self._lasting.keys() - rows.keys():
            del self._lasting[pid]
        return rows

    def describe(self, pid: int) -> ProcessRow | None:
        """One process; None when it is gone."""
        try:
            stat = parse_stat(_read(f"{self._proc}/{pid}/stat", _STAT_READ_BYTES))
        except (FileNotFoundError, ProcessLookupError):
            return None
        except (OSError, ValueError):
            return ProcessRow(pid)  # hidepid=1: there, and nothing more
        lasting = self._lasting.get(pid)
        if lasting is None or lasting.start != stat.start or lasting.name != stat.name:
            lasting = self._look_closer(pid, stat)
            self._lasting[pid] = lasting
        return ProcessRow(
            pid=pid,
            started=self._started(stat.start),
            user=lasting.user,
            name=stat.name,
            argv=lasting.argv,
            cpu=stat.ticks * 100 // _TICKS,
            rss=stat.rss * _PAGE_BYTES // 1024,
            state=stat.state,
            threads=stat.threads,
            nice=stat.nice,
            ppid=stat.ppid,
            exit_code=stat.exit_code if stat.state == "Z" else None,
        )

    def forget(self, pid: int) -> None:
        """The process has run another program: look at it again."""
        self._lasting.pop(pid, None)

    def _started(self, ticks: int) -> int | None:
        return None if self._boot is None else self._boot * 100 + ticks * 100 // _TICKS

    def _look_closer(self, pid: int, stat: _Stat) -> _Lasting:
        def argv() -> list[bytes]:
            data = _read(f"{self._proc}/{pid}/cmdline", _ARGV_READ_BYTES)
            return data.rstrip(b"\0").split(b"\0") if data else []

        def user() -> str:
            uid = _real_uid(_read(f"{self._proc}/{pid}/status", _STAT_READ_BYTES))
            return self._users.get(uid, str(uid))

        return _Lasting(stat.start, stat.name, _or_none(user), _or_none(argv))


def read_load(proc: str = "/proc") -> HostLoad:
    """The load of the host now; what cannot be read is None."""
    if sys.platform != "linux":
        return _load_by_psutil()
    load1, load5, load15 = _or_none(lambda: _loads(_read(f"{proc}/loadavg", 256))) or _NONE
    busy, idle, cpus = _or_none(lambda: _processors(f"{proc}/stat")) or _NONE
    memory = _or_none(lambda: _meminfo(_read(f"{proc}/meminfo", 8192))) or {}
    return HostLoad(
        load1=load1,
        load5=load5,
        load15=load15,
        busy=busy,
        idle=idle,
        cpus=cpus,
        memory_total=memory.get(b"MemTotal"),
        memory_available=memory.get(b"MemAvailable", memory.get(b"MemFree")),
        swap_total=memory.get(b"SwapTotal"),
        swap_free=memory.get(b"SwapFree"),
        uptime=_or_none(lambda: int(float(_read(f"{proc}/uptime", 256).split()[0]))),
    )


def _read(path: str, limit: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, limit)
    finally:
        os.close(descriptor)


def _pids(proc: str) -> list[int]:
    try:
        return sorted(int(name) for name in os.listdir(proc) if name.isdecimal())
    except OSError:
        return []


def _real_uid(status: bytes) -> int:
    return int(status.partition(b"\nUid:")[2].split(None, 1)[0])


def _boot_seconds(proc: str) -> int:
    with open(f"{proc}/stat", "rb") as file:
        return int(file.read().partition(b"\nbtime ")[2].split(None, 1)[0])


def _loads(data: bytes) -> tuple[int, int, int]:
    one, five, fifteen = (round(float(each) * 100) for each in data.split()[:3])
    return one, five, fifteen


def _processors(path: str) -> tuple[int, int, int]:
    """Busy and idle centiseconds of all processors, and how many there are."""
    with open(path, "rb") as file:
        lines = file.read().split(b"\n")
    times = [int(each) for each in lines[0].split()[1:9]]  # guest times are in user already
    idle = times[3] + times[4]
    cpus = sum(1 for line in lines[1:] if line.startswith(b"cpu"))
    return (sum(times) - idle) * 100 // _TICKS, idle * 100 // _TICKS, cpus


def _meminfo(data: bytes) -> dict[bytes, int]:
    found = {}
    for line in data.split(b"\n"):
        name, _, value = line.partition(b":")
        number = value.split()
        if number and number[0].isdigit():
            found[name] = int(number[0])
    return found


def _or_none(read: Callable[[], T]) -> T | None:
    try:
        return read()
    # What is unknown to this system or was cut is as unknown as what is forbidden.
    except (OSError, ValueError, LookupError):
        return None


def _ticks() -> int:
    if sys.platform == "win32":
        return 100
    return os.sysconf("SC_CLK_TCK")


def _page_bytes() -> int:
    if sys.platform == "win32":
        return 4096
    return os.sysconf("SC_PAGE_SIZE")


_TICKS = _ticks()
_PAGE_BYTES = _page_bytes()


def _by_psutil() -> Iterable[ProcessRow]:
    from guardpost.host.processes import list_processes

    letters = {word: letter for letter, word in STATES.items()}
    for each in list_processes():
        yield ProcessRow(
            pid=each.pid,
            started=None if each.started is None else int(each.started * 100),
            user=each.user,
            name=each.name,
            argv=each.argv,
            cpu=None if each.cpu_seconds is None else int(each.cpu_seconds * 100),
            rss=None if each.rss_bytes is None else each.rss_bytes // 1024,
            state=None if each.state is None else letters.get(each.state, "?"),
            threads=each.threads,
            nice=each.nice,
            ppid=each.ppid,
        )


def _load_by_psutil() -> HostLoad:
    import time

    import psutil

    times = psutil.cpu_times()
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    load1, load5, load15 = (round(each * 100) for each in psutil.getloadavg())
    return HostLoad(
        load1=load1,
        load5=load5,
        load15=load15,
        busy=int((sum(times) - times.idle) * 100),
        idle=int(times.idle * 100),
        cpus=psutil.cpu_count(),
        memory_total=memory.total // 1024,
        memory_available=memory.available // 1024,
        swap_total=swap.total // 1024,
        swap_free=swap.free // 1024,
        uptime=int(time.time() - psutil.boot_time()),
    )
