"""`guardpost nc TARGET HOST:PORT`: one tunnel on standard input and output (ProxyCommand)."""

import argparse
import sys
from typing import TYPE_CHECKING

from guardpost.cli import opening
from guardpost.cli.options import add_console_options
from guardpost.errors import ChannelReset

if TYPE_CHECKING:
    from guardpost.aio.channel import Opener

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    add_console_options(parser)
    parser.add_argument("target", metavar="TARGET")
    parser.add_argument("destination", metavar="HOST:PORT", help="or HOST PORT, as two words")
    parser.add_argument("port", nargs="?", metavar="PORT", help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    from guardpost.services.forwarding import format_address, parse_destination

    host, port = parse_destination(args.destination, args.port)

    async def work(opener: "Opener") -> int:
        from guardpost.services.relay import DescriptorEnd, relay
        from guardpost.services.tunnel import open_tunnel

        try:
            channel = await open_tunnel(opener, host, port)
        except ChannelReset as error:
            text = f": {error.text}" if error.text else ""
            raise ChannelReset(error.code, f"{format_address(host, port)}{text}") from None
        # Python has no stdin when descriptor 0 was closed; the number may be taken since.
        await relay(channel, DescriptorEnd(0 if sys.stdin is not None else None, 1))
        return 0

    return opening.run_with(args, work)
