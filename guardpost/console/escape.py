"""The escape key of a terminal: what is typed after it is for us and not for the line."""

import enum

__all__ = ["ESCAPE", "EscapeKey", "Wish"]

ESCAPE = b"\x1d"
"""Ctrl-], as telnet's."""


class Wish(enum.Enum):
    """What a person asked for with the escape key."""

    QUIT = "quit"
    BREAK = "break"
    HELP = "help"


_WISHES = {b".": Wish.QUIT, b"q": Wish.QUIT, b"b": Wish.BREAK, b"?": Wish.HELP}


class EscapeKey:
    """Splits what is typed into bytes for the line and wishes."""

    def __init__(self) -> None:
        self._escaped = False

    def feed(self, typed: bytes) -> list[bytes | Wish]:
        """In order. The escape key twice is the key itself; before another key it is dropped."""
        out: list[bytes | Wish] = []
        plain = bytearray()
        for value in typed:
            key = bytes((value,))
            if not self._escaped:
                if key == ESCAPE:
                    self._escaped = True
                else:
                    plain += key
                continue
            self._escaped = False
            wish = _WISHES.get(key.lower())
            if wish is None:
                plain += key
                continue
            if plain:
                out.append(bytes(plain))
                plain.clear()
            out.append(wish)
        if plain:
            out.append(bytes(plain))
        return out
