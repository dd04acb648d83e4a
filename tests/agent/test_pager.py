"""Output of a command: safe for the terminal, and a screenful at a time."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardpost.agent.pager import MORE, PAGE_ROWS, Pager, PagerQuit


class Screen:
    """Takes what a pager writes, and presses `keys` when asked."""

    def __init__(self, keys: str = "", *, paging: bool = True) -> None:
        self.shown = b""
        self.drained = 0
        self._keys = list(keys)
        self.pager = Pager(self._write, self._drain, self._key, paging=paging)

    def _write(self, data: bytes) -> None:
        self.shown += data

    async def _drain(self) -> None:
        self.drained += 1

    async def _key(self) -> str:
        return self._keys.pop(0)

    def show(self, data: bytes) -> "Screen":
        async def story() -> None:
            await self.pager.raw(data)
            await self.pager.end_line()

        asyncio.run(story())
        return self


def lines(count: int) -> bytes:
    return b"".join([b"%d\n" % number for number in range(count)])


def test_a_full_screen_pauses_only_for_more() -> None:
    assert MORE not in Screen().show(lines(PAGE_ROWS)).shown
    shown = Screen(" ").show(lines(PAGE_ROWS + 1)).shown
    assert shown.count(MORE) == 1
    assert shown.endswith(b"\r        \r23\r\n")


def test_blank_shows_a_page_and_enter_a_line() -> None:
    assert Screen("  ").show(lines(PAGE_ROWS * 3)).shown.count(MORE) == 2
    assert Screen("\r" * 5).show(lines(PAGE_ROWS + 5)).shown.count(MORE) == 5


def test_q_is_enough() -> None:
    screen = Screen("q")
    with pytest.raises(PagerQuit):
        screen.show(lines(100))
    assert screen.shown.endswith(b"22\r\n" + MORE + b"\r        \r")


def test_without_paging_all_is_shown_and_the_line_is_waited_for() -> None:
    screen = Screen(paging=False).show(lines(1000))
    assert MORE not in screen.shown
    assert screen.drained >= len(screen.shown) // 1024


def test_a_long_line_takes_the_rows_it_fills() -> None:
    assert MORE not in Screen().show(b"x" * 80 * PAGE_ROWS + b"\n").shown
    assert Screen(" ").show(b"x" * (80 * PAGE_ROWS + 1)).shown.count(MORE) == 1
    assert Screen(" ").show((b"x" * 80 + b"\n") * (PAGE_ROWS + 1)).shown.count(MORE) == 1
    assert MORE not in Screen().show((b"x" * 80 + b"\n") * PAGE_ROWS).shown
    assert Screen(" ").show(b"\n" * (PAGE_ROWS + 1)).shown.count(MORE) == 1


def test_one_line_stays_one_line() -> None:
    screen = Screen()
    asyncio.run(screen.pager.line("a\x1b[2Jb\nc\udcff"))
    assert screen.shown == b"a\\x1b[2Jb c\\udcff\r\n"


@settings(max_examples=50)
@given(st.binary(max_size=3000))
def test_whatever_comes_the_terminal_gets_only_what_is_harmless(data: bytes) -> None:
    shown = Screen(" " * 200).show(data).shown.replace(MORE + b"\r        \r", b"")
    for row in shown.split(b"\r\n"):
        assert all(0x20 <= value < 0x7F for value in row)
