"""CommandParser: argparse, with the rules of grammar.py.

A command says that it takes a CMD by declaring its last argument with `nargs=argparse.REMAINDER`.
"""

import argparse
from collections.abc import Sequence
from typing import NoReturn

from guardpost.cli import grammar
from guardpost.errors import UsageError

__all__ = ["CommandParser", "parse"]


def plain_formatter(*, prog: str) -> argparse.HelpFormatter:
    """argparse makes a formatter for each argument; this one does not ask the terminal's width."""
    return argparse.HelpFormatter(prog, width=80)


class CommandParser(argparse.ArgumentParser):
    """Raises UsageError instead of exiting, and takes no abbreviated options."""

    def __init__(self, *, prog: str, description: str) -> None:
        # Abbreviations break a script on the day a second option starts the same way.
        super().__init__(
            prog=prog,
            description=description,
            allow_abbrev=False,
            formatter_class=plain_formatter,
            usage="",  # else parse_intermixed_args() writes one, in case of an error
        )

    def format_help(self) -> str:
        self.usage, self.formatter_class = None, argparse.RawDescriptionHelpFormatter
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}; see '{self.prog} --help'")


def parse(
    parser: argparse.ArgumentParser, words: Sequence[str], args: argparse.Namespace
) -> argparse.Namespace:
    """Parse `words` into `args`; raises UsageError."""
    actions = parser._actions
    tail = next((each for each in actions if each.nargs == argparse.REMAINDER), None)
    if tail is None:
        if any(each.nargs == argparse.PARSER for each in actions):
            return parser.parse_args(words, args)
        return parser.parse_intermixed_args(grammar.with_values(words), args)
    fixed = sum(not each.option_strings for each in actions[: actions.index(tail)])
    head, rest = grammar.split_at_tail(words, fixed, values_of(actions))
    # argparse would let REMAINDER swallow the options between TARGET and CMD, so it stands aside.
    tail.nargs, tail.default = argparse.SUPPRESS, argparse.SUPPRESS
    parser.parse_intermixed_args(grammar.with_values(head), args)
    tail.nargs = argparse.REMAINDER
    setattr(args, tail.dest, rest)
    return args


def values_of(actions: Sequence[argparse.Action]) -> dict[str, int]:
    """How many words each option takes after itself."""
    counts = {None: 1, "+": 1, "?": 0, "*": 0}
    return {
        option: each.nargs if isinstance(each.nargs, int) else counts[each.nargs]
        for each in actions
        for option in each.option_strings
    }
