"""The nice value of a process: -20 is served first, 19 last."""

import os
import sys

from guardpost.errors import ServiceError
from guardpost.host.processes import NoSuchProcess, check_started

__all__ = ["NICE_MAX", "NICE_MIN", "NiceDenied", "NiceRefused", "set_nice"]

NICE_MIN, NICE_MAX = -20, 19


class NiceDenied(ServiceError):
    """The operating system does not let this agent change that process."""

    word = "nice-denied"


class NiceRefused(ServiceError):
    """No process, or no nice value."""

    word = "nice-refused"


def set_nice(pid: int, nice: int, *, started: float | None = None) -> None:
    """Give one process the nice value `nice`; on Windows the nearest priority class.

    With `started`, only if that is when it started (seconds since the epoch). Raises
    NoSuchProcess, NiceDenied or NiceRefused.
    """
    if not NICE_MIN <= nice <= NICE_MAX:
        raise NiceRefused(f"{nice} is no nice value; give {NICE_MIN} (first) to {NICE_MAX} (last)")
    if pid <= 0:
        raise NiceRefused(f"{pid} means other processes than one; name one process")
    try:
        check_started(pid, started)
        _set(pid, nice)
    except (ProcessLookupError, OverflowError):
        raise NoSuchProcess(f"no process {pid}; it may have ended") from None
    except PermissionError:
        raise NiceDenied(
            f"the system does not let the agent give process {pid} the nice value {nice}"
        ) from None
    except OSError as error:
        raise NiceDenied(f"process {pid} keeps its nice value: {error}") from None


def _set(pid: int, nice: int) -> None:
    if sys.platform == "win32":
        _set_class(pid, nice)
    else:
        os.setpriority(os.PRIO_PROCESS, pid, nice)


def _set_class(pid: int, nice: int) -> None:
    import psutil

    classes = (
        (-15, "HIGH_PRIORITY_CLASS"),
        (-1, "ABOVE_NORMAL_PRIORITY_CLASS"),
        (0, "NORMAL_PRIORITY_CLASS"),
        (10, "BELOW_NORMAL_PRIORITY_CLASS"),
        (NICE_MAX, "IDLE_PRIORITY_CLASS"),
    )
    name = next(name for most, name in classes if nice <= most)
    try:
        psutil.Process(pid).nice(getattr(psutil, name))
    except psutil.NoSuchProcess:
        raise ProcessLookupError(pid) from None
    except psutil.AccessDenied:
        raise PermissionError(pid) from None
