"""`guardpost terminal TARGET`: the bare line, as tio or picocom show it."""

import argparse
import os
import sys

from guardpost.cli import hosts, opening
from guardpost.termsafe import safe_text

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-q", "--quiet", action="store_true", help="the line's bytes only")
    parser.add_argument("target", metavar="TARGET")


def run(args: argparse.Namespace) -> int:
    """Raises TransportError (NoSuchTarget, LineBusy, ...) when the line cannot be had."""
    import asyncio

    from guardpost.console.linelock import LineLock
    from guardpost.console.terminal import Terminal, raw_terminal
    from guardpost.services.relay import DescriptorEnd

    line = opening.line_of(hosts.resolve(args.target))
    keys = os.isatty(0)

    def say(sentence: str) -> None:
        if not args.quiet:
            # The terminal is raw: a line end alone would not return to the first column.
            print(f"\r\nguardpost: {safe_text(sentence)}\r", file=sys.stderr, flush=True)

    async def unlock() -> None:
        if line.password is not None:
            await line.password()

    async def work() -> None:
        await Terminal(line, DescriptorEnd(0, 1), say, keys=keys).run()

    lock = LineLock(line.name, "terminal")
    lock.take_or_refuse()
    try:
        asyncio.run(unlock())  # a password is asked for while the terminal is not raw yet
        with raw_terminal(0 if keys else -1):
            asyncio.run(work())
    finally:
        lock.release()
    return 0
