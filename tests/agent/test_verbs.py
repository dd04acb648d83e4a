"""The words of the prompt: how lines are taken apart, and how figures are shown."""

import contextlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.agent.verb import this_host
from guardpost.agent.verbs import GUEST_HELP, USER_HELP, VERBS, parse_line
from guardpost.agent.verbs_monitor import _size
from guardpost.errors import UsageError


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ps", ("ps", [])),
        ("  ps  init ", ("ps", ["init"])),
        ("run grep -e \"a b\" 'c d' e\\ f", ("run", ["grep", "-e", "a b", "c d", "e f"])),
        ("page off", ("page", ["off"])),
    ],
)
def test_a_line_is_taken_apart_as_in_a_shell(line: str, words: tuple[str, list[str]]) -> None:
    assert parse_line(line) == words


@pytest.mark.parametrize(
    "line",
    ["", "  ", "frob", "PS", "help me", "login", "login a b", "run", "run 'x", "page", "page x"],
)
def test_a_line_that_is_no_command(line: str) -> None:
    with pytest.raises(UsageError):
        parse_line(line)


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
def test_any_line_is_a_command_or_a_usage_error(line: str) -> None:
    with contextlib.suppress(UsageError):
        assert parse_line(line)[0]


def test_help_names_every_command_and_fits() -> None:
    text = "\n".join(USER_HELP)
    assert all(verb in text for verb in [*VERBS, "page", "lock", "exit", "help", "version"])
    assert len(USER_HELP) <= 22
    assert all(len(line) < 80 for line in [*USER_HELP, *GUEST_HELP])
    guest = "\n".join(GUEST_HELP)
    assert not [verb for verb in VERBS.values() if verb.usage in guest]


@given(st.integers(min_value=0, max_value=1 << 60))
def test_a_size_has_at_most_six_characters(size: int) -> None:
    assert len(_size(size)) <= 6


def test_sizes() -> None:
    assert [_size(each) for each in (0, 999, 1000, 1536, 1 << 20, 10 << 30)] == [
        *("0B", "999B", "1.0K", "1.5K", "1.0M", "10.0G"),
    ]
    assert _size(None) == "?"


def test_this_host_is_the_one_we_run_on() -> None:
    host = this_host("1.2.3")
    assert host.name()
    assert host.info().agent_version == "1.2.3"
    assert os.getpid() in [each.pid for each in host.processes()]
