"""A process table that follows another one by differences: what a `top` channel carries.

Both ends keep a Table. The agent's turns what it reads into Refresh records (deltas()), the
console's takes them (apply()); afterwards both hold the same. Numbers travel as the
difference to what they were, an unknown one counting as 0; nil is unknown.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from guardpost.errors import RemoteProtocolError

__all__ = ["ARGV_BYTES", "HOST_NUMBERS", "MAX_PROCESSES", "NUMBERS", "Refresh", "Row", "Table"]

NUMBERS = ("cpu", "rss", "state", "threads", "nice", "ppid")
"""The fields of a row that change, in the order of their bits; `state` is a letter's code."""
HOST_NUMBERS = 11
"""As many as guardpost.host.process_table.HostLoad has."""
ARGV_BYTES = 160
NAME_BYTES = 64
MAX_PROCESSES = 65536
_CHUNK_ROWS = 256
_CHUNK_CHANGES = 4096
_NUMBER_MAX = 1 << 62

Number = int | None


class Row(msgspec.Struct, array_like=True, frozen=True):
    """A process as guardpost.host.process_table.ProcessRow; `state` as a code."""

    pid: int
    started: Number
    user: str | None
    name: str | None
    argv: list[bytes] | None
    numbers: list[Number]
    """In the order of NUMBERS."""


class Refresh(msgspec.Struct, array_like=True, frozen=True):
    """One step from table to table; with `more`, its rest comes in the next record.

    `gone` and `changed` name pids as the distance to the one before. A pid that was used
    again is both gone and new. `changed` is a row of: pid, bits of NUMBERS, their differences.
    """

    more: bool
    elapsed: int
    """Centiseconds since the refresh before; 0 in the first one."""
    host: list[Number]
    gone: list[int]
    new: list[Row]
    changed: list[Number]


class Table:
    """`rows` by pid, and `host`, the numbers of HostLoad in its order."""

    def __init__(self) -> None:
        self.rows: dict[int, Row] = {}
        self.host: list[Number] = [None] * HOST_NUMBERS

    def deltas(
        self, rows: Mapping[int, Row], host: Sequence[Number], elapsed: int
    ) -> Iterator[Refresh]:
        """The records that lead from this table to `rows` and `host`; it is these afterwards."""
        numbers = [_difference(old, now) for old, now in zip(self.host, host, strict=True)]
        gone = [pid for pid, row in self.rows.items() if not _is_same(row, rows.get(pid))]
        for pid in gone:
            del self.rows[pid]
        new = [row for pid, row in rows.items() if pid not in self.rows]
        changed: list[Number] = []
        last = 0
        for pid in sorted(self.rows):
            differences = _differences(self.rows[pid].numbers, rows[pid].numbers)
            if differences:
                changed += [pid - last, *differences]
                last = pid
        self.rows, self.host = dict(rows), list(host)
        gone.sort()
        yield from _in_chunks(elapsed, numbers, _gaps(gone), new, changed)

    def apply(self, refresh: Refresh) -> None:
        """Follow one record. Raises RemoteProtocolError when it does not fit this table."""
        if len(refresh.host) > HOST_NUMBERS or refresh.elapsed < 0:
            raise RemoteProtocolError("the agent sent a refresh with other numbers than we know")
        for place, difference in enumerate(refresh.host):
            self.host[place] = _sum(self.host[place], difference)
        for pid in _from_gaps(refresh.gone):
            if self.rows.pop(pid, None) is None:
                raise RemoteProtocolError(f"the agent took process {pid} away, which never came")
        for row in refresh.new:
            self._add(row)
        self._change(iter(refresh.changed))

    def _add(self, row: Row) -> None:
        if row.pid in self.rows:
            raise RemoteProtocolError(f"the agent brought process {row.pid} twice")
        if len(self.rows) >= MAX_PROCESSES:
            raise RemoteProtocolError(f"the agent sent more than {MAX_PROCESSES} processes")
        size = len(row.user or "") + len(row.name or "") + sum(map(len, row.argv or ()))
        if size > 4 * ARGV_BYTES or len(row.argv or ()) > ARGV_BYTES:
            raise RemoteProtocolError(f"the agent sent too long a description of process {row.pid}")
        if len(row.numbers) != len(NUMBERS):
            raise RemoteProtocolError("the agent sent a process with other numbers than we know")
        for number in row.numbers:
            _sum(None, number)
        self.rows[row.pid] = row

    def _change(self, stream: Iterator[Number]) -> None:
        pid = 0
        try:
            for gap in stream:
                bits = next(stream)
                if gap is None or bits is None or not 0 < bits < 1 << len(NUMBERS):
                    raise RemoteProtocolError("the agent changed what no process has")
                pid += gap
                row = self.rows.get(pid)
                if row is None:
                    raise RemoteProtocolError(f"the agent changed process {pid}, which never came")
                numbers = list(row.numbers)
                for place in range(len(NUMBERS)):
                    if bits >> place & 1:
                        numbers[place] = _sum(numbers[place], next(stream))
                self.rows[pid] = msgspec.structs.replace(row, numbers=numbers)
        except StopIteration:
            raise RemoteProtocolError("the agent's changes end in the middle") from None


def _is_same(old: Row, now: Row | None) -> bool:
    """Whether it is the same process, running the same program."""
    return now is not None and (
        (old.started, old.user, old.name, old.argv) == (now.started, now.user, now.name, now.argv)
    )


def _difference(old: Number, now: Number) -> Number:
    return None if now is None else now - (old or 0)


def _sum(old: Number, difference: Number) -> Number:
    if difference is None:
        return None
    total = (old or 0) + difference
    if abs(total) > _NUMBER_MAX:
        raise RemoteProtocolError("the agent sent a number beyond all bounds")
    return total


def _differences(old: Sequence[Number], now: Sequence[Number]) -> list[Number]:
    """The bits of what changed, then the differences; empty when nothing did."""
    if old == now:
        return []
    places = [place for place in range(len(NUMBERS)) if old[place] != now[place]]
    bits = sum(1 << place for place in places)
    return [bits, *(_difference(old[place], now[place]) for place in places)]


def _gaps(pids: Iterable[int]) -> list[int]:
    last, found = 0, []
    for pid in pids:
        found.append(pid - last)
        last = pid
    return found


def _from_gaps(gaps: Iterable[int]) -> Iterator[int]:
    pid = 0
    for gap in gaps:
        pid += gap
        yield pid


def _in_chunks(
    elapsed: int, host: list[Number], gone: list[int], new: list[Row], changed: list[Number]
) -> Iterator[Refresh]:
    """The parts in their order, each no longer than a record may be."""
    parts: list[Refresh] = []
    for start in range(0, len(gone), _CHUNK_CHANGES):
        # The distance starts anew in each record.
        before = sum(gone[:start])
        piece = gone[start : start + _CHUNK_CHANGES]
        parts.append(Refresh(True, 0, [], [piece[0] + before, *piece[1:]], [], []))
    for start in range(0, len(new), _CHUNK_ROWS):
        parts.append(Refresh(True, 0, [], [], new[start : start + _CHUNK_ROWS], []))
    parts += (Refresh(True, 0, [], [], [], piece) for piece in _cut_changes(changed))
    if len(parts) <= 3 and len(gone) + len(changed) <= _CHUNK_CHANGES and len(new) <= _CHUNK_ROWS:
        yield Refresh(False, elapsed, host, gone, new, changed)
        return
    yield from parts
    yield Refresh(False, elapsed, host, [], [], [])


def _cut_changes(changed: list[Number]) -> Iterator[list[Number]]:
    piece: list[Number] = []
    place = pid = 0
    while place < len(changed):
        bits = changed[place + 1] or 0
        end = place + 2 + bits.bit_count()
        pid += changed[place] or 0
        # The distance starts anew in each record.
        piece += [changed[place] if piece else pid, *changed[place + 1 : end]]
        place = end
        if len(piece) >= _CHUNK_CHANGES:
            yield piece
            piece = []
    if piece:
        yield piece
