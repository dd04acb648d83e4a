"""What a terminal of ours is for a program of the host; the rest is in test_cmd_shell.py."""

import argparse
import sys

import pytest

from guardpost.cli import on_terminal
from guardpost.cli.main import main
from guardpost.errors import UsageError


def test_language_and_colours_are_carried_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LANG", "LC_ALL", "LC_CTYPE", "LANGUAGE", "COLORTERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    monkeypatch.setenv("LC_TIME", "C")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("AWS_SECRET", "no")
    words = {b"LANG": b"de_DE.UTF-8", b"LC_TIME": b"C"}
    found = on_terminal.language()
    assert {name: found[name] for name in words} == words
    assert not {b"AWS_SECRET", b"COLORTERM"} & {*found}
    assert on_terminal.language_and_colours()[b"COLORTERM"] == b"truecolor"
    assert b"AWS_SECRET" not in on_terminal.language_and_colours()


def test_a_terminal_of_windows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")

    async def never(session: object, tty: object) -> on_terminal.Opened:
        raise AssertionError

    with pytest.raises(UsageError, match="guardpost exec"):
        on_terminal.run(argparse.Namespace(escape="^]"), never)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("shell --new tcp:h:1", "--new is for --keep"),
        ("shell --attach 0 tcp:h:1", "--attach takes the number of a shell"),
        ("shell --attach 1 --new tcp:h:1", "not allowed with argument"),
        ("exec --tty --detach tcp:h:1 true", "'guardpost shell --keep' has a terminal"),
    ],
)
def test_what_does_not_go_together_is_told(
    line: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(line.split()) == 255
    assert message in capsys.readouterr().err
