"""`guardpost nc TARGET HOST:PORT`: one tunnel on standard input and output (ProxyCommand)."""

import argparse
from typing import TYPE_CHECKING

from guardpost.cli import opening, resets
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
            text = f"{format_address(host, port)}: {resets.sentence_of(error)}"
            raise ChannelReset(error.code, text) from None
        await relay(channel, DescriptorEnd(0, 1))
        return 0

    return opening.run_with(args, work)
