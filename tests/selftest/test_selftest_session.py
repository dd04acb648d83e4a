"""A whole agent and a console in one process."""

import sys

from guardpost import __version__
from guardpost.selftest import session
from guardpost.selftest.check import perform

COMMAND = [sys.executable, "-m", "guardpost", "--self-test", "child"]


def told(command: list[str]) -> tuple[bool, str]:
    lines = list[str]()
    good = perform(session.checks(command, __version__), lines.append)
    return good, lines[0]


def test_prompt_session_and_a_program() -> None:
    assert told(COMMAND) == (True, "session: ok (over a pty)")


def test_without_a_program_to_start_the_session_is_proved() -> None:
    assert told([]) == (True, "session: ok (over a pty)")


def test_a_program_that_does_something_else_is_noticed() -> None:
    good, line = told([sys.executable, "-c", "print('hello')"])
    assert not good
    assert line.startswith("session: failed: ValueError: a program said b'hello")
