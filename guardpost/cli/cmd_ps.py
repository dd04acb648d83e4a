"""`guardpost ps TARGET`: the host's processes, as a table, a tree or JSON."""

import argparse
import math
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from guardpost.cli import opening
from guardpost.cli.cells import fit, width_of
from guardpost.cli.json_text import json_text
from guardpost.cli.options import add_console_options
from guardpost.cli.process_columns import (
    COLUMNS,
    DEFAULT,
    columns_named,
    matches,
    order_named,
    ordered,
    os_text,
)
from guardpost.cli.process_tree import branches_for, kin, tree
from guardpost.errors import UsageError

if TYPE_CHECKING:
    from guardpost.aio.channel import Opener
    from guardpost.services.processes import Process

__all__ = ["configure", "run"]

# What a narrow terminal does without, in this order, until the command has some room.
DROPPED_FIRST = ("started", "state", "user", "cpu", "rss")
COMMAND_COLUMNS = 20
GAP = "  "


def configure(parser: argparse.ArgumentParser) -> None:
    add_console_options(parser, json=True)
    names = ", ".join(COLUMNS)
    parser.add_argument(
        "--sort",
        default="pid",
        metavar="COLUMN",
        help="by this column (pid); cpu, rss, threads: most first; --sort=-COLUMN: reversed",
    )
    parser.add_argument(
        "--filter", metavar="TEXT", help="only with TEXT in command or user, or this pid"
    )
    parser.add_argument(
        "--tree", action="store_true", help="children under their parents; a filter keeps those"
    )
    parser.add_argument(
        *("-o", "--columns"),
        metavar="LIST",
        help=f"these columns and no others, separated by commas: {names}",
    )
    parser.add_argument(
        *("-w", "--wide"), action="store_true", help="whole lines, however wide the terminal is"
    )
    parser.add_argument("target", metavar="TARGET")


def run(args: argparse.Namespace) -> int:
    try:
        order = order_named(args.sort)
        columns = columns_named(args.columns) if args.columns else None
    except ValueError as error:
        raise UsageError(f"ps: {error}") from None

    async def work(opener: "Opener") -> int:
        from guardpost.services import processes

        table = ordered(await processes.list_processes(opener), order)
        if args.filter is not None:
            chosen = [each for each in table if matches(each, args.filter)]
            table = kin(table, chosen) if args.tree else chosen
        if args.json:
            print(as_json(table))
            return 0
        width = None if args.wide else terminal_width()
        print("\n".join(as_lines(table, width, columns, as_tree=args.tree)))
        return 0

    return opening.run_with(args, work)


def terminal_width() -> int | None:
    """Columns of the terminal; None when the output is no terminal, and nothing is cut."""
    if not sys.stdout.isatty():
        return None
    import shutil

    return shutil.get_terminal_size().columns


def as_lines(
    table: "list[Process]",
    width: int | None,
    columns: Sequence[str] | None = None,
    *,
    as_tree: bool = False,
) -> list[str]:
    """Headings and rows; at most `width` wide, for which DEFAULT columns go if need be."""
    names = list(columns or DEFAULT)
    shown = tree(table, branches_for(sys.stdout.encoding)) if as_tree else [("", e) for e in table]
    rows = [
        [COLUMNS[name].heading for name in names],
        *(cells(each, names, drawn) for drawn, each in shown),
    ]
    widths = [max(width_of(row[place]) for row in rows) for place in range(len(names))]
    if width is not None and columns is None:
        for place in _left_out(names, widths, width):
            del names[place], widths[place]
            for row in rows:
                del row[place]
    return [_line(row, names, widths, width) for row in rows]


def _left_out(names: list[str], widths: list[int], width: int) -> list[int]:
    """The places of the columns to leave out, the last first."""
    left, out = sum(widths[:-1]) + len(GAP) * (len(names) - 1), []
    for name in DROPPED_FIRST:
        if left + COMMAND_COLUMNS <= width:
            break
        place = names.index(name)
        out.append(place)
        left -= widths[place] + len(GAP)
    return sorted(out, reverse=True)


def _line(row: list[str], names: list[str], widths: list[int], width: int | None) -> str:
    texts = [
        fit(text, size, right=COLUMNS[name].right)
        for text, name, size in zip(row[:-1], names, widths, strict=False)
    ]
    last = fit(row[-1], widths[-1], right=True) if COLUMNS[names[-1]].right else row[-1]
    line = GAP.join([*texts, last])
    return line if width is None else fit(line, width, fill=False)


def cells(process: "Process", names: Sequence[str] = DEFAULT, drawn: str = "") -> list[str]:
    """The texts of one row; `drawn` stands before what tells what runs, if that is shown."""
    tree_column = next((each for each in ("command", "name") if each in names), "")
    found = []
    for name in names:
        text = _text(name, process)
        found.append(drawn + text if name == tree_column else text)
    return found


def _text(name: str, process: "Process") -> str:
    value = COLUMNS[name].value(process)
    # An agent may say infinity, and nobody can show that as minutes.
    is_unknown = value is None or (isinstance(value, float) and not math.isfinite(value))
    return "-" if is_unknown else COLUMNS[name].text(value)


def as_json(table: "list[Process]") -> str:
    """Bytes that are not UTF-8 appear as the escapes U+DC80 to U+DCFF (surrogateescape)."""
    rows = [
        {
            "pid": each.pid,
            "ppid": each.ppid,
            "user": each.user,
            "state": each.state,
            "started": each.started,
            "cpu_seconds": each.cpu_seconds,
            "rss_bytes": each.rss_bytes,
            "threads": each.threads,
            "nice": each.nice,
            "name": each.name,
            "argv": None if each.argv is None else [os_text(word) for word in each.argv],
        }
        for each in table
    ]
    return json_text({"schema": 1, "processes": rows})
