"""`guardpost forward TARGET -L … -R … -D … -U …`: tunnels for every program, until Ctrl-C.

The ports here stay while the host reboots: an agent that was restarted gets a new session.
"""

import argparse
import os
import sys
from typing import TYPE_CHECKING

from guardpost.cli import hosts, opening
from guardpost.cli.options import add_console_options
from guardpost.errors import (
    AgentRestarted,
    AgentSilent,
    AgentStopped,
    ChannelReset,
    LineBusy,
    LineLost,
    ResetCode,
    UsageError,
)
from guardpost.termsafe import safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from guardpost.aio.channel import Channel, Opener
    from guardpost.cli.background import Registered
    from guardpost.cli.forwards import Here, There

__all__ = ["configure", "run"]

RETRY_SECONDS = 10.0
"""Between tries to get a new session; each is at most three hellos, and none into a boot loader."""

ADDRESSES = "[BIND:]PORT:HOST:HOSTPORT"

FORMS = """\
what -L, -R and -U take:
  8080:127.0.0.1:80      port 8080 leads to port 80; 0 instead of 8080 picks one
  80                     the same port at both ends
  *:8080:web:80          on every interface, to another host
  [::1]:8080:[fe80::2]:80
what -L and -R take as well, with a path for a unix socket (it has a /):
  8080:/run/app.sock     a port leads to a socket
  ./app.sock:web:80      a socket, which is only yours (0600), leads to a port
  /tmp/d.sock:/run/docker.sock
what -D takes:
  1080, *:1080, /tmp/socks.sock
"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = FORMS
    add_console_options(parser, json=True)
    parser.add_argument("target", metavar="TARGET")
    for option, dest, metavar, text in (
        (
            "-L",
            "local",
            ADDRESSES,
            "listen here (loopback unless BIND is given) and connect from the host; may be given"
            " often; none: those of hosts.toml; the forms are below",
        ),
        ("-R", "remote", ADDRESSES, "listen on the host (loopback) and connect from here"),
        (
            "-D",
            "dynamic",
            "[BIND:]PORT",
            "listen here for SOCKS 5 and 4a, and connect from the host, which looks names up",
        ),
        ("-U", "datagrams", ADDRESSES, "as -L, for UDP"),
    ):
        parser.add_argument(
            option, dest=dest, action="append", default=[], metavar=metavar, help=text
        )
    parser.add_argument(
        "--background", action="store_true", help="go on without this terminal; see --list"
    )
    parser.add_argument("--list", action="store_true", help="those in the background")
    parser.add_argument(
        "--cancel", metavar="ID", help="end one of them, by its number or as it was given; or 'all'"
    )


def run(args: argparse.Namespace) -> int:
    from guardpost.cli import forwards

    if args.cancel == "":
        raise UsageError("--cancel takes a number of --list, what was forwarded, or all")
    if args.list or args.cancel:
        from guardpost.cli import background

        return background.manage(args)
    local = args.local
    if not (local or args.remote or args.dynamic or args.datagrams):
        local = hosts.resolve(args.target).forwards
    wanted = forwards.parse(local, args.remote, args.dynamic, args.datagrams)
    if not wanted:
        raise UsageError(f"nothing to forward; give -L {ADDRESSES}, -R, -D [BIND:]PORT or -U")
    if args.background:
        from guardpost.cli import background

        return background.start(args, local)
    here = [each for each in wanted if isinstance(each, forwards.Here)]
    there = [each for each in wanted if isinstance(each, forwards.There)]
    with background_file() as registered:
        return opening.run(args, keep(args, here, there, registered))


def background_file() -> "AbstractContextManager[Registered | None]":
    """What makes it known, where it was started by --background."""
    import contextlib

    if "GUARDPOST_FORWARD" not in os.environ:
        return contextlib.nullcontext()
    from guardpost.cli.background import Registered

    return Registered()


class Tunnels:
    """Opens tunnels in the session that there is, if there is one."""

    def __init__(self) -> None:
        self.session: Opener | None = None

    async def open(self, host: str, port: int, path: str = "") -> "Channel":
        """Raises ChannelReset."""
        from guardpost.services.tunnel import open_tunnel

        try:
            return await open_tunnel(self._now(), host, port, path)
        except LineLost:
            raise ChannelReset(ResetCode.LOST, "the session with the agent has ended") from None

    async def open_datagrams(self, host: str, port: int) -> "Channel":
        """Raises ChannelReset."""
        from guardpost.services.datagrams import open_datagrams

        try:
            return await open_datagrams(self._now(), host, port)
        except LineLost:
            raise ChannelReset(ResetCode.LOST, "the session with the agent has ended") from None

    def _now(self) -> "Opener":
        if self.session is None:
            raise ChannelReset(ResetCode.LOST, "there is no session with the agent now")
        return self.session


async def keep(
    args: argparse.Namespace,
    here: "Sequence[Here]",
    there: "Sequence[There]",
    registered: "Registered | None" = None,
) -> int:
    """Serve all of them; raises when the session ends for good, or none comes.

    An agent that was restarted, or said goodbye, is waited for: its host may be starting.
    """
    import asyncio
    import contextlib

    tunnels, restarted, told = Tunnels(), False, ""
    announced: set[str] = set()
    async with contextlib.AsyncExitStack() as stack:
        while True:
            tunnels.session = None
            try:
                async with opening.connect(args) as session:
                    tunnels.session = session
                    if restarted:
                        tell(args, "there is a new session; forwarding again")
                    else:
                        for each in here:
                            for line in await stack.enter_async_context(each.serve(tunnels, say)):
                                tell(args, line)
                    await serve_there(args, session, there, announced, registered)
            except (AgentRestarted, AgentStopped) as error:
                restarted, told = True, ""
                what = "was restarted" if isinstance(error, AgentRestarted) else "was stopped"
                tell(args, f"the agent {what}; waiting for a new session")
            except (AgentSilent, LineBusy, LineLost) as error:
                if tunnels.session is not None or not restarted:
                    raise
                if str(error) != told:
                    told = str(error)
                    tell(args, f"{told}; trying again")
                await asyncio.sleep(RETRY_SECONDS)


async def serve_there(
    args: argparse.Namespace,
    session: "Opener",
    there: "Sequence[There]",
    announced: set[str],
    registered: "Registered | None",
) -> None:
    """Keep the host's ports in this session, as long as it lasts; raises what ends one of them.

    What is `announced` already is not told again: a port that the host picks is another one in
    each session.

    With none, this waits for the session's end.
    """
    import asyncio

    asked = len(there)

    def listening(lines: list[str]) -> None:
        nonlocal asked
        asked -= 1
        for line in lines:
            if line not in announced:
                announced.add(line)
                tell(args, line)
        if registered is not None and not asked:
            registered.ready()

    if registered is not None and not there:
        registered.ready()

    works = [asyncio.ensure_future(each.serve(session, listening, say)) for each in there]
    try:
        if works:
            done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
            for work in done:
                work.result()
        await asyncio.Event().wait()
    except ChannelReset as error:
        # The session's own end is told by whoever holds the session.
        if error.code in (ResetCode.LOST, ResetCode.SUPERSEDED):
            await asyncio.Event().wait()
        raise
    finally:
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)


def tell(args: argparse.Namespace, line: str) -> None:
    if not args.quiet:
        say(line)


def say(line: str) -> None:
    print(f"guardpost: {safe_text(line)}", file=sys.stderr, flush=True)
