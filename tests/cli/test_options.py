"""Options that many commands share mean the same everywhere."""

import argparse

import pytest

from guardpost.cli.grammar import FLAGS, OPTIONS_WITH_VALUE
from guardpost.cli.options import add_common_options, add_console_options
from guardpost.cli.parser import CommandParser, parse
from guardpost.errors import UsageError


def full_parser() -> CommandParser:
    parser = CommandParser(prog="guardpost ring", description="")
    add_console_options(parser, json=True)
    add_common_options(parser, exit_codes=True)
    return parser


def test_what_may_stand_before_the_command_is_what_the_commands_take() -> None:
    """The two tables are written out so that finding the command needs no parser."""
    actions = full_parser()._actions
    names = {name: each for each in actions for name in each.option_strings}
    assert {name for name, each in names.items() if each.nargs is None} == OPTIONS_WITH_VALUE
    assert {name for name, each in names.items() if each.nargs == 0} <= FLAGS


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "soon"])
def test_a_time_is_a_number_of_seconds(value: str) -> None:
    with pytest.raises(UsageError, match="connect-timeout"):
        parse(full_parser(), [f"--connect-timeout={value}"], argparse.Namespace())


def test_a_command_may_have_its_own_meaning_of_verbose() -> None:
    parser = CommandParser(prog="guardpost ring", description="")
    parser.add_argument("-v", "--verbose", action="store_true")
    add_common_options(parser, exit_codes=False)
    assert parse(parser, ["-v"], argparse.Namespace()).verbose is True


@pytest.mark.parametrize(
    ("words", "highest"),
    [
        (["/dev/ttyS0"], 0),
        (["--raise-baud", "/dev/ttyS0"], 4000000),
        (["--raise-baud=921600", "/dev/ttyS0"], 921600),
        (["/dev/ttyS0", "--raise-baud"], 4000000),
    ],
)
def test_a_wish_for_a_faster_line_may_have_a_limit(words: list[str], highest: int) -> None:
    parser = full_parser()
    parser.add_argument("target")
    args = parse(parser, words, argparse.Namespace())
    assert (args.raise_baud, args.target) == (highest, "/dev/ttyS0")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parse(parser, [*words, "cmd", "--raise-baud"], argparse.Namespace())
    assert (args.raise_baud, args.command) == (highest, ["cmd", "--raise-baud"])


@pytest.mark.parametrize("value", ["0", "49", "fast", "99999999999", "-1"])
def test_a_speed_is_a_number_of_bits_a_second(value: str) -> None:
    with pytest.raises(UsageError, match="raise-baud"):
        parse(full_parser(), [f"--raise-baud={value}"], argparse.Namespace())
