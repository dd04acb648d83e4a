"""The four plots of docs/, from the points in bench/results.

python -m bench.plots

Each answers one question; `python -m bench.sweeps` measures the points.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import ROOT, results
from bench.svg import Axis, Chart, Line

__all__ = ["PLOTS", "draw"]

DOCS = ROOT / "docs"

Found = dict[str, Any]

NAMES = {
    "guardpost": "guardpost",
    "zmodem-1k": "ZMODEM",
    "gensio": "gensio",
    "gensio-mux": "gensio mux",
    "ssh": "ssh over socat",
    "ppp-1500": "PPP + TCP",
}

SHARES = {float(share): f"{share} %" for share in (0, 20, 40, 60, 80, 100)}


def _where(found: Found) -> str:
    return f"{found['measured'].split()[0]}, {found['machine'].split(', ')[0]}; a simulated line"


def goodput_against_loss(found: Found) -> Chart:
    """`clean` stands a decade left of the smallest chance."""
    ticks = {1e-6: "none", 1e-5: "1e-5", 1e-4: "1e-4", 1e-3: "1e-3", 1e-2: "1e-2"}
    lines = []
    for peer, points in found["points"].items():
        shown = [(max(chance, 1e-6), share) for chance, share in points["shares"]]
        lines.append(Line(NAMES[peer], shown, points["ends"]))
    return Chart(
        "How much arrives when bytes are lost?",
        f"115200 baud, bulk near to far. {_where(found)}",
        Axis("chance of each byte to vanish, both ways", ticks, logarithmic=True),
        Axis("application bytes, % of the line", SHARES),
        lines,
    )


def latency_against_load(found: Found) -> Chart:
    milliseconds = {1: "1 ms", 10: "10 ms", 100: "100 ms", 1e3: "1 s", 1e4: "10 s", 1e5: "100 s"}
    lines = []
    for peer, points in found["points"].items():
        lines.append(Line(NAMES[peer], [(load, p50) for load, p50, _ in points]))
        lines.append(Line("", [(load, p95) for load, _, p95 in points]))
    return Chart(
        "How long does a keystroke take while bulk is carried?",
        f"115200 baud, p50 and (dashed) p95. {_where(found)}",
        Axis("bulk offered, % of the line (100: all that goes)", SHARES),
        Axis("there and back", milliseconds, logarithmic=True),
        lines,
    )


def throughput_against_line_rate(found: Found) -> Chart:
    rates = {9600: "9600", 38400: "38400", 115200: "115200", 460800: "460800", 2e6: "2 M"}
    lines = [Line(NAMES[peer], points) for peer, points in found["points"].items()]
    return Chart(
        "How much of the line do applications get?",
        f"Bulk near to far, nothing lost. {_where(found)}",
        Axis("line rate, baud", rates, logarithmic=True),
        Axis("application bytes, % of the line", SHARES),
        lines,
    )


def cost_against_channels(found: Found) -> Chart:
    highest = max(cost for points in found["points"].values() for _, cost in points)
    step = next(each for each in (20, 50, 100, 200, 500, 1000, 5000) if each * 6 >= highest)
    costs = {float(step * n): f"{step * n}" for n in range(int(highest // step) + 2)}
    lines = [Line(NAMES[peer], points) for peer, points in found["points"].items()]
    return Chart(
        "What does it cost to carry many connections at once?",
        f"4 Mbit/s, 1 MB in all. {_where(found)}",
        Axis("connections at once", {n: f"{n:g}" for n in (1, 4, 16, 64)}, logarithmic=True),
        Axis("CPU of all processes, ms per MB", costs),
        lines,
    )


PLOTS: dict[str, tuple[str, Callable[[Found], Chart]]] = {
    "goodput-against-loss": ("loss", goodput_against_loss),
    "latency-against-load": ("load", latency_against_load),
    "throughput-against-line-rate": ("rate", throughput_against_line_rate),
    "cost-against-channels": ("channels", cost_against_channels),
}


def draw(folder: Path = DOCS) -> list[Path]:
    """Returns what was written."""
    written = []
    for name, (source, chart) in PLOTS.items():
        path = folder / f"{name}.svg"
        path.write_text(chart(results.load(source)).svg(), encoding="utf-8")
        written.append(path)
    return written


if __name__ == "__main__":
    for path in draw():
        print(path.relative_to(ROOT))
