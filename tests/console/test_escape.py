import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.console.escape import (
    ESCAPE,
    LINE_WISHES,
    SHELL_WISHES,
    EscapeKey,
    Wish,
    key_name,
    menu,
    parse_key,
)
from guardpost.errors import UsageError


def test_wishes_stand_between_what_is_sent() -> None:
    key = EscapeKey()
    assert key.feed(b"ab\x1d") == [b"ab"]
    assert key.feed(b"bcd\x1d?\x1d\x1d") == [Wish.BREAK, b"cd", Wish.HELP, b"\x1d"]
    assert key.feed(b"\x1d.") == [Wish.QUIT]
    assert key.feed(b"\x1dQ") == [Wish.QUIT]
    assert key.feed(b"\x1dx") == [b"x"]


def test_another_key_may_be_it() -> None:
    assert [parse_key(text) for text in ("^]", "C-t", "Ctrl-a", "^T")] == [
        b"\x1d", b"\x14", b"\x01", b"\x14"
    ]  # fmt: skip
    assert (key_name(ESCAPE), key_name(b"\x14")) == ("Ctrl-]", "Ctrl-t")
    key = EscapeKey(b"\x14")
    assert key.feed(b"\x1d\x14q\x14\x14") == [b"\x1d", Wish.QUIT, b"\x14"]
    for text in ("", "x", "^", "^[", "^M", "^J", "^1", "C-tt"):
        with pytest.raises(UsageError):
            parse_key(text)


def test_the_menu_names_every_wish() -> None:
    shown = "\n".join(menu())
    assert all(wish.value in shown for wish in LINE_WISHES.values())
    of_shell = "\n".join(menu(ESCAPE, SHELL_WISHES))
    assert all(wish.value in of_shell for wish in SHELL_WISHES.values())
    assert {*LINE_WISHES.values(), *SHELL_WISHES.values()} == {*Wish}
    assert "Ctrl-] . or q" in shown
    assert menu(b"\x14")[0].startswith("Ctrl-t ")


def test_a_shell_has_wishes_of_its_own_and_may_have_no_key() -> None:
    key = EscapeKey(ESCAPE, SHELL_WISHES)
    assert key.feed(b"\x1dd\x1d.\x1d\x1d\x1db") == [Wish.DETACH, Wish.DISCONNECT, b"\x1db"]
    assert EscapeKey(b"", SHELL_WISHES).feed(b"\x1d.\x1d") == [b"\x1d.\x1d"]


@given(st.binary(max_size=60), st.integers(0, 60))
def test_however_it_is_cut_the_same_comes_out(typed: bytes, cut: int) -> None:
    def joined(pieces: list[bytes | Wish]) -> list[bytes | Wish]:
        out: list[bytes | Wish] = []
        for piece in pieces:
            if out and isinstance(piece, bytes) and isinstance(out[-1], bytes):
                out[-1] += piece
            else:
                out.append(piece)
        return out

    whole, parts = EscapeKey(), EscapeKey()
    assert joined(whole.feed(typed)) == joined(parts.feed(typed[:cut]) + parts.feed(typed[cut:]))
