"""Invariant: whatever bytes go in, only visible characters and CR LF line ends come out."""

from hypothesis import given, settings
from hypothesis import strategies as st

from guardpost.termsafe import (
    SafeStream,
    TerminalStream,
    safe_bytes,
    safe_text,
    without_sequences,
)

VISIBLE = set(range(0x20, 0x7F))


@given(st.binary())
def test_one_line_of_bytes_is_visible_ascii(data: bytes) -> None:
    assert set(safe_bytes(data)) <= VISIBLE


@given(st.text())
def test_one_line_of_text_is_printable_and_keeps_what_was(text: str) -> None:
    shown = safe_text(text)
    assert shown.isprintable()
    if text.isprintable():
        assert shown == text


def test_text_escapes_are_named_by_their_size() -> None:
    assert safe_text("a\x1b[2J") == "a\\x1b[2J"
    assert safe_text("\u202e") == "\\u202e"
    assert safe_text("\U000e0001") == "\\U000e0001"
    assert safe_text(b"\xff".decode("utf-8", "surrogateescape")) == "\\xff"
    assert safe_text("Grüße") == "Grüße"


@given(st.binary())
def test_a_stream_is_visible_ascii_with_cr_lf_line_ends(data: bytes) -> None:
    stream = SafeStream()
    shown = stream.feed(data) + stream.end()
    for line in shown.split(b"\r\n"):
        assert set(line) <= VISIBLE
    assert shown == b"" or shown.endswith(b"\r\n")


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=8)))
def test_cuts_do_not_change_the_stream(pieces: list[bytes]) -> None:
    cut, whole = SafeStream(), SafeStream()
    out = b"".join([cut.feed(piece) for piece in pieces]) + cut.end()
    assert out == whole.feed(b"".join(pieces)) + whole.end()


def test_line_ends_tabs_and_lone_carriage_returns() -> None:
    stream = SafeStream()
    assert stream.feed(b"a\r\nb\nab\tc\rd") == b"a\r\nb\r\nab      c\\x0dd"
    assert stream.end() == b"\r\n"
    assert stream.end() == b""
    assert SafeStream().feed(b"\x1b]0;title\x07") == b"\\x1b]0;title\\x07"


def test_a_terminal_gets_escape_sequences_and_nothing_that_makes_it_answer() -> None:
    stream = TerminalStream()
    assert stream.feed(b"\x1b[1mok\x1b[0m\a\r\n\t\x0e\x0f") == b"\x1b[1mok\x1b[0m\a\r\n\t\x0e\x0f"
    assert stream.feed(b"\x05\x00\x7f\x11") == rb"\x05\x11"
    assert stream.feed("grün €\x9b".encode()) == "grün €\\x9b".encode()
    assert stream.feed(b"\xff\xc0\xaf\xed\xa0\x80") == rb"\xff\xc0\xaf\xed\xa0\x80"
    assert (stream.feed(b"\xf0\x9f\x98"), stream.held) == (b"", True)
    assert (stream.feed(b"\x80"), stream.held) == ("😀".encode(), False)
    assert (stream.feed(b"\xe2\x82"), stream.release()) == (b"", rb"\xe2\x82")


@given(st.lists(st.binary(max_size=12)))
def test_a_terminal_gets_the_same_however_it_was_cut(pieces: list[bytes]) -> None:
    cut, whole = TerminalStream(), TerminalStream()
    shown = b"".join(cut.feed(piece) for piece in pieces) + cut.release()
    assert shown == whole.feed(b"".join(pieces)) + whole.release()
    shown.decode()


@given(st.text())
def test_a_line_without_sequences_is_harmless(text: str) -> None:
    assert without_sequences(text).isprintable()


def test_sequences_are_left_out_of_a_line() -> None:
    line = "\x1b[1;32m[  OK  ]\x1b[0m \x1b]0;title\a\x1b(Ba\x1bPq\x1b\\\tb\x1b"
    assert without_sequences(line) == "[  OK  ] a    b\\x1b"
