"""ProcessChanges: which processes began and which ended, how, and who takes too much.

Two sources: the kernel's events where we may listen to them (proc_connector.py), which name
every process and its end; and the table, read again and again, which misses what lived
between two readings and mostly does not know how something ended. Each change says what is
known, and from where.
"""

from collections.abc import Callable, Iterable
from enum import Enum
from typing import NamedTuple

from guardpost.host.proc_connector import Happened, KernelEvent
from guardpost.host.process_table import ProcessRow, ProcessTable

__all__ = ["Change", "Kind", "ProcessChanges", "Source"]

SETTLE_SECONDS = 0.1
"""A new process is mostly a shell's copy until it runs its program: wait so long for that."""


class Kind(Enum):
    STARTED = "started"
    ENDED = "ended"


class Source(Enum):
    """Where the status of an ended process comes from."""

    KERNEL = "kernel"
    ZOMBIE = "zombie"
    """Its entry in the table, before its parent took the status."""
    UNKNOWN = "unknown"


class Change(NamedTuple):
    kind: Kind
    row: ProcessRow
    """As the process was last seen; only its pid where it was too quick for us."""
    status: int | None = None
    """As waitpid() gives it; None when nobody could say."""
    source: Source = Source.UNKNOWN


class ProcessChanges:
    """`known` are the processes there are, as they were last seen."""

    def __init__(self, table: ProcessTable, *, sees_status: bool) -> None:
        """`sees_status`: we are root, so that a zombie's status of 0 means 0 and not a secret."""
        self._table = table
        self._sees_status = sees_status
        self._fresh: dict[int, float] = {}
        rows = table.read()
        self._ended = {pid for pid, row in rows.items() if row.state == "Z"}
        """Told already, and perhaps still in the table until the parent takes the status."""
        self.known = {pid: row for pid, row in rows.items() if pid not in self._ended}

    def follow_table(self) -> list[Change]:
        """Read the table, and say what changed since. Blocks for some milliseconds."""
        rows = self._table.read()
        self._ended = {pid for pid in self._ended if pid in rows and rows[pid].state == "Z"}
        changes: list[Change] = []
        for pid, row in [*self.known.items()]:
            if pid not in rows or _is_other(row, rows[pid]):
                changes += self._end(pid, None, Source.UNKNOWN)
        for pid, row in rows.items():
            if pid in self._ended:
                continue
            if pid not in self.known:
                changes.append(Change(Kind.STARTED, row))
            self.known[pid] = row
            if row.state == "Z":
                status = row.exit_code if self._sees_status else None
                source = Source.UNKNOWN if status is None else Source.ZOMBIE
                changes += self._end(pid, status, source)
                self._ended.add(pid)
        return changes

    def refresh(self) -> None:
        """Read the table only for how the known processes do: the kernel tells what changes."""
        rows = self._table.read()
        for pid in self.known.keys() & rows.keys():
            self.known[pid] = rows[pid]

    def follow_kernel(
        self, events: Iterable[KernelEvent], now: float, may_look: Callable[[], bool]
    ) -> list[Change]:
        """What the kernel told. `may_look`: whether we have time to look at a process closer."""
        changes: list[Change] = []
        for event in events:
            pid = event.pid
            if event.happened is Happened.FORK and pid not in self.known:
                self.known[pid] = ProcessRow(pid)
                self._fresh[pid] = now
            elif event.happened is Happened.EXEC and pid in self.known:
                self._look(pid, may_look)
                changes += self._start(pid)
            elif event.happened is Happened.EXIT and pid in self.known:
                if pid in self._fresh:
                    self._look(pid, may_look)
                changes += self._end(pid, event.status, Source.KERNEL)
        return changes

    def settle(self, now: float, may_look: Callable[[], bool]) -> list[Change]:
        """The processes that have begun and run no program of their own."""
        changes: list[Change] = []
        for pid, since in [*self._fresh.items()]:
            if now - since >= SETTLE_SECONDS:
                self._look(pid, may_look)
                changes += self._start(pid)
        return changes

    def _look(self, pid: int, may_look: Callable[[], bool]) -> None:
        if may_look():
            self._table.forget(pid)
            self.known[pid] = self._table.describe(pid) or self.known[pid]

    def _start(self, pid: int) -> list[Change]:
        if self._fresh.pop(pid, None) is None:
            return []
        return [Change(Kind.STARTED, self.known[pid])]

    def _end(self, pid: int, status: int | None, source: Source) -> list[Change]:
        started = self._start(pid)
        return [*started, Change(Kind.ENDED, self.known.pop(pid), status, source)]


def _is_other(row: ProcessRow, now: ProcessRow) -> bool:
    """Whether the number belongs to another process now; what is not known tells nothing."""
    return None not in (row.started, now.started) and row.started != now.started
