import pytest

from guardpost.cli.process_columns import (
    COLUMNS,
    DEFAULT,
    Order,
    columns_named,
    matches,
    order_named,
    ordered,
    started_text,
)
from guardpost.services.processes import Process

TABLE = [
    Process(1, user="root", cpu_seconds=75, rss_bytes=4096, state="sleeping", argv=[b"/init"]),
    Process(2, user="root", name="kthreadd"),
    Process(30, user="ann\n", cpu_seconds=3.9, rss_bytes=123_456_789, argv=[b"vi", b"\xff\x1b[2J"]),
]


def pids(text: str) -> list[int]:
    return [each.pid for each in ordered(TABLE, order_named(text))]


def test_numbers_sort_largest_first_and_what_is_unknown_last() -> None:
    assert pids("pid") == [1, 2, 30]
    assert pids("cpu") == [1, 30, 2]
    assert pids("rss") == [30, 1, 2]
    assert pids("command") == [1, 2, 30]
    assert pids("-rss") == [1, 30, 2]
    assert pids("-pid") == [30, 2, 1]


def test_names_of_columns() -> None:
    assert columns_named("pid, USER,command") == ["pid", "user", "command"]
    assert order_named("-RSS") == Order("rss", True)
    assert set(DEFAULT) <= set(COLUMNS)
    for text in ("", "pid,", "size", "pid,,user"):
        with pytest.raises(ValueError, match="there are pid, "):
            columns_named(text)


def test_a_filter_looks_at_command_user_and_pid() -> None:
    def matching(text: str) -> list[int]:
        return [each.pid for each in TABLE if matches(each, text)]

    assert matching("INIT") == [1]
    assert matching("root") == [1, 2]
    assert matching("30") == [30]
    assert matching("3") == []


def test_a_start_is_a_time_today_and_a_date_before() -> None:
    assert started_text(1_700_000_000, 1_700_000_100).count(":") == 2
    assert started_text(1_700_000_000, 1_800_000_000).startswith("2023-11-")
    assert started_text(1e300, 0) == "-"
