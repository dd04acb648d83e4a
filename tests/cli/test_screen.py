import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.cli import screen
from guardpost.cli.screen import Screen, Text, can_paint, knows_blocks


def test_only_what_changed_is_sent() -> None:
    painter = Screen("utf-8")
    first = painter.paint([Text("one"), Text("two")], 20, 4)
    assert b"one" in first
    assert b"two" in first
    assert painter.paint([Text("one"), Text("two")], 20, 4) == b""
    assert painter.paint([Text("one"), Text("2", "bold")], 20, 4) == b"\x1b[2H\x1b[1m2\x1b[0m\x1b[K"


def test_another_size_or_a_wish_paints_everything() -> None:
    painter = Screen("utf-8")
    painter.paint([Text("one")], 20, 4)
    assert b"one" in painter.paint([Text("one")], 21, 4)
    painter.forget()
    assert b"one" in painter.paint([Text("one")], 21, 4)


def test_a_row_in_reverse_is_filled_and_all_are_cut() -> None:
    painter = Screen("ascii")
    assert b"\x1b[7mab   \x1b[0m" in painter.paint([Text("ab", "reverse")], 5, 1)
    assert b"abcde\x1b[K" in painter.paint([Text("abcdefgh")], 5, 1)
    assert b"\x1b[1Ha?" in painter.paint([Text("a▁")], 5, 1)


@given(st.lists(st.text("abc", max_size=9), max_size=9), st.integers(1, 12), st.integers(1, 8))
def test_the_last_row_is_never_passed(texts: list[str], columns: int, rows: int) -> None:
    painted = Screen("utf-8").paint([Text(each) for each in texts], columns, rows)
    assert b"\n" not in painted
    assert f"\x1b[{rows + 1}H".encode() not in painted


def test_a_dumb_terminal_is_not_painted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert not can_paint()
    assert not knows_blocks("ascii")
    assert not knows_blocks("no-such-encoding")
    assert knows_blocks("utf-8")
    assert screen.LEAVE.endswith(b"\x1b[?1049l")
