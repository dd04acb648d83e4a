"""Whatever happens to a table, its follower holds the same afterwards; whatever a hostile agent
sends, the console has an error or a bounded table."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.errors import RemoteProtocolError
from guardpost.services.records import MAX_RECORD_BYTES, decode_value, encode_record
from guardpost.services.table_delta import HOST_NUMBERS, NUMBERS, Refresh, Row, Table

numbers = st.none() | st.integers(0, 1 << 40)
hosts = st.lists(numbers, min_size=HOST_NUMBERS, max_size=HOST_NUMBERS)
rows = st.builds(
    Row,
    pid=st.integers(1, 30),
    started=st.none() | st.integers(0, 3),
    user=st.sampled_from([None, "root", "ann"]),
    name=st.sampled_from([None, "sh", "kthreadd"]),
    argv=st.sampled_from([None, [], [b"sh", b"-c", b"\xff"]]),
    numbers=st.lists(numbers, min_size=len(NUMBERS), max_size=len(NUMBERS)),
)
tables = st.lists(rows, max_size=20, unique_by=lambda row: row.pid).map(
    lambda found: {row.pid: row for row in sorted(found, key=lambda row: row.pid)}
)


def over_the_wire(refresh: Refresh) -> Refresh:
    return decode_value(encode_record(refresh)[4:], Refresh)


@given(st.lists(st.tuples(tables, hosts), min_size=1, max_size=6))
def test_the_follower_holds_what_the_agent_read(readings) -> None:
    agent, console = Table(), Table()
    for step, (table, host) in enumerate(readings):
        *parts, last = [over_the_wire(each) for each in agent.deltas(table, host, step)]
        assert all(part.more for part in parts)
        assert not last.more
        assert last.elapsed == step
        for each in [*parts, last]:
            console.apply(each)
        assert console.rows == table
        assert console.host == host


def row(pid: int, started: int = 1, cpu: int = 0) -> Row:
    return Row(pid, started, "root", "sh", [b"sh"], [cpu, 100, 83, 1, 0, 1])


def test_a_pid_used_again_is_another_process() -> None:
    agent, console = Table(), Table()
    host = [None] * HOST_NUMBERS
    for table in ({7: row(7, started=1, cpu=900)}, {7: row(7, started=2)}):
        for each in agent.deltas(table, host, 1):
            console.apply(each)
    assert each.gone == [7]
    assert each.new == [row(7, started=2)]
    assert console.rows == {7: row(7, started=2)}


def test_a_quiet_table_costs_next_to_nothing() -> None:
    agent = Table()
    host = [100] * HOST_NUMBERS
    list(agent.deltas({pid: row(pid) for pid in range(1, 201)}, host, 0))
    busy = {pid: row(pid, cpu=int(pid < 6)) for pid in range(1, 201)}
    (refresh,) = agent.deltas(busy, host, 200)
    assert len(encode_record(refresh)) < 60


def test_a_large_table_comes_in_records_that_may_be_sent() -> None:
    agent, console = Table(), Table()
    host = [1] * HOST_NUMBERS
    steps = [
        {pid: row(pid) for pid in range(1, 20_001)},
        {pid: row(pid, cpu=pid) for pid in range(1, 20_001)},
        {pid: row(pid, cpu=pid) for pid in range(9_000, 20_001, 2)},
        {},
    ]
    for table in steps:
        found = list(agent.deltas(table, host, 1))
        assert max(len(encode_record(each)) for each in found) <= MAX_RECORD_BYTES + 4
        for each in found:
            console.apply(each)
        assert console.rows == table


def refresh(**fields) -> Refresh:
    empty = {"more": False, "elapsed": 1, "host": [], "gone": [], "new": [], "changed": []}
    return Refresh(**{**empty, **fields})


@pytest.mark.parametrize(
    "hostile",
    [
        {"host": [1] * (HOST_NUMBERS + 1)},
        {"elapsed": -1},
        {"gone": [99]},
        {"gone": [1, 0]},
        {"new": [row(1)]},
        {"new": [row(2), row(2)]},
        {"new": [Row(2, 1, "x" * 10_000, None, None, [0] * 6)]},
        {"new": [Row(2, 1, None, None, [b""] * 1000, [0] * 6)]},
        {"new": [Row(2, 1, None, None, None, [0])]},
        {"new": [Row(2, 1, None, None, None, [1 << 63, 0, 0, 0, 0, 0])]},
        {"changed": [99, 1, 1]},
        {"changed": [1]},
        {"changed": [1, 1]},
        {"changed": [1, 0]},
        {"changed": [1, 64, 1]},
        {"changed": [None, 1, 1]},
        {"changed": [1, 1, 1 << 63]},
        {"host": [1 << 63]},
    ],
)
def test_a_refresh_that_does_not_fit_is_an_error(hostile) -> None:
    console = Table()
    console.apply(refresh(new=[row(1)]))
    with pytest.raises(RemoteProtocolError):
        console.apply(refresh(**hostile))


def test_a_flood_of_processes_is_bounded() -> None:
    console = Table()
    for start in range(1, 65537, 256):
        console.apply(refresh(new=[row(pid) for pid in range(start, start + 256)]))
    with pytest.raises(RemoteProtocolError, match="more than 65536"):
        console.apply(refresh(new=[row(70_000)]))
    assert len(console.rows) == 65536


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=7),
    max_leaves=30,
)


@given(st.lists(anything, max_size=7) | anything)
def test_any_value_is_a_step_or_an_error(value) -> None:
    console = Table()
    console.apply(refresh(new=[row(1), row(2)]))
    try:
        console.apply(decode_value(msgspec.msgpack.encode(value), Refresh))
    except RemoteProtocolError:
        pass
    assert len(console.rows) <= 40
