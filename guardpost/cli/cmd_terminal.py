"""`guardpost terminal TARGET`: the bare line, as tio or picocom show it."""

import argparse
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from guardpost.cli import hosts, opening
from guardpost.termsafe import safe_text

if TYPE_CHECKING:
    from guardpost.console.line import Line
    from guardpost.console.picture import Picture

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-t", "--timestamps", action="store_true", help="begin each line with its time"
    )
    parser.add_argument(
        "--log", metavar="FILE", help="append the text of the line, each line with its time"
    )
    parser.add_argument(
        "--escape", default="^]", metavar="KEY", help="the escape key, as in ^T (^])"
    )
    parser.add_argument("--wait", action="store_true", help="wait for a line that is not there")
    parser.add_argument(
        "--raw", action="store_true", help="every byte as it comes: frames, and what is not UTF-8"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="the line's bytes only")
    parser.add_argument("target", metavar="TARGET")


def run(args: argparse.Namespace) -> int:
    """Raises TransportError (NoSuchTarget, LineBusy, ...) when the line cannot be had."""
    import asyncio

    from guardpost.console.beside import LineBeside
    from guardpost.console.breakmark import note_break
    from guardpost.console.escape import parse_key
    from guardpost.console.terminal import Terminal, raw_terminal
    from guardpost.services.relay import DescriptorEnd

    keys = os.isatty(0)
    is_raw = False
    line = opening.line_of(hosts.resolve(args.target), may_ask=lambda: not is_raw)
    escape = parse_key(args.escape)
    picture = make_picture(args)
    beside = LineBeside(line, "terminal")

    async def work() -> None:
        terminal = Terminal(
            args.target,
            beside.open,
            DescriptorEnd(0, 1),
            speaker(picture, quiet=args.quiet),
            picture=picture,
            keys=keys,
            escape=escape,
            on_break=lambda: note_break(line.name),
        )
        await terminal.run(wait=args.wait)

    try:
        asyncio.run(unlock(line))  # a password is asked for while the terminal is not raw yet
        is_raw = keys
        with raw_terminal(0 if keys else -1):
            asyncio.run(work())
    finally:
        beside.release()
        if picture.log is not None:
            picture.log.close()
    return 0


async def unlock(line: "Line") -> None:
    """Ask for its password, if it has one; an owner of the line knows that already."""
    if line.password is not None and not await has_owner(line.name):
        await line.password()


async def has_owner(name: str) -> bool:
    if sys.platform == "win32":
        return False
    else:
        from guardpost.console import owner_protocol as wire
        from guardpost.console.owner_client import ask_owner

        return await ask_owner(name, wire.CHECK) is not None


def make_picture(args: argparse.Namespace) -> "Picture":
    """Raises UsageError for a log that cannot be written."""
    from guardpost.console.picture import LineLog, Picture

    log = LineLog(os.path.expanduser(args.log)) if args.log else None
    # A file or a program gets the bytes as they are; the log is for reading.
    return Picture(raw=args.raw or not os.isatty(1), times=args.timestamps, log=log)


def speaker(picture: "Picture", *, quiet: bool) -> "Callable[..., None]":
    """What tells the person at the terminal of the line: lines of ours, between the line's own."""

    def say(*lines: str) -> None:
        if not quiet:
            # The terminal is raw: a line end alone would not return to the first column.
            text = "".join(f"guardpost: {safe_text(line)}\r\n" for line in lines)
            sys.stderr.write(text if picture.at_start else f"\r\n{text}")
            sys.stderr.flush()
            picture.at_start = True

    return say
