"""Makes foreign bytes harmless for a terminal: nothing but visible characters and line ends.

Process names, output of commands, and whatever a line says while nobody speaks
frames are written by strangers. Escape sequences in them could retitle,
reprogram or hang the reader's terminal, so they are shown instead of sent.
"""

import codecs
import re

__all__ = ["TAB_COLUMNS", "SafeStream", "TerminalStream", "safe_bytes", "safe_text"]
__all__ += ["without_sequences"]

TAB_COLUMNS = 8

_SHOWN: list[bytes] = [
    bytes([value]) if 0x20 <= value < 0x7F else b"\\x%02x" % value for value in range(256)
]
_LF, _CR, _TAB = 0x0A, 0x0D, 0x09


def safe_bytes(data: bytes) -> bytes:
    r"""One line of `data`: printable ASCII stays, every other byte becomes `\xNN`."""
    return b"".join([_SHOWN[value] for value in data])


def safe_text(text: str) -> str:
    r"""One line of `text`: what Unicode calls printable stays, the rest becomes an escape.

    Control, bidirectional, private and unassigned characters and line separators
    become `\xNN`, `\uNNNN` or `\UNNNNNNNN`; a byte that surrogateescape carried
    becomes `\xNN` again.
    """
    if text.isprintable():
        return text
    return "".join([char if char.isprintable() else _escaped(ord(char)) for char in text])


def _escaped(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


class SafeStream:
    r"""Many lines, in pieces of any size: the same bytes come out however they were cut.

    LF and CR LF become CR LF, a tab becomes blanks up to the next eighth column,
    everything else is as in `safe_bytes`. A CR alone is shown as `\x0d`, since it
    would let what follows overwrite what was read already.
    """

    def __init__(self) -> None:
        self.column = 0
        self._cr_waits = False

    def feed(self, data: bytes) -> bytes:
        """The part of the stream that `data` completes."""
        out: list[bytes] = []
        for value in data:
            if self._cr_waits and value != _LF:
                self._put(out, _SHOWN[_CR])
            self._cr_waits = value == _CR
            if value == _LF:
                out.append(b"\r\n")
                self.column = 0
            elif value == _TAB:
                self._put(out, b" " * (TAB_COLUMNS - self.column % TAB_COLUMNS))
            elif value != _CR:
                self._put(out, _SHOWN[value])
        return b"".join(out)

    def end(self) -> bytes:
        """What still waited, then a line end unless the stream stands at one."""
        out: list[bytes] = []
        if self._cr_waits:
            self._put(out, _SHOWN[_CR])
        self._cr_waits = False
        if self.column:
            out.append(b"\r\n")
        self.column = 0
        return b"".join(out)

    def _put(self, out: list[bytes], shown: bytes) -> None:
        out.append(shown)
        self.column += len(shown)


# What a terminal's own user wants to reach it: BEL BS TAB LF VT FF CR SO SI ESC.
_FOR_TERMINALS = {*range(0x07, 0x10), 0x1B}
_PADDING = (0x00, 0x7F)
_TAMED: dict[int, str | None] = {
    code: None if code in _PADDING else f"\\x{code:02x}"
    for code in (*range(0x20), *range(0x7F, 0xA0))
    if code not in _FOR_TERMINALS
}


class TerminalStream:
    r"""For a terminal on a line: escape sequences pass, since that is what it is for.

    What is not UTF-8 is shown as `\xNN`, and so are controls that make a terminal answer or sulk
    (ENQ, C1); NUL and DEL, which are padding, go. A character that was cut is held: `held`.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    @property
    def held(self) -> bool:
        return bool(self._decoder.getstate()[0])

    def feed(self, data: bytes) -> bytes:
        """What `data` completes, as UTF-8."""
        return self._decoder.decode(data).translate(_TAMED).encode()

    def release(self) -> bytes:
        """What was held: it is no character after all."""
        return self._decoder.decode(b"", final=True).translate(_TAMED).encode()


_ESCAPE_SEQUENCE = re.compile(
    r"\x1b(?:\[[\x20-\x3f]*[\x40-\x7e]"  # CSI
    r"|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC, DCS, SOS, PM, APC up to BEL or ST
    r"|[\x20-\x2f]*[\x30-\x7e])"
)


def without_sequences(line: str) -> str:
    """`line` without what only a terminal understands, and as in safe_text()."""
    return safe_text(_ESCAPE_SEQUENCE.sub("", line).replace("\t", "    "))
