from guardpost.host.process_table import ProcessRow
from guardpost.services.thresholds import Crossing, Limits, Thresholds


def row(cpu: int | None = 0, rss: int | None = 0, started: int = 1) -> ProcessRow:
    return ProcessRow(9, started=started, cpu=cpu, rss=rss)


def look(thresholds: Thresholds, now: float, one: ProcessRow | None = None, load=None):
    rows = {} if one is None else {9: one}
    return [(each.above, each.metric, each.value) for each in thresholds.look(rows, load, now)]


def test_a_process_goes_above_and_below_again() -> None:
    thresholds = Thresholds(Limits(cpu=90))
    assert look(thresholds, 0, row(cpu=0)) == []
    assert look(thresholds, 1, row(cpu=95)) == [(True, "cpu", 95)]
    assert look(thresholds, 2, row(cpu=195)) == []
    assert look(thresholds, 4, row(cpu=215)) == [(False, "cpu", 10)]


def test_it_must_last() -> None:
    thresholds = Thresholds(Limits(load=2, seconds=3))
    values = [250, 250, 100, 250, 250, 250, 250, 100]
    told = [look(thresholds, now, load=load) for now, load in enumerate(values)]
    assert [found for found in told if found] == [[(True, "load", 2.5)]]
    assert told[6]
    assert look(thresholds, 10, load=100) == [(False, "load", 1.0)]


def test_memory_is_in_bytes_and_names_the_process() -> None:
    thresholds = Thresholds(Limits(rss=1_000_000))
    big = row(rss=2000)
    assert [*thresholds.look({9: big}, None, 0)] == [
        Crossing(True, "rss", 2_048_000, 1_000_000, big)
    ]


def test_a_number_used_again_begins_anew() -> None:
    thresholds = Thresholds(Limits(cpu=50, rss=1024))
    look(thresholds, 0, row(cpu=0, rss=2))
    assert look(thresholds, 1, row(cpu=900, rss=2, started=2)) == [(True, "rss", 2048)]
    look(thresholds, 2)
    assert look(thresholds, 3, row(cpu=900, rss=2, started=2)) == [(True, "rss", 2048)]


def test_what_is_withheld_crosses_nothing() -> None:
    thresholds = Thresholds(Limits(cpu=0, rss=0, load=0))
    for now in range(3):
        assert look(thresholds, now, row(cpu=None, rss=None)) == []
    assert not Thresholds(Limits()).needs_anything
