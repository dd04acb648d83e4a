"""`guardpost exec TARGET [--] CMD [ARG…]`: the exit status is the command's own."""

import argparse
import os
from typing import TYPE_CHECKING

from guardpost.cli import on_terminal, opening
from guardpost.cli.options import add_console_options, seconds
from guardpost.errors import UsageError
from guardpost.termsafe import safe_text

if TYPE_CHECKING:
    from guardpost.aio.channel import Opener
    from guardpost.console.line import Session
    from guardpost.services.program import Tty

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    add_console_options(parser)
    parser.add_argument(
        "--timeout", type=seconds, metavar="S", help="kill it after S seconds, and exit 124"
    )
    parser.add_argument("--cwd", metavar="DIR", help="the folder to run it in (its home)")
    parser.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="K=V",
        help="a variable to set; may be given often",
    )
    parser.add_argument(
        "--user", default="", metavar="NAME", help="run it as this user of the host (the agent's)"
    )
    parser.add_argument(
        "--detach",
        action="store_true",
        help="let it go on without the line; see 'guardpost jobs TARGET'",
    )
    parser.add_argument(
        "--tty", action="store_true", help="on a terminal, which is then this one: as for htop"
    )
    on_terminal.add_escape_option(parser)
    parser.add_argument("target", metavar="TARGET")
    parser.add_argument(
        "command", nargs=argparse.REMAINDER, metavar="CMD [ARG...]", help="run as it stands"
    )


def run(args: argparse.Namespace) -> int:
    if not args.command:
        raise UsageError("no command; write: guardpost exec TARGET [--] CMD [ARG...]")
    if args.timeout == 0:
        raise UsageError("--timeout 0 would kill it before it starts")
    if args.tty and args.detach:
        raise UsageError("--tty and --detach: 'guardpost shell --keep' has a terminal and goes on")
    env = variables(args.env)
    if args.tty:
        return run_on_terminal(args, env)

    async def work(opener: "Opener") -> int:
        from guardpost.services import exec as service

        argv = [os.fsencode(word) for word in args.command]
        cwd = os.fsencode(args.cwd) if args.cwd is not None else None
        if args.detach:
            started = await service.start(
                opener, argv, cwd=cwd, env=env, timeout=args.timeout, user=args.user
            )
            print(f"job {started.job} (pid {started.pid})")
            return 0
        return await service.run(
            opener,
            argv,
            stdin=0,
            stdout=1,
            stderr=2,
            cwd=cwd,
            env=env,
            timeout=args.timeout,
            user=args.user,
        )

    return opening.run_with(args, work)


def run_on_terminal(args: argparse.Namespace, env: dict[bytes, bytes]) -> int:
    async def open_program(session: "Session", tty: "Tty") -> on_terminal.Opened:
        from guardpost.services import exec as service

        channel = await service.open_on_terminal(
            session,
            [os.fsencode(word) for word in args.command],
            tty,
            cwd=os.fsencode(args.cwd) if args.cwd is not None else None,
            env={**on_terminal.language(), **env},
            timeout=args.timeout,
            user=args.user,
        )
        return on_terminal.Opened(channel, greeting=f"on {safe_text(args.target)}")

    return on_terminal.run(args, open_program)


def variables(words: list[str]) -> dict[bytes, bytes]:
    """K=V words as a map; raises UsageError."""
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name or not equals:
            raise UsageError(f"--env {word}: write --env NAME=VALUE")
        found[os.fsencode(name)] = os.fsencode(value)
    return found
