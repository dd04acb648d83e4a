"""How a command gets from its TARGET to the agent's services.

The only place of the command line that knows the console: a command hands in a coroutine
function that takes a Session.
"""

import argparse
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from guardpost.cli import hosts, openssl, passwords
from guardpost.errors import UsageError

if TYPE_CHECKING:
    from guardpost.aio.stream import ByteStream
    from guardpost.console.line import ConnectOptions, Line, Session

__all__ = ["canonical_name", "connect", "connect_options", "line_of"]
__all__ += ["owner_command", "run", "run_with"]


def connect(
    args: argparse.Namespace, tell: Callable[[str], None] | None = None
) -> "AbstractAsyncContextManager[Session]":
    """The session with `args.target`, by the options of add_console_options().

    `tell` is told what happens to the line; without it standard error is.

    Raises NoSuchTarget and UsageError; entering it raises what the session does.
    """
    from guardpost.console import session

    host = hosts.resolve(args.target)
    return session.connect(line_of(host), connect_options(args, host), owner_command(), tell)


def command_words() -> list[str]:
    """What starts another process of ours; the command and its options follow."""
    if getattr(sys, "frozen", False):
        return [sys.executable]
    # -m looks into the working folder first; whoever did not may not begin to.
    safe = [] if {"", os.getcwd()} & {*sys.path} else ["-P"]
    return [sys.executable, *safe, "-m", "guardpost"]


def owner_command() -> list[str]:
    """What starts the process that owns a line (cmd_owner_process)."""
    return [*command_words(), "owner-process"]


def connect_options(args: argparse.Namespace, host: hosts.Host) -> "ConnectOptions":
    """What `args` say; where they are silent, what stands in hosts.toml."""
    from guardpost.console.line import ConnectOptions

    return ConnectOptions(
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
        raise_baud=raise_baud(args, host),
    )


def raise_baud(args: argparse.Namespace, host: hosts.Host) -> int:
    """The highest speed wanted, 0 for none. Raises UsageError for what is no cable."""
    from guardpost.transports.target import NO_CABLE, parse_target

    target = parse_target(host.line)
    if args.raise_baud and target.scheme != "serial":
        raise UsageError(f"--raise-baud: {target.scheme}: {NO_CABLE}")
    return int(args.raise_baud or target.options.get("raise-baud", 0))


def line_of(
    host: hosts.Host,
    *,
    password: str | None = None,
    may_ask: Callable[[], bool] = lambda: True,
) -> "Line":
    """The line of `host`, its `password` if that is known already; nothing is opened yet.

    `may_ask`: whether a person can be asked for it now. Raises UsageError, NoSuchTarget.
    """
    from guardpost import transports
    from guardpost.console.line import Line
    from guardpost.transports.target import WITH_PASSWORD, canonical, parse_target

    target = parse_target(host.line)
    asked = None
    if target.scheme in WITH_PASSWORD:
        transports.check_installed(target)  # rather than after its password
        asked = passwords.Password(
            str(target), host.password_command, known=password, may_ask=may_ask
        )

    async def open_line() -> "ByteStream":
        return await transports.open_target(target, asked)

    profile = target.options.get("profile", host.profile)
    return Line(canonical(target), host.line, open_line, profile, asked)


def canonical_name(target: str) -> str:
    """The one text under which locks and accepted agent keys of TARGET are kept."""
    return line_of(hosts.resolve(target)).name


def run_with(
    args: argparse.Namespace,
    work: "Callable[[Session], Awaitable[int]]",
    tell: Callable[[str], None] | None = None,
) -> int:
    """Connect, run `work`, disconnect; return the exit code that `work` gave. `tell` as connect().

    Ctrl-C cancels `work` and raises KeyboardInterrupt.
    """

    async def session() -> int:
        async with connect(args, tell) as opener:
            return await work(opener)

    return run(args, session())


def run(args: argparse.Namespace, work: "Coroutine[object, object, int]") -> int:
    """Run what connects by itself; otherwise as run_with. SIGTERM and SIGHUP are as Ctrl-C."""
    if not args.no_owner:  # whoever joins one speaks TLS to nobody
        openssl.leave_out()
    import asyncio

    from guardpost.interrupts import ending_as_ctrl_c

    with ending_as_ctrl_c():
        code: int = asyncio.run(work)
    return code
