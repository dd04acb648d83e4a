"""What programs have done to a screen: whether it is theirs, and what must be undone after them.

Modes are those of xterm's control sequences (DECSET, DECRST). The screen is never left in the
middle of a sequence or of a letter, so that lines of ours may stand between any two writes.
"""

import re

__all__ = ["ScreenState"]

_TAIL_BYTES = 4096
"""A longer sequence is passed on before its end."""

_UNFINISHED = re.compile(
    rb"\x1b(\[[0-?]*[ -/]*|[\]PX^_][^\x07\x18\x1a\x1b]*\x1b?|[ -/]*)\Z"
    rb"|[\xc2-\xdf]\Z|[\xe0-\xef][\x80-\xbf]?\Z|[\xf0-\xf4][\x80-\xbf]{0,2}\Z"
)
_MODES = re.compile(rb"\x1b\[\?([0-9;]{1,64})([hl])|\x1b([=>c])|\x1b(\[!p)")

_ALTERNATE = frozenset({47, 1047, 1049})
_CURSOR = 25
# Cursor keys, mouse, focus, bracketed paste: what would make of a shell's keys something else.
_UNDONE = (1, 9, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1015, 2004)


class ScreenState:
    """Feed it all that is shown."""

    def __init__(self) -> None:
        self._held = b""
        self._set: set[int] = set()
        self._cursor_hidden = False
        self._keypad = False
        self.is_at_start = True
        """The last that was shown ended a line."""

    @property
    def is_alternate(self) -> bool:
        """A program has the whole screen, as vim and less do."""
        return bool(self._set & _ALTERNATE)

    def feed(self, data: bytes) -> bytes:
        """What to show of `data` now, with what was held back before."""
        data = self._held + data
        tail = _UNFINISHED.search(data, max(0, len(data) - _TAIL_BYTES))
        self._held = data[tail.start() :] if tail is not None else b""
        shown = data[: len(data) - len(self._held)]
        for found in _MODES.finditer(shown):
            numbers, letter, single, soft_reset = found.groups()
            if numbers is not None:
                self._switch({int(each) for each in numbers.split(b";") if each}, letter == b"h")
            elif single == b"c" or soft_reset is not None:
                self._reset()
            else:
                self._keypad = single == b"="
        if shown:
            self.is_at_start = shown.endswith(b"\n")
        return shown

    def _switch(self, modes: set[int], on: bool) -> None:
        known = modes & {*_ALTERNATE, *_UNDONE}
        self._set = self._set | known if on else self._set - known
        if _CURSOR in modes:
            self._cursor_hidden = not on

    def _reset(self) -> None:
        self._set.clear()
        self._cursor_hidden = self._keypad = False

    def undo(self) -> bytes:
        """What gives the screen back as it was, whatever a program has left set; b"" if nothing."""
        modes = [*sorted(self._set & {*_UNDONE}), *sorted(self._set & _ALTERNATE)]
        out = b"".join(b"\x1b[?%dl" % mode for mode in modes)
        out += b"\x1b[?25h" if self._cursor_hidden else b""
        out += b"\x1b>" if self._keypad else b""
        self._reset()
        return out + b"\x0f\x1b[0m" if out else b""
