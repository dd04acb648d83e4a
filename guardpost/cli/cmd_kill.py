"""`guardpost kill TARGET PID…`: signal processes; each one's failure has its own line."""

import argparse
import json
import sys
from typing import TYPE_CHECKING

from guardpost.cli import opening
from guardpost.cli.options import add_console_options
from guardpost.termsafe import safe_text

if TYPE_CHECKING:
    from guardpost.aio.channel import Opener
    from guardpost.services.processes import KillResult

__all__ = ["configure", "run"]

EXIT_PARTLY = 1
EXIT_NONE = 255


def configure(parser: argparse.ArgumentParser) -> None:
    add_console_options(parser, json=True)
    parser.add_argument(
        "-s", "--signal", default="TERM", metavar="SIGNAL", help="name or number (TERM)"
    )
    parser.add_argument("target", metavar="TARGET")
    parser.add_argument("pids", nargs="+", type=pid, metavar="PID")


def pid(text: str) -> int:
    """A process id; raises ValueError, which argparse reports."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError(text)
    return int(text)


def run(args: argparse.Namespace) -> int:
    async def work(opener: "Opener") -> int:
        from guardpost.services import processes

        targets = [processes.KillTarget(each) for each in args.pids]
        results = await processes.kill(opener, targets, args.signal)
        if args.json:
            print(as_json(results))
        return tell(results)

    return opening.run_with(args, work)


def as_json(results: "list[KillResult]") -> str:
    rows = [{"pid": each.pid, "word": each.word, "text": each.text} for each in results]
    return json.dumps({"schema": 1, "results": rows})


def tell(results: "list[KillResult]") -> int:
    """One line for each that was not signalled; returns the exit code."""
    failed = [each for each in results if each.word]
    for each in failed:
        print(f"guardpost: {safe_text(each.word)}: {safe_text(each.text)}", file=sys.stderr)
    if not failed:
        return 0
    return EXIT_PARTLY if len(failed) < len(results) else EXIT_NONE
