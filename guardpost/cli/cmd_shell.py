"""`guardpost shell TARGET`: a login shell of the host in this terminal."""

import argparse
from typing import TYPE_CHECKING

from guardpost.cli import on_terminal
from guardpost.cli.options import add_console_options
from guardpost.errors import UsageError
from guardpost.termsafe import safe_text

if TYPE_CHECKING:
    from guardpost.console.line import Session
    from guardpost.services.program import Tty

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    add_console_options(parser)
    on_terminal.add_escape_option(parser)
    parser.add_argument(
        "--keep",
        action="store_true",
        help="let it go on when the line is lost or it is left; go on with it if there is one",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--attach", type=int, metavar="ID", help="go on with this one of 'guardpost jobs TARGET'"
    )
    which.add_argument("--new", action="store_true", help="with --keep: one more")
    parser.add_argument(
        "--user", default="", metavar="NAME", help="whose shell it is on the host (the agent's)"
    )
    parser.add_argument("target", metavar="TARGET")


def run(args: argparse.Namespace) -> int:
    if args.new and not args.keep:
        raise UsageError("--new is for --keep; without it every shell is a new one")
    if args.attach is not None and args.attach < 1:
        raise UsageError("--attach takes the number of a shell; see 'guardpost jobs TARGET'")

    async def open_program(session: "Session", tty: "Tty") -> on_terminal.Opened:
        from guardpost.services.shell import open_shell

        channel, reply = await open_shell(
            session,
            tty,
            env=on_terminal.language_and_colours(),
            user=args.user,
            keep=args.keep or args.attach is not None,
            attach=0 if args.new else args.attach,
        )
        what = "shell" if reply.job is None else f"kept shell {reply.job}"
        back = "back at" if reply.is_back else ""
        return on_terminal.Opened(
            channel,
            greeting=f"{back or 'a'} {what} on {safe_text(args.target)}",
            farewell=""
            if reply.job is None
            else f"{what} goes on; 'guardpost shell --keep {args.target}' goes on with it",
            is_kept=reply.job is not None,
        )

    return on_terminal.run(args, open_program)
