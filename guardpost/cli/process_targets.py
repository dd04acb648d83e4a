"""What kill and nice share: pids on the command line, and what became of each process."""

import argparse
import json
import sys
from typing import TYPE_CHECKING

from guardpost.termsafe import safe_text

if TYPE_CHECKING:
    from guardpost.services.processes import KillResult

__all__ = ["add_started", "as_json", "pid", "tell"]

EXIT_PARTLY = 1
EXIT_NONE = 255


def add_started(parser: argparse.ArgumentParser) -> None:
    """Sets started: seconds since the epoch, or None."""
    parser.add_argument(
        *("--started",),
        type=float,
        metavar="T",
        help="only a process that started then (seconds, as ps --json says): its number may have "
        "been given to another one",
    )


def pid(text: str) -> int:
    """A process id; raises ValueError, which argparse reports."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError(text)
    return int(text)


def as_json(results: "list[KillResult]") -> str:
    rows = [{"pid": each.pid, "word": each.word, "text": each.text} for each in results]
    return json.dumps({"schema": 1, "results": rows})


def tell(results: "list[KillResult]") -> int:
    """One line for each that failed; returns the exit code."""
    failed = [each for each in results if each.word]
    for each in failed:
        print(f"guardpost: {safe_text(each.word)}: {safe_text(each.text)}", file=sys.stderr)
    if not failed:
        return 0
    return EXIT_PARTLY if len(failed) < len(results) else EXIT_NONE
