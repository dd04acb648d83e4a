"""Everything that is measured, as one table of the peers and one for each section: `make bench`.

python -m bench [--quick] [--keep] [SECTION ...]
"""

import argparse
import sys
from collections.abc import Callable, Mapping

from bench import (
    boot,
    compression,
    copy,
    counterparts,
    cpu,
    frozen,
    guest_line,
    line,
    queue,
    rdp,
    results,
    scale,
    shell,
    start,
    unlimited,
    way,
)
from bench.codec import codec
from bench.peers import PEERS
from bench.peers.__main__ import ROUNDS, measured_table
from bench.table import Row, markdown

Measures = Mapping[str, Callable[[], list[Row]]]

SECTIONS: Mapping[str, Measures] = {
    "line": line.ROWS,
    "shell": shell.ROWS,
    "queue": queue.ROWS,
    "unlimited": unlimited.ROWS,
    "way": way.ROWS,
    "counterparts": counterparts.ROWS,
    "guest_line": guest_line.ROWS,
    "cpu": cpu.ROWS,
    "compression": compression.ROWS,
    "copy": copy.ROWS,
    "rdp": rdp.ROWS,
    "start": start.ROWS,
    "boot": boot.ROWS,
    "scale": scale.ROWS,
    "frozen": frozen.ROWS,
    "codec": {"": codec},
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure everything.")
    parser.add_argument(
        "sections", nargs="*", metavar="SECTION", help=f"peers, {', '.join(SECTIONS)}"
    )
    parser.add_argument("--quick", action="store_true", help="one round of the peers, not three")
    parser.add_argument("--keep", action="store_true", help="store the figures in bench/results")
    args = parser.parse_args()
    if unknown := [name for name in args.sections if name not in ("peers", *SECTIONS)]:
        parser.error(f"no such section: {' '.join(unknown)}")
    tables = []
    for name in args.sections or ["peers", *SECTIONS]:
        if name == "peers":
            rounds = 1 if args.quick else ROUNDS
            tables.append(measured_table(list(PEERS), rounds, keep=args.keep))
        else:
            tables.append(_section(name, SECTIONS[name], keep=args.keep))
    print(f"On {results.machine()}.\n\n" + "\n\n".join(tables))


def _section(name: str, measures: Measures, *, keep: bool) -> str:
    rows: list[Row] = []
    for part, measure in measures.items():
        command = f"python -m bench.{name} {part}".rstrip()
        print(command, file=sys.stderr, flush=True)
        rows += _tried(command, measure)
    text = markdown(rows)
    if keep:
        points = [[row.what, row.figure, row.wanted, row.reached] for row in rows]
        results.save(name, f"python -m bench {name}", points, table=text)
    return text


def _tried(command: str, measure: Callable[[], list[Row]]) -> list[Row]:
    """What fails must not end the run of all others; the table says so."""
    try:
        return measure()
    except Exception as error:
        return [Row(command, f"failed: {type(error).__name__}: {error}", "", False, command)]


if __name__ == "__main__":
    main()
