"""Keypresses: the bytes of a terminal as keys. Whatever arrives, the memory stays small."""

import codecs
import re

__all__ = ["Keypresses"]

_NAMES = {
    b"\x1b[A": "up",
    b"\x1bOA": "up",
    b"\x1b[B": "down",
    b"\x1bOB": "down",
    b"\x1b[5~": "page-up",
    b"\x1b[6~": "page-down",
    b"\x1b[H": "home",
    b"\x1bOH": "home",
    b"\x1b[1~": "home",
    b"\x1b[F": "end",
    b"\x1bOF": "end",
    b"\x1b[4~": "end",
}
_CONTROLS = {
    0x03: "interrupt",
    0x04: "interrupt",
    0x08: "erase",
    0x7F: "erase",
    0x0A: "enter",
    0x0D: "enter",
    0x0C: "redraw",
    0x15: "clear",
}
_SEQUENCE = re.compile(rb"\x1b(?:\[[\x20-\x3f]{0,16}[\x40-\x7e]|O[\x40-\x7e])")
_BEGUN = re.compile(rb"\x1b(?:\[[\x20-\x3f]{0,16}|O)?")


class Keypresses:
    """feed() gives the keys in what a terminal sent: a character, or a name of several letters.

    An escape alone is the key "escape" only once release() says that nothing came after it.
    """

    def __init__(self) -> None:
        self._held = b""
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")

    @property
    def holds(self) -> bool:
        return bool(self._held)

    def feed(self, data: bytes) -> list[str]:
        """A sequence we do not know is no key at all."""
        data, self._held = self._held + data, b""
        keys: list[str] = []
        place = 0
        while place < len(data):
            octet = data[place]
            if octet == 0x1B:
                found = _SEQUENCE.match(data, place)
                if found is not None:
                    keys += [_NAMES[found[0]]] if found[0] in _NAMES else []
                    place = found.end()
                    continue
                begun = _BEGUN.match(data, place)
                if begun is not None and begun.end() == len(data):
                    self._held = data[place:]
                    break
                keys.append("escape")
            elif octet in _CONTROLS:
                keys.append(_CONTROLS[octet])
            else:
                keys += [
                    each for each in self._decoder.decode(data[place : place + 1]) if each >= " "
                ]
            place += 1
        return keys

    def release(self) -> list[str]:
        """What was held is all there is: the escape key."""
        held, self._held = self._held, b""
        return ["escape"] if held else []
