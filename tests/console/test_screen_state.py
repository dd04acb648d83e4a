from hypothesis import given
from hypothesis import strategies as st

from guardpost.console.screen_state import ScreenState

VIM = b"\x1b[?1049h\x1b[?1h\x1b=\x1b[?2004h\x1b[?25l"
VIM_ENDS = b"\x1b[?2004l\x1b[?1l\x1b>\x1b[?25h\x1b[?1049l"


def test_a_program_takes_the_screen_and_gives_it_back() -> None:
    screen = ScreenState()
    screen.feed(VIM)
    assert screen.is_alternate
    screen.feed(VIM_ENDS)
    assert not screen.is_alternate
    assert screen.undo() == b""


def test_what_a_program_leaves_set_is_undone_the_screen_last() -> None:
    screen = ScreenState()
    screen.feed(VIM + b"\x1b[?1000;1006h")
    assert screen.undo() == (
        b"\x1b[?1l\x1b[?1000l\x1b[?1006l\x1b[?2004l\x1b[?1049l\x1b[?25h\x1b>\x0f\x1b[0m"
    )
    assert screen.undo() == b""


def test_a_reset_of_the_terminal_undoes_it_too() -> None:
    for reset in (b"\x1bc", b"\x1b[!p"):
        screen = ScreenState()
        screen.feed(VIM + reset)
        assert screen.undo() == b""


def test_a_sequence_or_a_letter_is_shown_when_it_is_whole() -> None:
    screen = ScreenState()
    assert screen.feed(b"a\x1b[3") == b"a"
    assert screen.feed(b"1mred\xe6\xbc") == b"\x1b[31mred"
    assert screen.feed(b"\xa2\x1b]0;title") == b"\xe6\xbc\xa2"
    assert screen.feed(b" of it\x1b") == b""
    assert screen.feed(b"\\$ ") == b"\x1b]0;title of it\x1b\\$ "
    assert screen.feed(b"\xff\xc3(") == b"\xff\xc3("


def test_a_sequence_without_an_end_is_passed_on() -> None:
    screen = ScreenState()
    shown = b"".join(screen.feed(b"\x1bP" + b"x" * 1000) for _ in range(9))
    assert len(shown) > 3000


@given(st.binary(max_size=80), st.integers(0, 80))
def test_nothing_is_lost_or_changed_however_it_is_cut(data: bytes, cut: int) -> None:
    whole, parts = ScreenState(), ScreenState()
    shown = whole.feed(data)
    assert data.startswith(shown)
    assert parts.feed(data[:cut]) + parts.feed(data[cut:]) == shown
    assert parts.is_alternate == whole.is_alternate
    assert whole.feed(b"\x18\r\n").endswith(b"\r\n")
    assert whole.is_at_start
