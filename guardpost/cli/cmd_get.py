"""`guardpost get TARGET REMOTE… LOCAL`: copy files and folders from the host."""

import argparse
import os
from typing import TYPE_CHECKING

from guardpost.cli import copying, opening
from guardpost.errors import UsageError

if TYPE_CHECKING:
    from guardpost.aio.channel import Opener

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    copying.add_copy_options(parser)
    parser.add_argument(
        "--unsafe-links",
        action="store_true",
        help="with --links: also links that lead out of the folder that is copied",
    )
    parser.add_argument(
        "--no-glob",
        action="store_true",
        help="* ? [ in a name of the host mean themselves, and no pattern",
    )
    parser.add_argument("target", metavar="TARGET")
    parser.add_argument(
        "paths", nargs="+", metavar="REMOTE... LOCAL", help="LOCAL - is standard output"
    )


def run(args: argparse.Namespace) -> int:
    *sources, to = args.paths
    if not sources:
        raise UsageError("where to? write: guardpost get TARGET REMOTE... LOCAL")
    copying.check_paths(sources, to)
    if to == "-" and args.json:
        raise UsageError("standard output cannot take both the file and --json")
    report = copying.Report(args)

    async def work(opener: "Opener") -> int:
        from guardpost.services.files import console

        await console.get(
            opener,
            [os.fsencode(each) for each in sources],
            os.fsencode(to),
            copying.copy_options(args),
            report.tell,
            stdout=1 if to == "-" else None,
        )
        return report.exit_code

    try:
        return opening.run_with(args, work)
    finally:
        report.close()
