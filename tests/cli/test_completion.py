"""The shell completes commands and their options."""

import argparse
import os
import sys
import types

import pytest

from guardpost.cli.completion import full_parser
from guardpost.cli.main import Command


@pytest.fixture
def commands() -> list[Command]:
    module = types.ModuleType("cmd_bell")

    def configure(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--loud", action="store_true")

    module.configure = configure  # type: ignore[attr-defined]
    sys.modules["cmd_bell"] = module
    return [Command("bell", "cmd_bell", "ring a bell")]


def test_one_parser_knows_all_commands(commands: list[Command]) -> None:
    assert full_parser(commands).parse_args(["bell", "--loud"]).loud is True


def test_argcomplete_answers_from_it(commands: list[Command]) -> None:
    finder = pytest.importorskip("argcomplete.finders").CompletionFinder(full_parser(commands))
    completed = finder._get_completions(["guardpost", "bell"], "--l", "", None)
    assert [each.strip() for each in completed] == ["--loud"]
    assert "_ARGCOMPLETE" not in os.environ
