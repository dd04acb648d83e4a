"""`guardpost forward TARGET -L …`: tunnels for every program here, until Ctrl-C.

The ports stay while the host reboots: an agent that was restarted gets a new session.
"""

import argparse
import sys
from typing import TYPE_CHECKING

from guardpost.cli import hosts, opening
from guardpost.cli.options import add_console_options
from guardpost.errors import (
    AgentRestarted,
    AgentSilent,
    ChannelReset,
    LineBusy,
    LineLost,
    ResetCode,
    UsageError,
)
from guardpost.termsafe import safe_text

if TYPE_CHECKING:
    from guardpost.aio.channel import Channel, Opener
    from guardpost.services.forwarding import Forward, Forwarder

__all__ = ["configure", "run"]

RETRY_SECONDS = 10.0
"""Between tries to get a new session; each is at most three hellos, and none into a boot loader."""


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

    return opening.run(args, keep(args, forwards))


class Tunnels:
    """Opens tunnels in the session that there is, if there is one."""

    def __init__(self) -> None:
        self.session: Opener | None = None

    async def open(self, host: str, port: int) -> "Channel":
        """Raises ChannelReset."""
        from guardpost.services.tunnel import open_tunnel

        if self.session is None:
            raise ChannelReset(ResetCode.LOST, "there is no session with the agent now")
        try:
            return await open_tunnel(self.session, host, port)
        except LineLost:
            raise ChannelReset(ResetCode.LOST, "the session with the agent has ended") from None


async def keep(args: argparse.Namespace, forwards: "list[Forward]") -> int:
    """Listen for all of `forwards`; raises when the session ends for good, or none comes.

    An agent that was restarted is waited for: its host may be starting.
    """
    import asyncio
    import contextlib

    from guardpost.services.forwarding import Forwarder

    tunnels, restarted, told = Tunnels(), False, ""
    async with contextlib.AsyncExitStack() as stack:
        while True:
            tunnels.session = None
            try:
                async with opening.connect(args) as tunnels.session:
                    if restarted:
                        tell(args, "there is a new session; forwarding again")
                    else:
                        for forward in forwards:
                            forwarder = Forwarder(tunnels.open, forward, say)
                            announce(args, await stack.enter_async_context(forwarder))
                    await asyncio.Event().wait()
            except AgentRestarted:
                restarted, told = True, ""
                tell(args, "the agent was restarted; waiting for a new session")
            except (AgentSilent, LineBusy, LineLost) as error:
                if tunnels.session is not None or not restarted:
                    raise
                if str(error) != told:
                    told = str(error)
                    tell(args, f"{told}; trying again")
                await asyncio.sleep(RETRY_SECONDS)


def announce(args: argparse.Namespace, forwarder: "Forwarder") -> None:
    from guardpost.services.forwarding import format_address

    there = format_address(forwarder.forward.host, forwarder.forward.host_port)
    for here in forwarder.listening:
        tell(args, f"forwarding {format_address(*here)} to {there}")


def tell(args: argparse.Namespace, line: str) -> None:
    if not args.quiet:
        say(line)


def say(line: str) -> None:
    print(f"guardpost: {safe_text(line)}", file=sys.stderr, flush=True)
