"""Screen: a whole terminal to paint on, by lines; what did not change is not sent again.

Needs a terminal that knows ECMA-48 and xterm's alternate screen, as all of the last decades do
and `dumb` does not. What was on it before is there again afterwards.
"""

import os
import shutil
import sys
from typing import NamedTuple

from guardpost.cli.cells import fit

__all__ = ["Screen", "Text", "can_paint", "knows_blocks"]

_STYLES = {"": "", "bold": "\x1b[1m", "dim": "\x1b[2m", "reverse": "\x1b[7m"}
ENTER = b"\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"  # alternate screen, no cursor, no wrapping, ED
LEAVE = b"\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"


class Text(NamedTuple):
    """A line of printable characters."""

    text: str
    style: str = ""


class Screen:
    """paint() gives the bytes that make the terminal show some lines."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._shown: list[Text | None] = []
        self._size = (0, 0)

    def forget(self) -> None:
        """Nobody knows what the terminal shows: the next paint() paints everything."""
        self._size = (0, 0)

    def paint(self, lines: list[Text], columns: int, rows: int) -> bytes:
        """Show `lines`, the first at the top; empty where they show already."""
        out = []
        if self._size != (columns, rows):
            self._size = (columns, rows)
            self._shown = [None] * rows
            out.append("\x1b[0m\x1b[2J")
        for row in range(rows):
            line = lines[row] if row < len(lines) else Text("")
            line = Text(fit(line.text, columns, fill=line.style == "reverse"), line.style)
            if self._shown[row] != line:
                self._shown[row] = line
                style = _STYLES[line.style]
                reset = "\x1b[0m" if style else ""
                # Erase after writing and not before: a line that changes never goes dark.
                out.append(f"\x1b[{row + 1}H{style}{line.text}{reset}\x1b[K")
        return "".join(out).encode(self._encoding, "replace")


def can_paint() -> bool:
    """Whether standard input and output are such a terminal."""
    is_terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    return is_terminal and sys.platform != "win32" and os.environ.get("TERM", "dumb") != "dumb"


def knows_blocks(encoding: str) -> bool:
    """Whether there are block characters for sparklines."""
    try:
        "▁█├".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def size() -> tuple[int, int]:
    """Columns and rows of the terminal, now."""
    found = shutil.get_terminal_size()
    return found.columns, found.lines
