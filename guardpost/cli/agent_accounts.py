"""Passwords of the agent's text prompt: where they stand, `--set-password`, `--hash-password`."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from guardpost.baked import FACTS, Facts
from guardpost.errors import UsageError

if TYPE_CHECKING:
    from guardpost.agent.accounts import Accounts
    from guardpost.agent.admission import Admission

__all__ = ["accounts_of", "configure", "print_hash", "set_password"]

NEW_PASSWORD = "New password: "
AGAIN = "Again: "


def configure(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--accounts", metavar="FILE", help="names and passwords of the text prompt")
    add(
        *("--set-password",),
        nargs="?",
        const="",
        metavar="NAME",
        help="set a password for the text prompt, and end",
    )
    add(
        *("--hash-password",),
        nargs="?",
        const="",
        metavar="NAME",
        help="print NAME:HASH, for guardpost.login= and for an executable, and end",
    )


def accounts_of(args: argparse.Namespace, asked: "Admission", facts: Facts = FACTS) -> "Accounts":
    """The kernel command line's, then those of the file, then what is baked in."""
    from guardpost.agent.accounts import Accounts

    if asked.nobody_logs_in:
        return Accounts(None)
    return Accounts(accounts_file(args), first=asked.accounts, last=facts.password_hashes)


def accounts_file(args: argparse.Namespace) -> Path:
    from guardpost.agent.accounts import DEFAULT_PATH

    return Path(args.accounts).expanduser() if args.accounts else DEFAULT_PATH


def set_password(args: argparse.Namespace) -> None:
    """Raises UsageError, KeyFileError."""
    from guardpost.agent import accounts

    name, password = name_and_password(args.set_password)
    path = accounts_file(args)
    accounts.set_password(path, name, password)
    print(f"guardpost: {name} may log in at the text prompt ({path})", file=sys.stderr)


def print_hash(args: argparse.Namespace) -> None:
    """The line of an accounts file, on standard output. Raises UsageError."""
    from guardpost.agent.accounts import account_line

    print(account_line(*name_and_password(args.hash_password)))


def name_and_password(name: str) -> tuple[str, str]:
    import getpass

    name = name or getpass.getuser()
    if not sys.stdin.isatty():
        return name, sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass(NEW_PASSWORD)
    if getpass.getpass(AGAIN) != password:
        raise UsageError("the two passwords differ; nothing was changed")
    return name, password
