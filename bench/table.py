"""Rows of figures, and the one table they are printed in."""

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Row", "markdown", "percentile"]


@dataclass(frozen=True)
class Row:
    """`wanted` is the figure to reach, in words; `command` reproduces this row alone."""

    what: str
    figure: str
    wanted: str
    reached: bool | None
    command: str


def markdown(rows: Iterable[Row]) -> str:
    lines = ["| what | measured | to reach | | command |", "|---|---|---|---|---|"]
    for row in rows:
        mark = {True: "yes", False: "**no**", None: ""}[row.reached]
        lines.append(f"| {row.what} | {row.figure} | {row.wanted} | {mark} | `{row.command}` |")
    return "\n".join(lines)


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` (0 .. 1) of `values` lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
