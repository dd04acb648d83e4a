"""`guardpost put TARGET LOCAL… REMOTE`: copy files and folders to the host."""

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
    parser.add_argument("target", metavar="TARGET")
    parser.add_argument(
        "paths", nargs="+", metavar="LOCAL... REMOTE", help="LOCAL - is standard input"
    )


def run(args: argparse.Namespace) -> int:
    *sources, to = args.paths
    if not sources:
        raise UsageError("where to? write: guardpost put TARGET LOCAL... REMOTE")
    if "-" in sources and len(sources) > 1:
        raise UsageError("standard input can only be copied alone")
    copying.check_paths(sources, to)
    report = copying.Report(args)

    async def work(opener: "Opener") -> int:
        from guardpost.services.files import console

        is_stream = sources == ["-"]
        await console.put(
            opener,
            [] if is_stream else [os.fsencode(each) for each in sources],
            os.fsencode(to),
            copying.copy_options(args),
            report.tell,
            stdin=0 if is_stream else None,
        )
        return report.exit_code

    try:
        return opening.run_with(args, work)
    finally:
        report.close()
