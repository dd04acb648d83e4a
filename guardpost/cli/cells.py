"""How many columns of a terminal a text takes, and texts cut or filled to a number of them."""

import unicodedata

__all__ = ["fit", "width_of"]


def width_of(text: str) -> int:
    """Columns of printable `text`: East Asian wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(_width(char) for char in text)


def _width(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def fit(text: str, columns: int, *, right: bool = False, fill: bool = True) -> str:
    """`text` cut to `columns`, and filled up with blanks to them; `right` puts those before."""
    if width_of(text) > columns:
        kept, used = [], 0
        for char in text:
            used += _width(char)
            if used > columns:
                break
            kept.append(char)
        text = "".join(kept)
    if not fill:
        return text
    blanks = " " * (columns - width_of(text))
    return blanks + text if right else text + blanks
