from types import SimpleNamespace

from guardpost.cli.top_model import HISTORY, TopModel
from guardpost.services.processes import Process
from guardpost.services.table_delta import Row, Table


def row(pid: int, cpu: int | None, started: int = 100) -> Row:
    return Row(pid, started, "root", "sh", [b"sh"], [cpu, 2, ord("S"), 3, -5, 1])


def follower(before: list[Row], now: list[Row], elapsed: int = 200, host=None, host_before=None):
    table = Table()
    table.rows = {each.pid: each for each in now}
    table.host = host or [None] * 11
    rows = {each.pid: each for each in before}
    return SimpleNamespace(
        table=table, before=rows, elapsed=elapsed, host_before=host_before or [None] * 11
    )


def percents(model: TopModel) -> list[float | None]:
    return [each.percent for each in model.shown]


def test_a_row_is_a_process_in_seconds_and_bytes() -> None:
    model = TopModel()
    model.update(follower([], [row(7, 250)], elapsed=0))
    assert model.shown[0].process == Process(
        7,
        ppid=1,
        user="root",
        state="sleeping",
        started=1.0,
        cpu_seconds=2.5,
        rss_bytes=2048,
        threads=3,
        name="sh",
        argv=[b"sh"],
        nice=-5,
    )
    assert percents(model) == [None]


def test_shares_are_what_was_used_since_the_refresh_before() -> None:
    model = TopModel()
    old = [row(1, 100), row(2, 100), row(3, 100), row(4, None)]
    now = [row(1, 300), row(2, 100), row(3, 50, started=999), row(4, None), row(5, 20)]
    model.update(follower(old, now))
    assert percents(model) == [100.0, 0.0, None, None, 10.0]


def test_the_host_and_its_history() -> None:
    model = TopModel()
    before = [150, 20, None, 1000, 1000, 2, 100, 75, 0, 0, 60]
    now = [150, 20, None, 1050, 1150, 2, 100, 75, 0, 0, 61]
    for _ in range(HISTORY + 5):
        model.update(follower([], [], host=now, host_before=before))
    assert model.host.loads == (1.5, 0.2, None)
    assert (model.host.cpu, model.host.memory, model.host.uptime) == (0.25, 0.25, 61)
    assert (model.host.memory_total, model.host.memory_used) == (102400, 25600)
    assert [*model.cpu_history] == [0.25] * HISTORY
    model.update(follower([], [], host=[1] * 11, host_before=[5] * 11))
    assert model.host.cpu == 0.0  # a clock that went back


def test_what_is_withheld_or_hostile_is_none_or_bounded() -> None:
    model = TopModel()
    bare = Row(9, None, None, None, None, [None] * 6)
    strange = Row(10, -5, None, None, None, [-1, -1, 1 << 50, -1, -1, -1])
    model.update(follower([], [bare, strange]))
    assert model.shown[0].process == Process(9)
    assert (model.host.cpu, model.host.memory) == (None, None)
    process = model.shown[1].process
    assert (process.cpu_seconds, process.rss_bytes, process.state) == (0, 0, None)
