from hypothesis import given
from hypothesis import strategies as st

from guardpost.cli.keypresses import Keypresses


def keys(*pieces: bytes) -> list[str]:
    presses = Keypresses()
    return [key for piece in pieces for key in presses.feed(piece)] + presses.release()


def test_keys_have_names_and_characters_are_themselves() -> None:
    assert keys(b"q/ \x1b[A\x1bOB\x1b[5~\r\x7f\x03\x15") == [
        *("q", "/", " ", "up", "down", "page-up", "enter", "erase", "interrupt", "clear")
    ]
    assert keys("ä漢".encode()) == ["ä", "漢"]


def test_an_escape_alone_is_a_key_once_nothing_follows() -> None:
    assert keys(b"\x1b") == ["escape"]
    assert keys(b"\x1b", b"[", b"A") == ["up"]
    assert keys(b"\x1bx") == ["escape", "x"]


def test_what_we_do_not_know_is_no_key() -> None:
    assert keys(b"\x1b[1;5C\x1b[200~\x01\x02\xff") == []


@given(st.binary(max_size=60), st.integers(0, 60))
def test_it_does_not_matter_how_they_come(data: bytes, cut: int) -> None:
    assert keys(data) == keys(data[:cut], data[cut:])


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_nothing_is_held_for_long(pieces: list[bytes]) -> None:
    presses = Keypresses()
    for piece in pieces:
        presses.feed(piece)
    assert len(presses._held) <= 20
