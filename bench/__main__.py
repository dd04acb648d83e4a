"""Everything that is measured, in two tables: `make bench`.

python -m bench [--quick] [--keep]
"""

import argparse
import sys
from collections.abc import Callable, Mapping

from bench import compression, cpu, line, results, scale, start, unlimited, way
from bench.codec import codec
from bench.peers import PEERS
from bench.peers.__main__ import ROUNDS, measured_table
from bench.table import Row, markdown

SECTIONS: Mapping[str, Mapping[str, Callable[[], list[Row]]]] = {
    "line": line.ROWS,
    "unlimited": unlimited.ROWS,
    "way": way.ROWS,
    "cpu": cpu.ROWS,
    "compression": compression.ROWS,
    "start": start.ROWS,
    "scale": scale.ROWS,
    "codec": {"codec": codec},
}


def _tried(command: str, measure: Callable[[], list[Row]]) -> list[Row]:
    """What fails must not end the run of all others; the table says so."""
    try:
        return measure()
    except Exception as error:
        return [Row(command, f"failed: {type(error).__name__}: {error}", "", False, command)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure everything.")
    parser.add_argument("--quick", action="store_true", help="one round of the peers, not three")
    parser.add_argument("--keep", action="store_true", help="store the figures in bench/results")
    args = parser.parse_args()
    peers = measured_table(list(PEERS), 1 if args.quick else ROUNDS, keep=args.keep)
    rows: list[Row] = []
    for section, measures in SECTIONS.items():
        for name, measure in measures.items():
            print(f"measuring {section} {name}", file=sys.stderr, flush=True)
            rows += _tried(f"python -m bench.{section} {name}", measure)
    text = markdown(rows)
    if args.keep:
        points = [[row.what, row.figure, row.wanted, row.reached] for row in rows]
        results.save("rows", "python -m bench", points, table=text)
    print(f"On {results.machine()}.\n\n{peers}\n\n{text}")


if __name__ == "__main__":
    main()
