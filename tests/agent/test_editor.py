"""The line editor: what is typed is what is meant, and any bytes give events in bounded memory."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardpost.agent.editor import (
    COLUMNS,
    HISTORY_LINES,
    MAX_LINE_CHARS,
    EditorMode,
    Interrupted,
    KeyPressed,
    LineEditor,
    LineEntered,
)

PROMPT = "guardpost> "
LEFT, RIGHT, UP, DOWN = b"\x1b[D", b"\x1b[C", b"\x1b[A", b"\x1b[B"


def editor(mode: EditorMode = EditorMode.LINE) -> LineEditor:
    made = LineEditor()
    made.start(mode, PROMPT)
    return made


def typed(data: bytes) -> str:
    """The line that stands after `data`."""
    made = editor()
    made.feed(data)
    return made.line


class Row:
    """One row of a terminal that knows CR, BS, BEL and printable characters only."""

    def __init__(self) -> None:
        self.cells = [" "] * COLUMNS
        self.cursor = 0

    def show(self, data: bytes) -> None:
        for value in data:
            if value == 0x0D:
                self.cursor = 0
            elif value == 0x08:
                assert self.cursor > 0, "BS at the first column"
                self.cursor -= 1
            elif value != 0x07:
                assert 0x20 <= value < 0x7F
                assert self.cursor < COLUMNS - 1, "the last column stays free"
                self.cells[self.cursor] = chr(value)
                self.cursor += 1

    @property
    def text(self) -> str:
        return "".join(self.cells).rstrip()


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_a_line_ends_once_however_its_end_is_cut(end: bytes) -> None:
    made = editor()
    assert made.feed(b"help" + end) == [LineEntered("help")]
    assert made.echo() == b"help\r\n"
    events = [event for i in range(len(end)) for event in made.feed(end[i : i + 1])]
    assert events == [LineEntered("")]


def test_two_enters_are_two_lines() -> None:
    assert len(editor().feed(b"\r\r")) == 2
    assert len(editor().feed(b"\n\n")) == 2
    assert len(editor().feed(b"\r\n\r\n")) == 2
    assert len(editor().feed(b"\n\r")) == 2


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (b"ab\x08c", "ac"),
        (b"ab\x7fc", "ac"),
        (b"\x08\x7fa", "a"),
        (b"abc\x15d", "d"),
        (b"one two  \x17x", "one x"),
        (b"ac" + LEFT + b"b", "abc"),
        (b"ac" + LEFT + LEFT + LEFT + b"b", "bac"),
        (b"bc\x01a\x05d", "abcd"),
        (b"abc\x01" + RIGHT + b"\x0b", "a"),
        (b"abc\x01\x04", "bc"),
        (b"ac\x1bOD" + b"b", "abc"),
        (b"bc\x1b[Ha\x1b[Fd", "abcd"),
        (b"bc\x1b[1~a\x1b[4~d\x1b[1~\x1b[3~", "bcd"),
        (b"a\xc3\xa4\x00\x1ab\x80", "ab"),
        (b"a\tb", "ab"),
    ],
)
def test_editing_keys(keys: bytes, line: str) -> None:
    assert typed(keys) == line


@pytest.mark.parametrize(
    "sequence",
    [
        b"\x1b[24;80R",
        b"\x1b[?62;22c",
        b"\x1b[>0;276;0c",
        b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\",
        b"\x1b]11;rgb:0000/0000/0000\x07",
        b"\x1bP1+r544e=787465726d\x1b\\",
        b"\x1b_private\x1b\\",
        b"\x1b[200~",
        b"\x1b[[A",
        b"\x1b(B",
        b"\x1bOP",
        b"\x1bx",
        b"\x1b[1;5X",
        b"\x1b\x1b[Z",
    ],
)
def test_a_sequence_leaves_nothing_however_it_is_cut(sequence: bytes) -> None:
    for cut in range(len(sequence) + 1):
        made = editor()
        made.feed(b"a" + sequence[:cut])
        made.feed(sequence[cut:] + b"b")
        assert made.line == "ab"


@pytest.mark.parametrize("sequence", [b"\x1b", b"\x1b[", b"\x1b[1;", b"\x1bO", b"\x1b]0;no end"])
def test_a_sequence_without_end_never_leaks_and_never_deafens(sequence: bytes) -> None:
    made = editor()
    assert made.feed(b"help" + sequence + b"\r") == [LineEntered("help")]
    assert made.feed(b"help" + sequence + b"\x03") == [Interrupted()]
    made.feed(sequence)
    made.noise()
    assert made.feed(b"ps\r") == [LineEntered("ps")]


def test_ctrl_c_forgets_the_line() -> None:
    made = editor()
    assert made.feed(b"kill 1\x03\r") == [Interrupted(), LineEntered("")]


def test_a_line_has_an_end_and_then_the_bell_rings() -> None:
    made = editor()
    made.feed(b"x" * MAX_LINE_CHARS)
    made.echo()
    made.feed(b"yy")
    assert made.echo() == b"\a\a"
    assert made.feed(b"\r") == [LineEntered("x" * MAX_LINE_CHARS)]


def test_history_goes_up_and_down_and_keeps_the_draft() -> None:
    made = editor()
    made.feed(b"one\rtwo\rtwo\r  \rdra")
    made.feed(UP)
    assert made.line == "two"
    made.feed(b"\x1bOA")
    assert made.line == "one"
    made.feed(UP)
    assert made.line == "one"
    made.feed(DOWN + DOWN)
    assert made.line == "dra"
    made.forget_history()
    made.feed(UP)
    assert made.line == "dra"


def test_history_is_bounded() -> None:
    made = editor()
    for number in range(HISTORY_LINES + 50):
        made.feed(b"%d\r" % number)
    made.feed(UP * (HISTORY_LINES + 50))
    assert made.line == "50"


def test_a_secret_is_neither_shown_nor_remembered() -> None:
    made = editor(EditorMode.SECRET)
    assert made.feed(b"hunter" + LEFT + b"2\x7f2\x01\x05\x0c\r") == [LineEntered("hunte2r")]
    assert made.echo() == b"\r\nguardpost> \r\n"  # Ctrl-L, and the end
    made.start(EditorMode.LINE, PROMPT)
    made.feed(UP)
    assert made.line == ""


def test_single_keys() -> None:
    made = editor(EditorMode.KEYS)
    events = made.feed(b" q\r\n\x1b[A\x03\x08")
    assert events == [KeyPressed(" "), KeyPressed("q"), KeyPressed("\r"), Interrupted()]
    assert made.echo() == b""


def test_noise_drops_the_line_without_a_word() -> None:
    made = editor()
    made.feed(b"kill 123")
    made.echo()
    made.noise()
    assert made.echo() == b""
    assert made.feed(b"4\r") == [LineEntered("4")]


@given(st.binary(max_size=400))
def test_any_bytes_give_events_in_bounded_memory(data: bytes) -> None:
    made = editor()
    for event in made.feed(data):
        if isinstance(event, LineEntered):
            assert all(" " <= char <= "~" for char in event.text)
    assert len(made.line) <= MAX_LINE_CHARS
    assert set(made.echo()) <= {*range(0x20, 0x7F), 0x0D, 0x0A, 0x08, 0x07}


@given(st.lists(st.binary(max_size=6)))
def test_cuts_do_not_matter(pieces: list[bytes]) -> None:
    cut, whole = editor(), editor()
    events = [event for piece in pieces for event in cut.feed(piece)]
    assert events == whole.feed(b"".join(pieces))
    assert (cut.line, cut.echo()) == (whole.line, whole.echo())


KEYS = st.sampled_from(
    [b"a", b"b ", b"0123456789", b"x" * 60, b"\x08", b"\x7f", b"\x15", b"\x17", b"\x01", b"\x05"]
    + [b"\x0b", b"\x04", b"\x07", LEFT, RIGHT, UP, DOWN]
)


@settings(max_examples=150)
@given(st.lists(KEYS, max_size=40))
def test_the_row_shows_the_line_around_the_cursor(keys: list[bytes]) -> None:
    """On a terminal that knows nothing but CR and BS."""
    made, row = editor(), Row()
    made.feed(b"the first line in the history\r" + b"y" * 200 + b"\r")
    made.echo()
    row.show(PROMPT.encode())
    for key in keys:
        made.feed(key)
        row.show(made.echo())
        shown = row.text[len(PROMPT) :]
        assert row.text.startswith(PROMPT.rstrip())
        assert shown.rstrip() in made.line
        before = "".join(row.cells[len(PROMPT) : row.cursor])
        made_cursor = made._cursor
        assert made.line[:made_cursor].endswith(before)
        assert len(before) > 0 or made_cursor == 0
