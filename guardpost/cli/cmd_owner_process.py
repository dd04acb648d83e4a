"""`guardpost owner-process`: what a command starts to own its line; not for people.

The wishes of that command come on standard input, as JSON; one record about the outcome goes to
standard output.
"""

import argparse
import json
import os
import sys

from guardpost.cli import hosts, opening, openssl
from guardpost.errors import UsageError

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="LINE", help="for people who look at a list of processes")


def run(args: argparse.Namespace) -> int:
    if sys.platform == "win32":
        raise UsageError("there is no owner on Windows: each command holds the line itself")
    else:
        # No line of this version speaks TLS.
        openssl.leave_out()
        import asyncio

        from guardpost.console.line import ConnectOptions
        from guardpost.console.owner import serve

        try:
            wishes = json.load(sys.stdin)
            fields = {name: wishes[name] for name in ConnectOptions._fields if name in wishes}
            host = hosts.Host(wishes["name"], wishes["address"], profile=wishes["profile"])
        except (ValueError, KeyError, TypeError):
            raise UsageError("guardpost starts this itself; it is no command for people") from None
        line = opening.line_of(host, password=wishes.get("password"))
        line = line._replace(name=wishes["name"])
        asyncio.run(serve(line, ConnectOptions(**fields), ready))
        return 0


def ready(record: bytes) -> None:
    """Answer who started us, and keep none of its descriptors."""
    os.write(1, record)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
