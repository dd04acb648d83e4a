"""A row of values as a row of characters, the newest at the right."""

from collections.abc import Sequence

__all__ = ["sparkline"]

_BLOCKS = "▁▂▃▄▅▆▇█"
_ASCII = "_.-:=+*#"


def sparkline(values: Sequence[float], columns: int, *, unicode: bool) -> str:
    """The last `columns` of `values`, each 0 to 1, filled up with blanks at the left."""
    marks = _BLOCKS if unicode else _ASCII
    shown = values[-columns:] if columns > 0 else []
    drawn = [marks[min(len(marks) - 1, max(0, int(value * len(marks))))] for value in shown]
    return "".join(drawn).rjust(max(0, columns))
