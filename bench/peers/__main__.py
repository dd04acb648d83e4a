"""python -m bench.peers [--quick] [NAME ...]: peers side by side, round by round, shuffled."""

import argparse
import random
import subprocess
import sys
from collections.abc import Callable

from bench import results
from bench.peers import PEERS
from bench.peers.peer import Peer
from bench.peers.report import losses, row, summary, table
from bench.peers.visit import Visit, visit, visit_lossy

__all__ = ["measured_table"]

ROUNDS = 3
BULK_BYTES = 60_000
LOSS = "1e-4"

HOW = (
    "python -m bench.peers: `guardpost line` at 115200 (11520 B/s) between two ptys, a fresh one "
    f"for each visit; {BULK_BYTES} random bytes near to far; application bytes, first to last; "
    "round trips of one byte; CPU of all processes of both sides while bulk is carried"
)


def measured_table(names: list[str], rounds: int, *, keep: bool) -> str:
    """Markdown; `keep` stores the figures in bench/results."""
    peers = [PEERS[name] for name in names]
    present = [peer for peer in peers if not peer.missing()]
    clean: dict[str, list[Visit]] = {peer.name: [] for peer in peers}
    lossy: dict[str, list[Visit]] = {peer.name: [] for peer in peers}
    for number in range(rounds):
        for peer in random.sample(present, len(present)):
            _say(f"round {number + 1} of {rounds}: {peer.name}")
            clean[peer.name].append(_tried(visit, peer, BULK_BYTES))
            lossy[peer.name].append(_tried(visit_lossy, peer, BULK_BYTES, LOSS, number + 1))
    text = table([row(peer, clean[peer.name], lossy[peer.name]) for peer in peers])
    if keep:
        points = {p.name: _points(p, clean[p.name], lossy[p.name]) for p in peers}
        results.save("peers", f"{HOW}; {rounds} rounds", points, table=text)
    return text


def _tried(measure: Callable[..., Visit], *arguments: object) -> Visit:
    """A peer that fails to start must not end the run of all others; the table says so."""
    try:
        return measure(*arguments)
    except (OSError, AssertionError, subprocess.SubprocessError) as error:
        return Visit(said=f"{type(error).__name__}: {error}")


def _points(peer: Peer, clean: list[Visit], lossy: list[Visit]) -> dict[str, object]:
    outcomes = [each.outcome for each in lossy if each.outcome is not None]
    return summary(peer, clean) | {"lossy": losses(outcomes), "missing": peer.missing()}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PEERS))
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("--keep", action="store_true", help="store the figures in bench/results")
    args = parser.parse_args()
    if unknown := [name for name in args.names if name not in PEERS]:
        parser.error(f"no such peer: {' '.join(unknown)}; there are {', '.join(PEERS)}")
    rounds = 1 if args.quick else ROUNDS
    print(measured_table(args.names or list(PEERS), rounds, keep=args.keep))


if __name__ == "__main__":
    main()
