"""Makes foreign bytes harmless for a terminal: nothing but visible characters and line ends.

Process names, output of commands, and whatever a line says while nobody speaks
frames are written by strangers. Escape sequences in them could retitle,
reprogram or hang the reader's terminal, so they are shown instead of sent.
"""

__all__ = ["TAB_COLUMNS", "SafeStream", "safe_bytes", "safe_text"]

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
