r"""The line editor of the text prompt, for a terminal of which nothing is known.

Everything it ever sends, and its effect (no escape sequence is among it):

    printable ASCII   shown, cursor one to the right
    CR                cursor to the first column
    LF                (after CR) the next line
    BS                cursor one to the left, never at the first column
    BEL               the line is full

Long lines scroll inside one row of COLUMNS, since BS does not climb to the row above.
Sans-IO: bytes in through feed(), events out of it, bytes to send out of echo().
"""

import enum
from dataclasses import dataclass
from typing import Final

__all__ = [
    "COLUMNS",
    "HISTORY_LINES",
    "MAX_LINE_CHARS",
    "EditorMode",
    "Interrupted",
    "KeyPressed",
    "LineEditor",
    "LineEntered",
]

COLUMNS: Final = 80
MAX_LINE_CHARS: Final = 1000
HISTORY_LINES: Final = 100


class EditorMode(enum.Enum):
    """What becomes of keys."""

    LINE = "line"  # edited, shown, remembered
    SECRET = "secret"  # edited, neither shown nor remembered
    KEYS = "keys"  # each is an event of its own, nothing is shown


@dataclass(frozen=True, slots=True)
class LineEntered:
    """The person ended a line; `text` is printable ASCII, without the line end."""

    text: str


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Ctrl-C. The line typed so far is gone."""


@dataclass(frozen=True, slots=True)
class KeyPressed:
    r"""One key in KEYS mode: a printable character, or "\r" for Enter."""

    char: str


Event = LineEntered | Interrupted | KeyPressed


class _Key(enum.Enum):
    ENTER = enum.auto()
    ERASE = enum.auto()
    DELETE = enum.auto()
    INTERRUPT = enum.auto()
    CLEAR = enum.auto()
    ERASE_WORD = enum.auto()
    CUT_TAIL = enum.auto()
    HOME = enum.auto()
    END = enum.auto()
    LEFT = enum.auto()
    RIGHT = enum.auto()
    OLDER = enum.auto()
    NEWER = enum.auto()
    REDRAW = enum.auto()


_CONTROL_KEYS: Final = {
    0x01: _Key.HOME,  # Ctrl-A
    0x03: _Key.INTERRUPT,  # Ctrl-C
    0x04: _Key.DELETE,  # Ctrl-D
    0x05: _Key.END,  # Ctrl-E
    0x08: _Key.ERASE,  # BS
    0x0A: _Key.ENTER,  # LF
    0x0B: _Key.CUT_TAIL,  # Ctrl-K
    0x0C: _Key.REDRAW,  # Ctrl-L
    0x0D: _Key.ENTER,  # CR
    0x15: _Key.CLEAR,  # Ctrl-U
    0x17: _Key.ERASE_WORD,  # Ctrl-W
    0x7F: _Key.ERASE,  # DEL
}

_SEQUENCE_KEYS: Final = {
    b"A": _Key.OLDER,
    b"B": _Key.NEWER,
    b"C": _Key.RIGHT,
    b"D": _Key.LEFT,
    b"H": _Key.HOME,
    b"F": _Key.END,
    b"1~": _Key.HOME,
    b"7~": _Key.HOME,
    b"4~": _Key.END,
    b"8~": _Key.END,
    b"3~": _Key.DELETE,
}

_CR, _LF, _BEL, _ESC = 0x0D, 0x0A, 0x07, 0x1B


class _Seq(enum.Enum):
    """Where a byte stands within an escape sequence (ECMA-48, 5.4 and 5.6)."""

    GROUND = enum.auto()
    AFTER_CR = enum.auto()  # a LF now belongs to the line end already reported
    ESC = enum.auto()
    CSI = enum.auto()
    SS3 = enum.auto()
    STRING = enum.auto()  # OSC, DCS, SOS, PM, APC: until BEL or ST
    STRING_ESC = enum.auto()


class KeyDecoder:
    """Bytes into keys; escape sequences that mean nothing to us, whole or cut, into nothing."""

    # Enough for every sequence in _SEQUENCE_KEYS; longer ones are swallowed uncounted.
    _MAX_PARAMETERS = 2

    def __init__(self) -> None:
        self._seq = _Seq.GROUND
        self._parameters = b""

    def reset(self) -> None:
        """Forget a sequence that stands open."""
        self._seq = _Seq.GROUND

    def feed(self, value: int) -> _Key | str | None:
        """The key that this byte completes, if any; a str is one printable character."""
        if value in (0x03, _CR, _LF):
            # Never part of a sequence: whatever stood open was cut, and a person must
            # always be able to end it.
            return self._end_or_interrupt(value)
        match self._seq:
            case _Seq.GROUND | _Seq.AFTER_CR:
                return self._ground(value)
            case _Seq.ESC:
                self._after_esc(value, otherwise=_Seq.GROUND)
            case _Seq.CSI | _Seq.SS3:
                return self._sequence(value)
            case _Seq.STRING if value == _BEL:
                self._seq = _Seq.GROUND
            case _Seq.STRING if value == _ESC:
                self._seq = _Seq.STRING_ESC
            case _Seq.STRING_ESC if value == 0x5C:
                self._seq = _Seq.GROUND
            case _Seq.STRING_ESC:
                self._after_esc(value, otherwise=_Seq.STRING)
        return None

    def _after_esc(self, value: int, otherwise: _Seq) -> None:
        self._parameters = b""
        if 0x20 <= value < 0x30:
            self._seq = _Seq.ESC  # an intermediate byte, as in ESC ( B
        else:
            self._seq = _AFTER_ESC.get(value, otherwise)

    def _end_or_interrupt(self, value: int) -> _Key | None:
        second_half = value == _LF and self._seq is _Seq.AFTER_CR
        self._seq = _Seq.AFTER_CR if value == _CR else _Seq.GROUND
        return None if second_half else _CONTROL_KEYS[value]

    def _ground(self, value: int) -> _Key | str | None:
        self._seq = _Seq.ESC if value == _ESC else _Seq.GROUND
        if 0x20 <= value < 0x7F:
            return chr(value)
        return _CONTROL_KEYS.get(value)

    def _sequence(self, value: int) -> _Key | None:
        if value == _ESC:
            self._seq = _Seq.ESC
            return None
        if 0x20 <= value < 0x40:
            self._parameters = (self._parameters + bytes([value]))[: self._MAX_PARAMETERS]
            return None
        if not 0x40 <= value < 0x7F:
            return None
        if value == 0x5B and self._seq is _Seq.CSI and not self._parameters:
            self._seq = _Seq.SS3  # the Linux console's function keys: ESC [ [ A
            self._parameters = b"["
            return None
        self._seq = _Seq.GROUND
        return _SEQUENCE_KEYS.get(self._parameters + bytes([value]))


_AFTER_ESC: Final = {
    0x1B: _Seq.ESC,
    0x5B: _Seq.CSI,  # ESC [
    0x4F: _Seq.SS3,  # ESC O
    0x5D: _Seq.STRING,  # ESC ]  operating system command
    0x50: _Seq.STRING,  # ESC P  device control string
    0x58: _Seq.STRING,  # ESC X  start of string
    0x5E: _Seq.STRING,  # ESC ^  privacy message
    0x5F: _Seq.STRING,  # ESC _  application program command
}


class LineEditor:
    """One line being typed, with its history. Memory is bounded whatever comes in."""

    def __init__(self) -> None:
        self._decoder = KeyDecoder()
        self._mode = EditorMode.KEYS
        self._prompt = ""
        self._line: list[str] = []
        self._cursor = 0
        self._first_shown = 0
        self._columns_used = 0
        self._history: list[str] = []
        self._recalled = 0
        self._draft = ""
        self._echo = bytearray()

    @property
    def line(self) -> str:
        """What stands typed."""
        return "".join(self._line)

    def start(self, mode: EditorMode, prompt: str = "") -> None:
        """Begin an empty line in `mode`; `prompt` is what redrawing puts in front of it."""
        self._mode = mode
        self._prompt = prompt
        self._forget_line()

    def noise(self) -> None:
        """What came was not typed by a person: drop the line so far, say nothing."""
        self._decoder.reset()
        self._forget_line()

    def forget_history(self) -> None:
        """For the next person, who is not to see this one's lines."""
        self._history.clear()
        self._recalled = 0

    def echo(self) -> bytes:
        """The bytes to send since the last call."""
        out = bytes(self._echo)
        self._echo.clear()
        return out

    def feed(self, data: bytes) -> list[Event]:
        """Take bytes of the person; never raises. Bytes that are no key are ignored."""
        events: list[Event] = []
        for value in data:
            key = self._decoder.feed(value)
            if key is None:
                continue
            event = self._in_keys_mode(key) if self._mode is EditorMode.KEYS else self._edit(key)
            if event is not None:
                events.append(event)
        return events

    def _in_keys_mode(self, key: _Key | str) -> Event | None:
        if isinstance(key, str):
            return KeyPressed(key)
        if key is _Key.INTERRUPT:
            return Interrupted()
        return KeyPressed("\r") if key is _Key.ENTER else None

    def _edit(self, key: _Key | str) -> Event | None:
        match key:
            case str():
                self._insert(key)
            case _Key.ENTER:
                return self._enter()
            case _Key.INTERRUPT:
                self._echo += b"^C\r\n"
                self._forget_line()
                return Interrupted()
            case _Key.ERASE:
                self._erase(self._cursor - 1, self._cursor)
            case _Key.DELETE:
                self._erase(self._cursor, self._cursor + 1)
            case _Key.CLEAR:
                self._erase(0, len(self._line))
            case _Key.ERASE_WORD:
                self._erase(self._word_start(), self._cursor)
            case _Key.CUT_TAIL:
                self._erase(self._cursor, len(self._line))
            case _Key.HOME:
                self._move(0)
            case _Key.END:
                self._move(len(self._line))
            case _Key.LEFT:
                self._move(self._cursor - 1)
            case _Key.RIGHT:
                self._move(self._cursor + 1)
            case _Key.OLDER:
                self._recall(self._recalled - 1)
            case _Key.NEWER:
                self._recall(self._recalled + 1)
            case _Key.REDRAW:
                self._echo += b"\r\n"
                self._columns_used = 0
                if self._mode is EditorMode.SECRET:
                    self._echo += self._prompt.encode()
                self._redraw()
        return None

    def _enter(self) -> LineEntered:
        text = self.line
        self._echo += b"\r\n"
        remember = self._mode is EditorMode.LINE and text.strip()
        if remember and self._history[-1:] != [text]:
            self._history.append(text)
            del self._history[:-HISTORY_LINES]
        self._forget_line()
        return LineEntered(text)

    def _forget_line(self) -> None:
        self._line.clear()
        self._cursor = self._first_shown = self._columns_used = 0
        self._recalled = len(self._history)
        self._draft = ""

    def _insert(self, char: str) -> None:
        if len(self._line) >= MAX_LINE_CHARS:
            self._echo += b"\a"
            return
        self._line.insert(self._cursor, char)
        self._cursor += 1
        at_end = self._cursor == len(self._line)
        if at_end and self._cursor - self._first_shown <= self._room():
            self._columns_used += 1
            self._show(char)
        else:
            self._redraw()

    def _erase(self, start: int, end: int) -> None:
        start, end = max(start, 0), min(end, len(self._line))
        if start >= end:
            return
        last_only = end - start == 1 and end == self._cursor == len(self._line)
        del self._line[start:end]
        self._cursor = start
        if last_only and (start > self._first_shown or start == 0):
            self._columns_used -= 1
            self._show("\b \b")
        else:
            self._redraw()

    def _word_start(self) -> int:
        start = self._cursor
        while start > 0 and self._line[start - 1] == " ":
            start -= 1
        while start > 0 and self._line[start - 1] != " ":
            start -= 1
        return start

    def _move(self, target: int) -> None:
        if 0 <= target <= len(self._line) and target != self._cursor:
            self._cursor = target
            self._redraw()

    def _recall(self, index: int) -> None:
        if self._mode is not EditorMode.LINE or not 0 <= index <= len(self._history):
            return
        if self._recalled == len(self._history):
            self._draft = self.line
        self._recalled = index
        text = self._draft if index == len(self._history) else self._history[index]
        self._line[:] = text
        self._cursor = len(self._line)
        self._redraw()

    def _room(self) -> int:
        # The last column stays free: writing there wraps on some terminals, and not on others.
        return COLUMNS - 1 - len(self._prompt)

    def _redraw(self) -> None:
        room = self._room()
        if not 0 <= self._cursor - self._first_shown <= room or self._cursor == self._first_shown:
            # Half a row at once, so that going on does not repaint at every key.
            self._first_shown = max(self._cursor - room // 2, 0)
        shown = "".join(self._line[self._first_shown : self._first_shown + room])
        blanks = max(self._columns_used - len(shown), 0)
        back = blanks + len(shown) - (self._cursor - self._first_shown)
        self._columns_used = len(shown)
        self._show("\r" + self._prompt + shown + " " * blanks + "\b" * back)

    def _show(self, text: str) -> None:
        if self._mode is EditorMode.LINE:
            self._echo += text.encode()
