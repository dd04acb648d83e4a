"""Thresholds: when a process, or the load of the host, goes above a limit and below it again."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from guardpost.host.process_table import ProcessRow

__all__ = ["Crossing", "Limits", "Thresholds"]


class Limits(NamedTuple):
    """None is no limit."""

    cpu: float | None = None
    """Percent of one processor, of a process."""
    rss: int | None = None
    """Bytes, of a process."""
    load: float | None = None
    """Of the host, the average of a minute."""
    seconds: float = 0.0
    """How long something must be above, or below again, to count."""


class Crossing(NamedTuple):
    above: bool
    metric: str
    value: float
    limit: float
    row: "ProcessRow | None" = None
    """None for the host."""


class _Subject:
    """One value against one limit."""

    __slots__ = ("is_above", "other_since")

    def __init__(self) -> None:
        self.is_above = False
        self.other_since: float | None = None

    def is_crossed(self, above: bool, now: float, seconds: float) -> bool:
        """Whether `above` has now lasted for long enough to be news."""
        if above == self.is_above:
            self.other_since = None
            return False
        if self.other_since is None:
            self.other_since = now
        if now - self.other_since < seconds:
            return False
        self.is_above, self.other_since = above, None
        return True


class Thresholds:
    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._subjects: dict[tuple[str, int, int | None], _Subject] = {}
        self._used: dict[tuple[int, int | None], int] = {}
        self._looked_at: float | None = None

    @property
    def needs_table(self) -> bool:
        return self._limits.cpu is not None or self._limits.rss is not None

    @property
    def needs_anything(self) -> bool:
        return self.needs_table or self._limits.load is not None

    def look(
        self, rows: "Mapping[int, ProcessRow]", load: int | None, now: float
    ) -> Iterator[Crossing]:
        """What was crossed by now; `load` in hundredths. A process that is gone is forgotten."""
        limits, alive = self._limits, set()
        for metric, value, limit, row in self._values(rows, load, now):
            key = (metric, row.pid if row else 0, row.started if row else None)
            alive.add(key)
            subject = self._subjects.setdefault(key, _Subject())
            if subject.is_crossed(value > limit, now, limits.seconds):
                yield Crossing(value > limit, metric, value, limit, row)
        for key in self._subjects.keys() - alive:
            del self._subjects[key]

    def _values(
        self, rows: "Mapping[int, ProcessRow]", load: int | None, now: float
    ) -> "Iterator[tuple[str, float, float, ProcessRow | None]]":
        limits = self._limits
        elapsed = 0.0 if self._looked_at is None else now - self._looked_at
        used = {(row.pid, row.started): row.cpu for row in rows.values() if row.cpu is not None}
        for row in rows.values():
            before = self._used.get((row.pid, row.started))
            if limits.cpu is not None and before is not None and row.cpu is not None and elapsed:
                # Centiseconds in seconds are percent.
                yield "cpu", round((row.cpu - before) / elapsed, 1), limits.cpu, row
            if limits.rss is not None and row.rss is not None:
                yield "rss", row.rss * 1024, limits.rss, row
        if limits.load is not None and load is not None:
            yield "load", load / 100, limits.load, None
        self._used, self._looked_at = used, now
