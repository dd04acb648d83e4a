"""`guardpost kill TARGET PID…`: signal processes; each one's failure has its own line."""

import argparse
from typing import TYPE_CHECKING

from guardpost.cli import opening
from guardpost.cli.options import add_console_options
from guardpost.cli.process_targets import add_started, as_json, pid, tell

if TYPE_CHECKING:
    from guardpost.aio.channel import Opener

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    add_console_options(parser, json=True)
    parser.add_argument(
        "-s", "--signal", default="TERM", metavar="SIGNAL", help="name or number (TERM)"
    )
    add_started(parser)
    parser.add_argument("target", metavar="TARGET")
    parser.add_argument("pids", nargs="+", type=pid, metavar="PID")


def run(args: argparse.Namespace) -> int:
    async def work(opener: "Opener") -> int:
        from guardpost.services import processes

        targets = [processes.KillTarget(each, args.started) for each in args.pids]
        results = await processes.kill(opener, targets, args.signal)
        if args.json:
            print(as_json(results))
        return tell(results)

    return opening.run_with(args, work)
