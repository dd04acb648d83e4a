"""Which word is what: the rules that scripts rely on."""

import argparse

import pytest

from guardpost.cli.grammar import nearest, split_at_command
from guardpost.cli.parser import CommandParser, parse
from guardpost.errors import UsageError


@pytest.mark.parametrize(
    ("line", "before", "word", "after"),
    [
        ("exec T ls", "", "exec", "T ls"),
        ("-v exec T", "-v", "exec", "T"),
        ("--psk FILE exec T", "--psk FILE", "exec", "T"),
        ("--psk=FILE exec T", "--psk=FILE", "exec", "T"),
        ("--persist exec exec T", "--persist exec", "exec", "T"),
        ("--timeout 5 exec T", "--timeout 5", "exec", "T"),
        ("--detach exec T", "--detach", "exec", "T"),
        ("-v", "-v", "", ""),
        ("", "", "", ""),
    ],
)
def test_the_command_is_the_first_word_that_is_no_option(
    line: str, before: str, word: str, after: str
) -> None:
    assert split_at_command(line.split(), ["exec"]) == (before.split(), word, after.split())


def parser(*positional: dict[str, str]) -> CommandParser:
    made = CommandParser(prog="guardpost ring", description="")
    made.add_argument("-L", dest="forwards", action="append", default=[])
    made.add_argument("-q", dest="quiet", action="store_true")
    made.add_argument("target")
    return made


@pytest.mark.parametrize(
    ("line", "forwards", "command"),
    [
        ("-L 1 T ls -L 2", ["1"], "ls -L 2"),
        ("-L1 T ls", ["1"], "ls"),
        ("-qL 1 T -L2 ls -q", ["1", "2"], "ls -q"),
        ("T -L 1 -- -L 2", ["1"], "-L 2"),
        ("T -", [], "-"),
        ("T", [], ""),
    ],
)
def test_nothing_after_the_remote_command_is_parsed(
    line: str, forwards: list[str], command: str
) -> None:
    made = parser()
    made.add_argument("command", nargs=argparse.REMAINDER)
    args = parse(made, line.split(), argparse.Namespace())
    assert (args.target, args.forwards, args.command) == ("T", forwards, command.split())


def test_without_a_remote_command_options_stand_anywhere() -> None:
    made = parser()
    made.add_argument("pids", nargs="+", type=int)
    args = parse(made, ["T", "1", "-q", "2", "-L", "x", "3"], argparse.Namespace())
    assert (args.target, args.pids, args.quiet, args.forwards) == ("T", [1, 2, 3], True, ["x"])


@pytest.mark.parametrize("line", ["", "-L", "T extra", "--fo 1 T", "--unknown T"])
def test_wrong_usage_is_an_error_and_never_an_exit(line: str) -> None:
    with pytest.raises(UsageError, match=r"guardpost ring: .*; see 'guardpost ring --help'"):
        parse(parser(), line.split(), argparse.Namespace())


def test_a_typing_error_finds_its_nearest_match() -> None:
    assert nearest("forwrad", ["exec", "forward"]) == " (did you mean 'forward'?)"
    assert nearest("zzz", ["exec", "forward"]) == ""
