"""What the visits of all rounds amount to, a row for each peer."""

import statistics
from collections.abc import Sequence
from typing import Any

from bench.peers.peer import Peer
from bench.peers.visit import Visit
from bench.table import percentile
from bench.transfer import Outcome

__all__ = ["losses", "row", "summary", "table"]

LINE_BYTES_PER_SECOND = 11520

HEADS = (
    *("peer", "goodput, B/s", "key idle, ms", "key under bulk, ms", "first byte, s"),
    *("CPU", "RSS, MB", "1e-4 of the bytes lost", "command"),
)


def table(rows: Sequence[Sequence[str]]) -> str:
    lines = [HEADS, ["---"] * len(HEADS), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def row(peer: Peer, clean: Sequence[Visit], lossy: Sequence[Visit]) -> list[str]:
    command = f"`python -m bench.peers {peer.name}`"
    if missing := peer.missing():
        return [peer.what, f"not run: apt install {' '.join(missing)}", *[""] * 6, command]
    found = summary(peer, clean)
    goodput = found["goodput"]
    return [
        peer.what,
        _why_not(clean) if goodput is None else f"{goodput:,.0f}".replace(",", " "),
        _pair(found["idle"]),
        _pair(found["busy"]) + _beside(found),
        "-" if found["first_byte"] is None else f"{found['first_byte']:.2f}",
        "-" if found["cpu"] is None else f"{100 * found['cpu']:.1f} %",
        "-" if not found["near_mb"] else f"{found['near_mb']:.0f} + {found['far_mb']:.0f}",
        losses([visit.outcome for visit in lossy if visit.outcome is not None]),
        command,
    ]


def summary(peer: Peer, visits: Sequence[Visit]) -> dict[str, Any]:
    """Medians over the visits; percentiles over all keystrokes of all of them."""
    intact = [v.outcome.bytes_per_second for v in visits if v.outcome and v.outcome.intact]
    idle = [each for visit in visits for each in visit.idle]
    busy = [each for visit in visits for each in visit.busy]
    return {
        "goodput": _median(intact),
        "goodputs": [round(each) for each in intact],
        "idle": _percentiles(idle),
        "busy": _percentiles(busy),
        "busy_goodput": _median([v.busy_bytes_per_second for v in visits]),
        "first_byte": _median([v.first_byte_seconds for v in visits]),
        "cpu": _median([v.cpu_share for v in visits]) if peer.charged else None,
        "near_mb": max((v.near_bytes for v in visits), default=0) / 1e6 * peer.charged,
        "far_mb": max((v.far_bytes for v in visits), default=0) / 1e6 * peer.charged,
    }


def _why_not(visits: Sequence[Visit]) -> str:
    """Not one transfer arrived."""
    for visit in visits:
        if visit.said or visit.outcome:
            return visit.said or str(visit.outcome)
    return "-"


def losses(outcomes: Sequence[Outcome]) -> str:
    """In words: what became of the transfers."""
    kinds: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        kinds.setdefault("intact" if outcome.intact else str(outcome).split()[0], []).append(
            outcome
        )
    return "; ".join(_kind(name, found, len(outcomes)) for name, found in sorted(kinds.items()))


def _kind(name: str, found: Sequence[Outcome], of: int) -> str:
    often = "" if len(found) == of else f" ({len(found)} of {of})"
    if name == "intact":
        rate = statistics.median(each.bytes_per_second for each in found)
        return f"intact, {rate:,.0f} B/s{often}".replace(",", " ").replace("intact ", "intact,")
    if name == "wrong":
        return f"wrong bytes{often}"
    arrived = sorted(each.arrived for each in found)
    if not arrived[-1]:
        return f"{name}, nothing arrives{often}"
    span = f"{arrived[0] / 1000:.1f}"
    if len(arrived) > 1:
        span += f" to {arrived[-1] / 1000:.1f}"
    return f"{name} after {span} kB{often}"


def _beside(found: dict[str, Any]) -> str:
    if found["busy"] is None or found["busy_goodput"] is None:
        return ""
    return f" at {100 * found['busy_goodput'] / LINE_BYTES_PER_SECOND:.0f} %"


def _percentiles(values: Sequence[float]) -> list[float] | None:
    ordered = sorted(values)
    if not ordered:
        return None
    return [round(percentile(ordered, share), 1) for share in (0.5, 0.95)]


def _pair(found: list[float] | None) -> str:
    if found is None:
        return "-"
    return " / ".join(
        f"{each:.0f}" if each < 10_000 else f"{each:,.0f}".replace(",", " ") for each in found
    )


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
