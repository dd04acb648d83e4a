"""Completion in the shell, through argcomplete: eval "$(register-python-argcomplete guardpost)"."""

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from guardpost.cli.main import Command

__all__ = ["answer", "full_parser"]


def answer(commands: "Iterable[Command]") -> None:
    """Answer the shell's question and exit."""
    import argcomplete

    argcomplete.autocomplete(full_parser(commands))


def full_parser(commands: "Iterable[Command]") -> argparse.ArgumentParser:
    """One parser of all commands; only completion wants them all at once."""
    from guardpost.cli.main import load

    parser = argparse.ArgumentParser(prog="guardpost")
    chosen = parser.add_subparsers()
    for command in (each for each in commands if each.help):
        chosen.add_parser(
            command.name, parents=[load(command)[1]], add_help=False, help=command.help
        )
    return parser
