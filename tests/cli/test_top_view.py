from hypothesis import given
from hypothesis import strategies as st

from guardpost.cli.process_tree import branches_for
from guardpost.cli.top_model import Shown
from guardpost.cli.top_view import Asking, TopView, WishKind
from guardpost.services.processes import Process


def shown(pid: int, percent: float | None = 0.0, **fields: object) -> Shown:
    return Shown(Process(pid, **{"name": f"p{pid}", "ppid": 0, "started": 1.0, **fields}), percent)


def view(*rows: Shown) -> TopView:
    made = TopView(branches_for("ascii"))
    made.arrange([*rows])
    return made


def pids(made: TopView) -> list[int]:
    return [each.process.pid for _, each in made.rows]


def press(made: TopView, *keys: str):
    wishes = [wish for key in keys if (wish := made.press(key)) is not None]
    return wishes[-1] if wishes else None


def test_orders() -> None:
    rows = [shown(1, 5, rss_bytes=9), shown(2, 50), shown(3, None, rss_bytes=99), shown(4, 5)]
    made = view(*rows)
    assert pids(made) == [2, 1, 4, 3]
    for key, expected in {"M": [3, 1, 2, 4], "N": [1, 2, 3, 4], "P": [2, 1, 4, 3]}.items():
        press(made, key)
        made.arrange(rows)
        assert pids(made) == expected
    press(made, "r")
    made.arrange(rows)
    assert pids(made) == [1, 4, 2, 3]


def test_who_is_chosen_stays_so_wherever_it_goes() -> None:
    made = view(shown(1, 9), shown(2, 5), shown(3, 1))
    press(made, "down")
    assert made.rows[made.place][1].process.pid == 2
    made.arrange([shown(1, 1), shown(2, 99), shown(3, 5)])
    assert made.rows[made.place][1].process.pid == 2
    made.arrange([shown(1, 1), shown(2, 99, started=2.0), shown(3, 50)])
    assert made.place == 0  # that number is another process


def test_a_kill_is_asked_about_and_names_the_process_and_its_start() -> None:
    made = view(shown(1, 9), shown(2, 5))
    assert press(made, "down", "k") is None
    assert made.asking is Asking.SIGNAL
    made.arrange([shown(2, 99), shown(1, 9)])  # rows move meanwhile
    wish = press(made, "clear", *"HUP", "enter")
    assert (wish.kind, wish.target.process.pid, wish.text) == (WishKind.KILL, 2, "HUP")
    assert wish.target.process.started == 1.0
    assert press(made, "k", "escape", "enter") is None
    wish = press(made, "n", "erase", "7", "enter")
    assert (wish.kind, wish.text) == (WishKind.NICE, "7")


def test_a_filter_is_typed_and_taken_away() -> None:
    rows = [shown(1), shown(22, ppid=1), shown(3)]
    made = view(*rows)
    press(made, "/", *"p2", "enter")
    made.arrange(rows)
    assert pids(made) == [22]
    press(made, "t")
    made.arrange(rows)
    assert [(before, each.process.pid) for before, each in made.rows] == [("", 1), ("`- ", 22)]
    press(made, "escape")
    made.arrange(rows)
    assert sorted(pids(made)) == [1, 3, 22]


def test_the_other_keys() -> None:
    made = view()
    assert press(made, "q").kind is WishKind.QUIT
    assert press(made, "interrupt").kind is WishKind.INTERRUPT
    assert press(made, "/", "interrupt").kind is WishKind.INTERRUPT
    press(made, "escape", "p")
    assert made.paused
    press(made, "h")
    assert made.helping
    press(made, "q")
    assert not made.helping
    assert press(made, "k", "enter") is None  # nobody to kill


@given(
    st.lists(
        st.sampled_from([*"PMTNUC<>srtpkn/fhq+-x9 ", "up", "down", "page-up", "page-down", "end"])
        | st.sampled_from(["home", "enter", "escape", "erase", "clear", "redraw", "tab?"]),
        max_size=40,
    ),
    st.integers(1, 6),
)
def test_any_keys_leave_a_page_with_its_choice_on_it(keys: list[str], page: int) -> None:
    rows = [shown(pid, pid % 3, ppid=pid - 2) for pid in range(1, 12)]
    made = view(*rows)
    made.page = page
    for key in keys:
        made.press(key)
        made.arrange(rows)
        if made.rows:
            assert made.offset <= made.place < made.offset + page
        assert len(made.typed) <= 64
