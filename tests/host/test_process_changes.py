"""Stories of processes that come and go, told by the kernel, by the table, or by both."""

from guardpost.host.proc_connector import Happened, KernelEvent
from guardpost.host.process_changes import Change, Kind, ProcessChanges, Source
from guardpost.host.process_table import ProcessRow


class Table:
    """What a host shows; a story changes `rows`."""

    def __init__(self, *rows: ProcessRow) -> None:
        self.rows = {row.pid: row for row in rows}

    def read(self) -> dict[int, ProcessRow]:
        return dict(self.rows)

    def describe(self, pid: int) -> ProcessRow | None:
        return self.rows.get(pid)

    def forget(self, pid: int) -> None:
        pass


INIT = ProcessRow(1, started=1, name="init", state="S")
SH = ProcessRow(9, started=50, name="sh", state="S")


def yes() -> bool:
    return True


def no() -> bool:
    return False


def kernel(changes: ProcessChanges, *events: KernelEvent, now: float = 0, look=yes):
    return changes.follow_kernel(events, now, look)


def test_the_table_tells_who_came_and_who_went_without_a_status() -> None:
    table = Table(INIT)
    changes = ProcessChanges(table, sees_status=True)
    assert changes.follow_table() == []
    table.rows[9] = SH
    assert changes.follow_table() == [Change(Kind.STARTED, SH)]
    assert changes.follow_table() == []
    del table.rows[9]
    assert changes.follow_table() == [Change(Kind.ENDED, SH, None, Source.UNKNOWN)]


def test_a_number_used_again_is_an_end_and_a_start() -> None:
    table = Table(SH)
    changes = ProcessChanges(table, sees_status=False)
    other = SH._replace(started=99)
    table.rows[9] = other
    assert changes.follow_table() == [
        Change(Kind.ENDED, SH, None, Source.UNKNOWN),
        Change(Kind.STARTED, other),
    ]


def test_a_zombie_tells_its_status_to_root_and_ends_once() -> None:
    dead = SH._replace(state="Z", exit_code=9)
    for sees, status, source in ((True, 9, Source.ZOMBIE), (False, None, Source.UNKNOWN)):
        table = Table(SH)
        changes = ProcessChanges(table, sees_status=sees)
        table.rows[9] = dead
        assert changes.follow_table() == [Change(Kind.ENDED, dead, status, source)]
        assert changes.follow_table() == []
        del table.rows[9]
        assert changes.follow_table() == []
        table.rows[9] = SH
        assert changes.follow_table() == [Change(Kind.STARTED, SH)]


def test_an_old_zombie_is_no_news() -> None:
    changes = ProcessChanges(Table(SH._replace(state="Z")), sees_status=True)
    assert changes.follow_table() == []


def test_the_kernel_tells_of_a_program_when_it_runs() -> None:
    table = Table(INIT)
    changes = ProcessChanges(table, sees_status=True)
    assert kernel(changes, KernelEvent(Happened.FORK, 9)) == []
    table.rows[9] = SH
    assert kernel(changes, KernelEvent(Happened.EXEC, 9)) == [Change(Kind.STARTED, SH)]
    assert kernel(changes, KernelEvent(Happened.EXEC, 9)) == []
    assert kernel(changes, KernelEvent(Happened.EXIT, 9, 256)) == [
        Change(Kind.ENDED, SH, 256, Source.KERNEL)
    ]
    assert kernel(changes, KernelEvent(Happened.EXIT, 9, 256)) == []


def test_a_copy_that_runs_no_program_is_told_a_little_later() -> None:
    table = Table(INIT)
    changes = ProcessChanges(table, sees_status=True)
    kernel(changes, KernelEvent(Happened.FORK, 9), now=10.0)
    table.rows[9] = SH
    assert changes.settle(10.05, yes) == []
    assert changes.settle(10.2, yes) == [Change(Kind.STARTED, SH)]
    assert changes.settle(11.0, yes) == []


def test_what_was_too_quick_has_a_number_and_a_status() -> None:
    changes = ProcessChanges(Table(INIT), sees_status=True)
    events = [KernelEvent(Happened.FORK, 9), KernelEvent(Happened.EXIT, 9, 0)]
    for look in (yes, no):
        assert kernel(changes, *events, look=look) == [
            Change(Kind.STARTED, ProcessRow(9)),
            Change(Kind.ENDED, ProcessRow(9), 0, Source.KERNEL),
        ]


def test_after_a_gap_the_table_tells_what_the_kernel_did_not() -> None:
    table = Table(INIT, SH)
    changes = ProcessChanges(table, sees_status=True)
    del table.rows[9]
    table.rows[12] = SH._replace(pid=12)
    told = changes.follow_table()
    assert [(each.kind, each.row.pid) for each in told] == [(Kind.ENDED, 9), (Kind.STARTED, 12)]
    assert kernel(changes, KernelEvent(Happened.FORK, 12), KernelEvent(Happened.EXIT, 9)) == []
    assert len(kernel(changes, KernelEvent(Happened.EXIT, 12, 0))) == 1


def test_a_look_at_how_they_do_tells_nothing() -> None:
    table = Table(INIT, SH)
    changes = ProcessChanges(table, sees_status=True)
    table.rows = {9: SH._replace(cpu=500), 12: SH._replace(pid=12)}
    changes.refresh()
    assert changes.known[9].cpu == 500
    assert 1 in changes.known
    assert 12 not in changes.known
