"""TopModel: what a live process list shows, made of what the agent sends."""

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from guardpost.services.processes import Process

if TYPE_CHECKING:
    from guardpost.services.table_delta import Row
    from guardpost.services.top import Follower

__all__ = ["HISTORY", "HostFigures", "Shown", "TopModel"]

HISTORY = 240

_STATES = {
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
}


class Shown(NamedTuple):
    """A process, and the share of one processor it took since the refresh before, in percent."""

    process: Process
    percent: float | None = None


class HostFigures(NamedTuple):
    """None is not known. Shares are 0 to 1, memory in bytes, uptime in seconds."""

    loads: tuple[float | None, ...] = (None, None, None)
    cpu: float | None = None
    cpus: int | None = None
    memory_total: int | None = None
    memory_used: int | None = None
    swap_total: int | None = None
    swap_used: int | None = None
    uptime: int | None = None

    @property
    def memory(self) -> float | None:
        if self.memory_used is None or not self.memory_total:
            return None
        return max(0.0, min(1.0, self.memory_used / self.memory_total))


class TopModel:
    """`shown` and `host` after each update(); the histories go on over new sessions."""

    def __init__(self) -> None:
        self.shown: list[Shown] = []
        self.host = HostFigures()
        self.cpu_history: deque[float] = deque(maxlen=HISTORY)
        self.memory_history: deque[float] = deque(maxlen=HISTORY)

    def update(self, follower: "Follower") -> None:
        """Take what the last refresh brought."""
        self.shown = [
            Shown(_process(row), _percent(follower.before.get(row.pid), row, follower.elapsed))
            for row in follower.table.rows.values()
        ]
        self.host = _figures(follower.table.host, follower.host_before)
        if self.host.cpu is not None:
            self.cpu_history.append(self.host.cpu)
        if self.host.memory is not None:
            self.memory_history.append(self.host.memory)


def _process(row: "Row") -> Process:
    cpu, rss, state, threads, nice, ppid = row.numbers
    letter = chr(state) if state is not None and 0 < state < 128 else None
    return Process(
        row.pid,
        ppid=ppid,
        user=row.user,
        state=_STATES.get(letter, "other") if letter else None,
        started=None if row.started is None else row.started / 100,
        cpu_seconds=None if cpu is None else max(0, cpu) / 100,
        rss_bytes=None if rss is None else max(0, rss) * 1024,
        threads=threads,
        name=row.name,
        argv=row.argv,
        nice=nice,
    )


def _percent(before: "Row | None", row: "Row", elapsed: int) -> float | None:
    cpu = row.numbers[0]
    if cpu is None or elapsed <= 0:
        return None
    if before is None or before.started != row.started:
        # New since then: all it has taken, it has taken since then.
        return 100.0 * max(0, cpu) / elapsed if before is None else None
    used = before.numbers[0]
    return None if used is None else 100.0 * max(0, cpu - used) / elapsed


def _figures(now: "Sequence[int | None]", before: "Sequence[int | None]") -> HostFigures:
    load1, load5, load15, busy, idle, cpus, total, available, swap, swap_free, uptime = now
    loads = tuple(None if each is None else each / 100 for each in (load1, load5, load15))
    share = None
    old_busy, old_idle = before[3], before[4]
    if busy is not None and idle is not None and old_busy is not None and old_idle is not None:
        spent = busy - old_busy + idle - old_idle
        share = max(0.0, min(1.0, (busy - old_busy) / spent)) if spent > 0 else 0.0
    return HostFigures(
        loads,
        share,
        cpus,
        None if total is None else max(0, total) * 1024,
        None if total is None or available is None else max(0, total - available) * 1024,
        None if swap is None else max(0, swap) * 1024,
        None if swap is None or swap_free is None else max(0, swap - swap_free) * 1024,
        uptime,
    )
