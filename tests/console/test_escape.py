from hypothesis import given
from hypothesis import strategies as st

from guardpost.console.escape import EscapeKey, Wish


def test_wishes_stand_between_what_is_sent() -> None:
    key = EscapeKey()
    assert key.feed(b"ab\x1d") == [b"ab"]
    assert key.feed(b"bcd\x1d?\x1d\x1d") == [Wish.BREAK, b"cd", Wish.HELP, b"\x1d"]
    assert key.feed(b"\x1d.") == [Wish.QUIT]
    assert key.feed(b"\x1dQ") == [Wish.QUIT]
    assert key.feed(b"\x1dx") == [b"x"]


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
