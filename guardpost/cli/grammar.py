"""Which word of a command line is what.

Options stand before the command or anywhere before CMD. CMD is the first word after TARGET that is
no option (one `--` is removed), and nothing after it is looked at. A command says that it takes a
CMD by declaring its last argument with `nargs=argparse.REMAINDER`.
"""

import argparse
from collections.abc import Collection, Sequence
from typing import NoReturn

from guardpost.cli import options
from guardpost.errors import UsageError

__all__ = ["CommandParser", "nearest", "parse", "split_at_command"]


class CommandParser(argparse.ArgumentParser):
    """Raises UsageError instead of exiting, and takes no abbreviated options."""

    def __init__(self, *, prog: str, description: str) -> None:
        # Abbreviations break a script on the day a second option starts the same way.
        super().__init__(prog=prog, description=description, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}; see '{self.prog} --help'")


def split_at_command(
    words: Sequence[str], names: Collection[str]
) -> tuple[list[str], str, list[str]]:
    """Split into the options before the command, the command word ("" if none), and the rest."""
    position, after_unknown_option = 0, False
    while position < len(words):
        word = words[position]
        if word.startswith("-") and word not in ("-", "--"):
            with_value = word in options.OPTIONS_WITH_VALUE
            known = with_value or "=" in word or word in options.FLAGS
            position += 2 if with_value else 1
            after_unknown_option = not known
        elif after_unknown_option and word not in names:
            # An option of the command itself, standing before it: this is its value.
            position, after_unknown_option = position + 1, False
        else:
            return list(words[:position]), word, list(words[position + 1 :])
    return list(words), "", []


def parse(
    parser: argparse.ArgumentParser, words: Sequence[str], args: argparse.Namespace
) -> argparse.Namespace:
    """Parse `words` into `args`; raises UsageError."""
    actions = parser._actions
    tail = next((each for each in actions if each.nargs == argparse.REMAINDER), None)
    if tail is None:
        if any(each.nargs == argparse.PARSER for each in actions):
            return parser.parse_args(words, args)
        return parser.parse_intermixed_args(words, args)
    fixed = sum(not each.option_strings for each in actions[: actions.index(tail)])
    head, rest = split_at_tail(words, fixed, values_of(actions))
    # argparse would let REMAINDER swallow the options between TARGET and CMD, so it stands aside.
    tail.nargs, tail.default = argparse.SUPPRESS, argparse.SUPPRESS
    parser.parse_intermixed_args(head, args)
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


def split_at_tail(
    words: Sequence[str], fixed: int, values: dict[str, int]
) -> tuple[list[str], list[str]]:
    """Split before the first word that is neither an option nor one of the `fixed` arguments."""
    position = seen = 0
    while position < len(words):
        word = words[position]
        if word == "--" and seen == fixed:
            return list(words[:position]), list(words[position + 1 :])
        if word == "--":
            end = position + 1 + fixed - seen
            return list(words[:end]), list(words[end:])
        if word.startswith("-") and word != "-":
            position += 1 + words_after(word, values)
        elif seen == fixed:
            return list(words[:position]), list(words[position:])
        else:
            position, seen = position + 1, seen + 1
    return list(words), []


def words_after(option: str, values: dict[str, int]) -> int:
    if option.startswith("--"):
        return 0 if "=" in option else values.get(option, 0)
    # Short options may stand together (-qv), and a value may be joined to the last (-L8080).
    for place, letter in enumerate(option[1:], start=1):
        if count := values.get(f"-{letter}", 0):
            return count if place == len(option) - 1 else 0
    return 0


def nearest(word: str, names: Collection[str]) -> str:
    """` (did you mean 'NAME'?)` if one of `names` looks like `word`, otherwise nothing."""
    import difflib

    close = difflib.get_close_matches(word, names, n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""
