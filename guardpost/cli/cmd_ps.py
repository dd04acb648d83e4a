"""`guardpost ps TARGET`: the host's processes, as a table or as JSON."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from guardpost.cli import opening
from guardpost.cli.options import add_console_options
from guardpost.cli.quantities import bytes_text, duration_text
from guardpost.termsafe import safe_text

if TYPE_CHECKING:
    from guardpost.aio.channel import Opener
    from guardpost.services.processes import Process

__all__ = ["configure", "run"]

HEADINGS = ("PID", "USER", "CPU", "RSS", "STATE", "STARTED", "COMMAND")
RIGHT_ALIGNED = (0, 2, 3)
USER_COLUMNS = 16

# Field -> its value, and whether the largest comes first. What is not known comes last.
SORTS: "dict[str, tuple[Callable[[Process], Any], bool]]" = {
    "pid": (lambda each: each.pid, False),
    "user": (lambda each: each.user, False),
    "cpu": (lambda each: each.cpu_seconds, True),
    "rss": (lambda each: each.rss_bytes, True),
    "state": (lambda each: each.state, False),
    "started": (lambda each: each.started, False),
    "command": (lambda each: command(each).lower(), False),
}


def configure(parser: argparse.ArgumentParser) -> None:
    add_console_options(parser, json=True)
    parser.add_argument(
        "--sort",
        choices=SORTS,
        default="pid",
        help="by this column (pid); cpu, rss: most first",
    )
    parser.add_argument(
        "--filter", metavar="TEXT", help="only with TEXT in command or user, or this pid"
    )
    parser.add_argument("target", metavar="TARGET")


def run(args: argparse.Namespace) -> int:
    async def work(opener: "Opener") -> int:
        from guardpost.services import processes

        table = await processes.list_processes(opener)
        if args.filter is not None:
            table = [each for each in table if matches(each, args.filter)]
        table = ordered(table, args.sort)
        print(as_json(table) if args.json else "\n".join(as_lines(table, width())))
        return 0

    return opening.run_with(args, work)


def matches(process: "Process", text: str) -> bool:
    wanted = text.lower()
    words = (command(process), process.name or "", process.user or "")
    return text == str(process.pid) or any(wanted in word.lower() for word in words)


def ordered(table: "list[Process]", field: str) -> "list[Process]":
    value, largest_first = SORTS[field]
    known = [each for each in table if value(each) is not None]
    unknown = [each for each in table if value(each) is None]
    return sorted(known, key=value, reverse=largest_first) + unknown


def command(process: "Process") -> str:
    """What runs: the arguments, or the name in brackets where there are none (kernel threads)."""
    if process.argv:
        return " ".join(os_text(word) for word in process.argv).rstrip()
    return f"[{process.name}]" if process.name else "?"


def os_text(word: bytes) -> str:
    return word.decode("utf-8", "surrogateescape")


def width() -> int | None:
    """Columns of the terminal; None when the output is no terminal, and nothing is cut."""
    if not sys.stdout.isatty():
        return None
    import shutil

    return shutil.get_terminal_size().columns


def as_lines(table: "list[Process]", columns: int | None) -> list[str]:
    rows = [HEADINGS, *(cells(each) for each in table)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(HEADINGS))]
    widths[-1] = 0
    lines = []
    for row in rows:
        shown = [
            cell.rjust(size) if place in RIGHT_ALIGNED else cell.ljust(size)
            for place, (cell, size) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(shown)[:columns])
    return lines


def cells(process: "Process") -> tuple[str, ...]:
    cpu, rss = process.cpu_seconds, process.rss_bytes
    return (
        str(process.pid),
        safe_text(process.user or "-")[:USER_COLUMNS],
        "-" if cpu is None else duration_text(cpu),
        "-" if rss is None else bytes_text(rss),
        safe_text(process.state or "-"),
        "-" if process.started is None else started_text(process.started, time.time()),
        safe_text(command(process)),
    )


def started_text(started: float, now: float) -> str:
    """Local time for what is younger than a day, otherwise the date."""
    try:
        then = time.localtime(started)
    except (OverflowError, OSError, ValueError):
        return "-"  # a clock far off
    return time.strftime("%H:%M:%S" if abs(now - started) < 86400 else "%Y-%m-%d", then)


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
            "name": each.name,
            "argv": None if each.argv is None else [os_text(word) for word in each.argv],
        }
        for each in table
    ]
    return json.dumps({"schema": 1, "processes": rows})
