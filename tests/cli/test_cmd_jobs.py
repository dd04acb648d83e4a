"""How jobs are shown and named; tests/e2e/test_jobs.py runs the command."""

import pytest
from support import commands

from guardpost.cli import cmd_jobs, opening
from guardpost.cli.main import main
from guardpost.services.jobs import JobInfo
from guardpost.services.program import Exit


def info(number: int, *argv: bytes, exit: Exit | None = None, attached: bool = False) -> JobInfo:
    return JobInfo(
        job=number,
        kind="exec",
        argv=list(argv),
        user="ann\x1b[2J",
        is_own=True,
        pid=7,
        started=1000.0,
        now=1065.0,
        written=2048,
        kept=100,
        is_attached=attached,
        ended=1064.0 if exit else None,
        exit=exit,
    )


def test_a_row_says_how_it_goes_and_cannot_harm_a_terminal() -> None:
    states = [
        cmd_jobs.state(info(1, b"x", exit=exit, attached=attached))
        for exit, attached in [
            *((None, False), (None, True), (Exit(3), False), (Exit(None, 9), False)),
            (Exit(None, 15, True), False),
        ]
    ]
    assert states == ["running", "attached", "exit 3", "signal 9", "timed out"]
    heading, first, second = cmd_jobs.as_lines([info(1, b"a\x07b", b"\xff"), info(12, b"c")])
    assert heading.split() == [*cmd_jobs.HEADINGS]
    assert not {"\x1b", "\x07"} & {*first}
    assert second.split()[:4] == ["12", "running", "1:05", "ago"]


def test_json_has_a_schema_and_every_field() -> None:
    found = cmd_jobs.as_object(info(1, b"\xff", exit=Exit(3)))
    assert found["argv"] == ["\\xff"]
    assert (found["status"], found["signal"], found["timed_out"]) == (3, None, False)
    assert (found["written_bytes"], found["kept_bytes"], found["ended"]) == (2048, 100, 1064.0)


@pytest.mark.parametrize("words", [["attach"], ["output", "1", "HUP"], ["attach", "1", "x"]])
def test_a_deed_wants_its_job(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["jobs", "tcp:127.0.0.1:1", *words]) == 255
    assert "write: guardpost jobs TARGET" in capsys.readouterr().err


def test_a_job_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(opening, "connect", commands.connect)
    assert main(["jobs", "web01", "forget", "3"]) == 255
    assert "there is no job 3 of yours" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["kill", "3"], ["output", "3"]])
def test_exit_codes_are_detailed_where_they_are_ours(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["jobs", "--exit-codes=detailed", "/nowhere/ttyS9", *words]) == 3
    assert main(["jobs", "/nowhere/ttyS9", *words]) == 255
    capsys.readouterr()
    assert main(["jobs", "--exit-codes=detailed", "/nowhere/ttyS9", "attach", "3"]) == 255
    assert capsys.readouterr().err.startswith("guardpost: usage: attach ends with")
