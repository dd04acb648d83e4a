"""Charts as SVG, without a library: lines over two axes, each linear or logarithmic.

A chart is drawn to be read on white, at any size, by people who do not see all colours:
each line has its own colour, its own marker and its name beside its end.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

__all__ = ["Axis", "Chart", "Line"]

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 76, 200, 56, 62
NAME_GAP = 15  # between the baselines of two names
NEAR = 80  # a line that ends so near is joined to its name

# Okabe and Ito's eight, without yellow, which white swallows.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#56b4e9", "#e69f00")
MARKERS = ("circle", "square", "diamond", "triangle")


@dataclass(frozen=True)
class Axis:
    """`ticks`: value -> its label. They also say where the axis begins and ends."""

    title: str
    ticks: dict[float, str]
    logarithmic: bool = False

    def share(self, value: float) -> float:
        """0 at the axis' beginning, 1 at its end."""
        low, high, value = (
            self._scaled(each) for each in (min(self.ticks), max(self.ticks), value)
        )
        return (value - low) / (high - low)

    def _scaled(self, value: float) -> float:
        return math.log10(value) if self.logarithmic else value


@dataclass(frozen=True)
class Line:
    """`ends`: what became of it after its last point, where it did not simply end.

    A line without a name belongs to the one before: it has its colour, and is dashed.
    """

    name: str
    points: Sequence[tuple[float, float]]
    ends: str = ""


@dataclass
class Chart:
    title: str
    note: str
    """Small, under the title: where the figures come from."""
    x: Axis
    y: Axis
    lines: list[Line] = field(default_factory=list)

    def svg(self) -> str:
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="{WIDTH}" height="{HEIGHT}" font-family="Helvetica, Arial, sans-serif" '
            f'role="img" aria-label="{escape(self.title, {chr(34): "&quot;"})}">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
            _text(LEFT, 24, self.title, size=16, weight="bold"),
            _text(LEFT, 42, self.note, size=11, colour="#555555"),
            *self._axes(),
        ]
        for line, colour, marker in self._dressed():
            parts += self._line(line, colour, marker)
        return "\n".join([*parts, *self._names(), "</svg>"]) + "\n"

    def _dressed(self) -> Iterator[tuple[Line, str, str]]:
        """Each line with its colour and its marker."""
        number = -1
        for line in self.lines:
            number += bool(line.name)
            yield line, COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]

    def _place(self, point: tuple[float, float]) -> tuple[float, float]:
        across, up = self.x.share(point[0]), self.y.share(point[1])
        return (
            LEFT + across * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM),
        )

    def _axes(self) -> list[str]:
        left, bottom = self._place((min(self.x.ticks), min(self.y.ticks)))
        right, top = self._place((max(self.x.ticks), max(self.y.ticks)))
        parts = []
        for value, label in self.y.ticks.items():
            _, y = self._place((min(self.x.ticks), value))
            parts.append(_stroke(left, y, right, y, "#dddddd"))
            parts.append(_text(left - 8, y + 4, label, anchor="end"))
        for value, label in self.x.ticks.items():
            x, _ = self._place((value, min(self.y.ticks)))
            parts.append(_stroke(x, bottom, x, bottom + 5, "#333333"))
            parts.append(_text(x, bottom + 20, label, anchor="middle"))
        parts.append(_stroke(left, bottom, right, bottom, "#333333"))
        parts.append(_stroke(left, bottom, left, top, "#333333"))
        parts.append(_text((left + right) / 2, bottom + 44, self.x.title, anchor="middle"))
        middle = (top + bottom) / 2
        turned = f'transform="rotate(-90 20 {middle:.1f})"'
        parts.append(_text(20, middle, self.y.title, anchor="middle", more=turned))
        return parts

    def _line(self, line: Line, colour: str, marker: str) -> list[str]:
        places = [self._place(point) for point in line.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        dashes = "" if line.name else ' stroke-dasharray="6 4" opacity="0.7"'
        parts = [
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>'
        ]
        return parts + [_marker(marker, x, y, colour) for x, y in places if line.name]

    def _names(self) -> list[str]:
        """Right of the lines' ends, moved apart where they would lie on each other."""
        named = {line.name: each for each in self._dressed() if (line := each[0]).name}
        wanted = [
            (self._place(line.points[-1])[1], name)
            for name, (line, _, _) in named.items()
            if line.points
        ]
        parts = []
        for y, name in _apart(sorted(wanted), HEIGHT - BOTTOM):
            line, colour, marker = named[name]
            x, end = WIDTH - RIGHT + 30, self._place(line.points[-1])
            if end[0] > WIDTH - RIGHT - NEAR:
                parts.append(_dots(end[0] + 6, end[1], x - 8, y - 4, colour))
            parts.append(_marker(marker, x, y - 4, colour))
            text = f"{name}: {line.ends}" if line.ends else name
            parts.append(_text(x + 9, y, text, colour=colour, weight="bold"))
        return parts


def _apart(wanted: Sequence[tuple[float, str]], lowest: float) -> list[tuple[float, str]]:
    """Baselines, at least NAME_GAP apart and none under `lowest`; from the bottom up."""
    placed: list[tuple[float, str]] = []
    limit = lowest
    for y, name in reversed(wanted):
        y = min(y + 4, limit)
        placed.append((y, name))
        limit = y - NAME_GAP
    return placed[::-1]


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int = 12,
    anchor: str = "start",
    colour: str = "#222222",
    weight: str = "normal",
    more: str = "",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
        f'font-weight="{weight}" fill="{colour}" {more}>{escape(text)}</text>'
    )


def _stroke(x1: float, y1: float, x2: float, y2: float, colour: str, more: str = "") -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{more}/>'
    )


def _dots(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return _stroke(x1, y1, x2, y2, colour, ' stroke-width="0.7" stroke-dasharray="2 3"')


def _marker(kind: str, x: float, y: float, colour: str) -> str:
    if kind == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'
    corners = {
        "square": ((-3.5, -3.5), (3.5, -3.5), (3.5, 3.5), (-3.5, 3.5)),
        "diamond": ((0, -5), (5, 0), (0, 5), (-5, 0)),
        "triangle": ((0, -5), (4.6, 3.6), (-4.6, 3.6)),
    }[kind]
    path = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners)
    return f'<polygon points="{path}" fill="{colour}"/>'
