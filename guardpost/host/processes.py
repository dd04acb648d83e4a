"""The process table of this host, and signals to processes.

Every field stands for itself: what the system withholds, or a process that
vanishes meanwhile cannot tell any more, is None and nothing else is lost.
"""

import errno
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from guardpost.errors import ServiceError

if TYPE_CHECKING:
    import psutil

__all__ = [
    "NoSuchProcess",
    "ProcessInfo",
    "SignalDenied",
    "SignalRefused",
    "UnknownSignal",
    "check_started",
    "kill",
    "list_processes",
    "signal_number",
    "user_names",
]

T = TypeVar("T")

# The start of a process is computed from the clock, which may be set meanwhile.
STARTED_TOLERANCE_SECONDS = 1.0


class NoSuchProcess(ServiceError):
    word = "no-such-process"


class SignalDenied(ServiceError):
    """The operating system does not let this agent signal that process."""

    word = "signal-denied"


class SignalRefused(ServiceError):
    """We ourselves will not: the target would be us, init, or many processes at once."""

    word = "signal-refused"


class UnknownSignal(ServiceError):
    word = "unknown-signal"


@dataclass(frozen=True, slots=True)
class ProcessInfo:
    """One process. Times in seconds (`started` since the epoch), memory in bytes."""

    pid: int
    ppid: int | None = None
    user: str | None = None
    state: str | None = None
    """psutil's word: running, sleeping, disk-sleep, stopped, zombie, idle, …"""
    started: float | None = None
    cpu_seconds: float | None = None
    rss_bytes: int | None = None
    threads: int | None = None
    name: str | None = None
    argv: list[bytes] | None = None
    nice: int | None = None


def list_processes() -> list[ProcessInfo]:
    """All processes that can be seen now, by rising pid. May take a tenth of a second."""
    import psutil

    users = user_names()
    found = []
    for pid in psutil.pids():
        try:
            process = psutil.Process(pid)
        except psutil.Error:
            continue
        found.append(_describe(process, users))
    return sorted(found, key=lambda each: each.pid)


def _describe(process: "psutil.Process", users: dict[int, str]) -> ProcessInfo:
    with process.oneshot():
        return ProcessInfo(
            pid=process.pid,
            ppid=_or_none(process.ppid),
            user=_or_none(lambda: _user(process, users)),
            state=_or_none(lambda: str(process.status())),
            started=_or_none(process.create_time),
            cpu_seconds=_or_none(lambda: float(sum(process.cpu_times()[:2]))),
            rss_bytes=_or_none(lambda: int(process.memory_info().rss)),
            threads=_or_none(process.num_threads),
            name=_or_none(lambda: _encodable(process.name())),
            argv=_or_none(lambda: [os.fsencode(each) for each in process.cmdline()]),
            nice=_or_none(lambda: int(process.nice())),
        )


def _or_none(read: Callable[[], T]) -> T | None:
    import psutil

    try:
        return read()
    # What a field of a foreign process can fail with differs by system and by race.
    except (psutil.Error, OSError, ValueError, LookupError, NotImplementedError, AttributeError):
        return None


def _encodable(text: str) -> str:
    """Without the surrogates that stand for bytes which were no text."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _user(process: "psutil.Process", users: dict[int, str]) -> str:
    if sys.platform == "win32":
        return process.username()
    uid = process.uids().real
    return users.get(uid, str(uid))


def user_names(path: str = "/etc/passwd") -> dict[int, str]:
    """Local users by uid. Not through the pwd module: that may ask a directory server,
    and this is read when the network is gone."""
    if sys.platform == "win32":
        return {}
    users: dict[int, str] = {}
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                fields = line.split(":")
                if len(fields) > 2 and fields[2].isdecimal():
                    users.setdefault(int(fields[2]), fields[0])
    except OSError:
        pass
    return users


def signal_number(name: str) -> int:
    """The number of a signal given as "9", "KILL", "SIGKILL" or "kill".

    0 is allowed: it only asks whether the process could be signalled. Raises UnknownSignal.
    """
    if name.isdecimal() and len(name) <= 3:
        number = int(name)
        if number == 0 or number in {int(each) for each in signal.valid_signals()}:
            return number
    upper = name.upper().removeprefix("SIG")
    if sys.platform == "win32" and upper in ("KILL", "9"):
        return 9  # TerminateProcess; the signal module has no SIGKILL there
    known = signal.Signals.__members__.get("SIG" + upper)
    if known is None:
        raise UnknownSignal(f"no signal is called {name!r}; try TERM, KILL, HUP, INT, STOP, CONT")
    return int(known)


def kill(
    pid: int, signal_name: str = "TERM", *, started: float | None = None, force: bool = False
) -> None:
    """Send a signal (see signal_number) to one process.

    With `started`, only if that is when it started, so that a pid used again is
    left alone. `force` allows pid 1 and the agent itself. Raises NoSuchProcess,
    SignalDenied, SignalRefused or UnknownSignal.
    """
    number = signal_number(signal_name)
    _refuse_dangerous(pid, force)
    try:
        _send(pid, number, started)
    except (ProcessLookupError, OverflowError):
        raise NoSuchProcess(f"no process {pid}; it may have ended") from None
    except PermissionError:
        raise SignalDenied(f"the system does not let the agent signal process {pid}") from None
    except OSError as error:
        raise SignalDenied(f"process {pid} was not signalled: {error}") from None


def _refuse_dangerous(pid: int, force: bool) -> None:
    if pid <= 0:
        raise SignalRefused(f"{pid} means many processes at once; name one process")
    if pid == 1 and not force:
        raise SignalRefused("process 1 holds the system up; it is signalled only by force")
    if pid == os.getpid() and not force:
        raise SignalRefused(f"process {pid} is this agent; it is signalled only by force")


def check_started(pid: int, started: float | None) -> None:
    """Raise NoSuchProcess when `pid` is not the process that started then.

    Raises ProcessLookupError and PermissionError as the system calls do.
    """
    if started is None:
        return
    import psutil

    try:
        now_started = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        raise ProcessLookupError(pid) from None
    except psutil.AccessDenied:
        raise PermissionError(pid) from None
    if abs(now_started - started) > STARTED_TOLERANCE_SECONDS:
        raise NoSuchProcess(f"process {pid} has ended; its number belongs to another one now")


def _send(pid: int, number: int, started: float | None) -> None:
    if sys.platform == "win32":
        check_started(pid, started)
        _terminate(pid, number)
        return
    if sys.platform == "linux" and started is not None:
        try:
            descriptor = os.pidfd_open(pid)
        except OSError as error:
            if error.errno not in (errno.ENOSYS, errno.EINVAL):
                raise
        else:
            # The descriptor names the process, not the number: no gap after the check.
            try:
                check_started(pid, started)
                signal.pidfd_send_signal(descriptor, number)
            finally:
                os.close(descriptor)
            return
    check_started(pid, started)
    os.kill(pid, number)


def _terminate(pid: int, number: int) -> None:
    """Windows has no signals between processes: a process exists, or is terminated."""
    import psutil

    try:
        process = psutil.Process(pid)
        if number in (9, int(signal.SIGTERM)):
            process.kill()
        elif number:
            raise UnknownSignal("Windows knows only TERM and KILL, which both end the process")
    except psutil.NoSuchProcess:
        raise ProcessLookupError(pid) from None
    except psutil.AccessDenied:
        raise PermissionError(pid) from None
