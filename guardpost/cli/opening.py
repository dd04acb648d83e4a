"""How a command gets from its TARGET to the agent's services.

The only place of the command line that knows the console: a command hands in a coroutine
function that takes an Opener.
"""

import argparse
import importlib
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from guardpost.cli import hosts

if TYPE_CHECKING:
    from guardpost.aio.channel import Opener

__all__ = ["connect", "run_with"]


def connect(args: argparse.Namespace) -> "AbstractAsyncContextManager[Opener]":
    """The session with `args.target`, by the options of add_console_options().

    Raises NoSuchTarget and UsageError; entering it raises what the session does.
    """
    session = importlib.import_module("guardpost.console.session")
    host = hosts.resolve(args.target)
    options = session.ConnectOptions(
        identity=args.identity or host.identity,
        agent_key=args.agent_key or host.agent_key,
        trust_new=args.trust_new,
        known_agents=args.known_agents,
        psk=args.psk,
        connect_timeout=args.connect_timeout,
        use_owner=not args.no_owner,
        persist=args.persist,
        quiet=args.quiet,
        verbose=args.verbose,
    )
    opened: AbstractAsyncContextManager[Opener] = session.connect(host.line, options)
    return opened


def run_with(args: argparse.Namespace, work: "Callable[[Opener], Awaitable[int]]") -> int:
    """Connect, run `work`, disconnect; return the exit code that `work` gave.

    Ctrl-C cancels `work` and raises KeyboardInterrupt.
    """
    import asyncio

    async def session() -> int:
        async with connect(args) as opener:
            return await work(opener)

    return asyncio.run(session())
