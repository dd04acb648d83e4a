from hypothesis import given
from hypothesis import strategies as st

from guardpost.cli.process_tree import DEPTH_MAX, Branches, branches_for, kin, tree
from guardpost.services.processes import Process

ASCII = Branches("|- ", "`- ", "|  ")


def process(pid: int, ppid: int | None) -> Process:
    return Process(pid, ppid=ppid)


def drawn(*pairs: tuple[int, int | None]) -> list[str]:
    return [f"{b}{p.pid}" for b, p in tree([process(*pair) for pair in pairs], ASCII)]


def test_children_stand_under_their_parents() -> None:
    assert drawn((1, 0), (2, 0), (3, 1), (4, 3), (5, 3), (6, 1)) == [
        "1",
        "|- 3",
        "|  |- 4",
        "|  `- 5",
        "`- 6",
        "2",
    ]


def test_what_is_unknown_or_impossible_is_drawn_once() -> None:
    assert drawn((5, None), (6, 99), (7, 7)) == ["5", "6", "7"]
    assert sorted(each.lstrip("|`- ") for each in drawn((8, 9), (9, 8))) == ["8", "9"]


@given(st.dictionaries(st.integers(1, 30), st.none() | st.integers(0, 30), max_size=30))
def test_every_process_comes_exactly_once(parents: dict[int, int | None]) -> None:
    table = [process(pid, ppid) for pid, ppid in parents.items()]
    assert sorted(p.pid for _, p in tree(table, ASCII)) == sorted(parents)


def test_a_chain_without_end_stays_on_the_page() -> None:
    rows = tree([process(pid, pid - 1) for pid in range(1, 5000)], ASCII)
    assert len(rows) == 4999
    assert max(len(before) for before, _ in rows) <= 3 * (DEPTH_MAX + 1)


def test_kin_are_ancestors_and_nobody_else() -> None:
    table = [process(1, 0), process(2, 1), process(3, 2), process(4, 1), process(5, 5)]
    assert [each.pid for each in kin(table, [table[2], table[4]])] == [1, 2, 3, 5]


def test_lines_only_where_the_terminal_has_them() -> None:
    assert branches_for("utf-8").bar == "│  "
    for encoding in ("ascii", "latin-1", None, "no-such-encoding"):
        assert branches_for(encoding) == ASCII
