"""The escape key of a terminal: what is typed after it is for us and not for the line."""

import enum
from collections.abc import Mapping

from guardpost.errors import UsageError

__all__ = ["ESCAPE", "LINE_WISHES", "SHELL_WISHES", "EscapeKey", "Wish"]
__all__ += ["key_name", "menu", "parse_key"]

ESCAPE = b"\x1d"
"""Ctrl-], as telnet's."""


class Wish(enum.Enum):
    """What a person asked for with the escape key."""

    QUIT = "quit"
    BREAK = "send a BREAK"
    KNOCK = "knock: Enter, thrice, until something answers"
    STATUS = "what is known of the line"
    TIMES = "time stamps on or off"
    RAW = "all bytes as they are, frames too, on or off"
    CLEAR = "clear the screen and set the terminal right"
    HELP = "this list"
    DISCONNECT = "disconnect: what runs there is hung up, unless it is kept"
    DETACH = "leave it running (with --keep)"
    LINE = "how the line does"


LINE_WISHES: Mapping[bytes, Wish] = {
    b".": Wish.QUIT,
    b"q": Wish.QUIT,
    b"b": Wish.BREAK,
    b"k": Wish.KNOCK,
    b"s": Wish.STATUS,
    b"t": Wish.TIMES,
    b"r": Wish.RAW,
    b"c": Wish.CLEAR,
    b"?": Wish.HELP,
}

SHELL_WISHES: Mapping[bytes, Wish] = {
    b".": Wish.DISCONNECT,
    b"q": Wish.DISCONNECT,
    b"d": Wish.DETACH,
    b"s": Wish.LINE,
    b"?": Wish.HELP,
}


def parse_key(text: str) -> bytes:
    """The key that `^]`, `C-]` or `Ctrl-]` names. Raises UsageError unless it is a control key."""
    for front in ("^", "C-", "Ctrl-"):
        if text.startswith(front) and len(text) == len(front) + 1:
            letter = ord(text[-1].upper())
            if 0x41 <= letter <= 0x5F and letter not in (0x4A, 0x4D, 0x5B):  # not LF, CR, ESC
                return bytes((letter - 0x40,))
    raise UsageError(f"'{text}' is no control key; write it as ^T")


def key_name(key: bytes) -> str:
    return f"Ctrl-{chr(key[0] + 0x40).lower()}"


def menu(key: bytes = ESCAPE, wishes: Mapping[bytes, Wish] = LINE_WISHES) -> list[str]:
    """What the escape key offers, a line each."""
    name = key_name(key)
    keys: dict[Wish, str] = {}
    for letter, wish in wishes.items():
        keys[wish] = f"{keys[wish]} or {letter.decode()}" if wish in keys else letter.decode()
    rows = [f"{name} {letters:<7} {wish.value}" for wish, letters in keys.items()]
    return [*rows, f"{name} {name}  the key itself"]


class EscapeKey:
    """Splits what is typed into bytes for the line and wishes."""

    def __init__(self, key: bytes = ESCAPE, wishes: Mapping[bytes, Wish] = LINE_WISHES) -> None:
        """An empty `key` is none: everything is for the line."""
        self._key = key
        self._wishes = wishes
        self._escaped = False

    def feed(self, typed: bytes) -> list[bytes | Wish]:
        """In order. The escape key twice is the key itself; before another key it is dropped."""
        out: list[bytes | Wish] = []
        plain = bytearray()
        for value in typed:
            key = bytes((value,))
            if not self._escaped:
                if key == self._key:
                    self._escaped = True
                else:
                    plain += key
                continue
            self._escaped = False
            wish = self._wishes.get(key.lower())
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
