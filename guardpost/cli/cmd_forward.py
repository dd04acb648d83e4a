"""`guardpost forward TARGET -L …`: tunnels for every program here, until Ctrl-C."""

import argparse
import sys
from typing import TYPE_CHECKING

from guardpost.cli import hosts, opening
from guardpost.cli.options import add_console_options
from guardpost.errors import UsageError
from guardpost.termsafe import safe_text

if TYPE_CHECKING:
    from guardpost.aio.channel import Opener
    from guardpost.services.forwarding import Forward, Forwarder

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    add_console_options(parser)
    parser.add_argument("target", metavar="TARGET")
    parser.add_argument(
        "-L",
        dest="local",
        action="append",
        default=[],
        metavar="[BIND:]PORT:HOST:HOSTPORT",
        help="listen here (loopback unless BIND is given; PORT 0 picks one) and connect from the "
        "host; may be given often; none: those of hosts.toml",
    )


def run(args: argparse.Namespace) -> int:
    from guardpost.services.forwarding import parse_forward

    wanted = args.local or hosts.resolve(args.target).forwards
    if not wanted:
        raise UsageError("nothing to forward; give -L [BIND:]PORT:HOST:HOSTPORT")
    forwards = [parse_forward(each) for each in wanted]

    async def work(opener: "Opener") -> int:
        await carry(opener, forwards, quiet=args.quiet)
        return 0

    return opening.run_with(args, work)


async def carry(opener: "Opener", forwards: "list[Forward]", *, quiet: bool) -> None:
    """Listen for all of `forwards`; raises when the session ends, and when it is cancelled."""
    import asyncio
    import contextlib
    import functools

    from guardpost.services.forwarding import Forwarder
    from guardpost.services.tunnel import open_tunnel

    tunnels = functools.partial(open_tunnel, opener)
    async with contextlib.AsyncExitStack() as stack:
        forwarders = []
        for forward in forwards:
            forwarder = await stack.enter_async_context(Forwarder(tunnels, forward, say))
            forwarders.append(forwarder)
            if not quiet:
                announce(forwarder)
        await asyncio.gather(*(each.wait() for each in forwarders))


def announce(forwarder: "Forwarder") -> None:
    from guardpost.services.forwarding import format_address

    there = format_address(forwarder.forward.host, forwarder.forward.host_port)
    for here in forwarder.listening:
        say(f"forwarding {format_address(*here)} to {there}")


def say(line: str) -> None:
    print(f"guardpost: {safe_text(line)}", file=sys.stderr, flush=True)
