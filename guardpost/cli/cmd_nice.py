"""`guardpost nice TARGET N PID…`: give processes a nice value; each failure has its own line."""

import argparse
from typing import TYPE_CHECKING

from guardpost.cli import opening
from guardpost.cli.options import add_console_options
from guardpost.cli.process_targets import add_started, as_json, pid, tell
from guardpost.errors import UsageError

if TYPE_CHECKING:
    from guardpost.aio.channel import Opener

__all__ = ["configure", "run"]

NICE_MIN, NICE_MAX = -20, 19


def configure(parser: argparse.ArgumentParser) -> None:
    add_console_options(parser, json=True)
    add_started(parser)
    parser.add_argument("target", metavar="TARGET")
    parser.add_argument(
        "nice",
        type=int,
        metavar="N",
        help=f"{NICE_MIN} is served first, 0 is usual, {NICE_MAX} last",
    )
    parser.add_argument("pids", nargs="+", type=pid, metavar="PID")


def run(args: argparse.Namespace) -> int:
    if not NICE_MIN <= args.nice <= NICE_MAX:
        raise UsageError(f"{args.nice} is no nice value; give {NICE_MIN} (first) to {NICE_MAX}")

    async def work(opener: "Opener") -> int:
        from guardpost.services import processes

        targets = [processes.KillTarget(each, args.started) for each in args.pids]
        results = await processes.nice(opener, targets, args.nice)
        if args.json:
            print(as_json(results))
        return tell(results)

    return opening.run_with(args, work)
