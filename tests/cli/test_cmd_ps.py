import json
import os

import pytest
from support import commands

from guardpost.cli import cmd_ps, opening
from guardpost.cli.main import main
from guardpost.services.processes import Process

HEADINGS = ["PID", "USER", "CPU", "RSS", "STATE", "STARTED", "COMMAND"]
TABLE = [
    Process(1, user="root", cpu_seconds=75, rss_bytes=4096, state="sleeping", argv=[b"/init"]),
    Process(2, user="root", name="kthreadd"),
    Process(30, user="ann\n", cpu_seconds=3.9, rss_bytes=123_456_789, argv=[b"vi", b"\xff\x1b[2J"]),
]


@pytest.fixture(autouse=True)
def no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "connect", commands.connect)


def test_the_table_shows_this_very_process(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ps", "web01", "--filter", str(os.getpid())]) == 0
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split() == HEADINGS
    assert str(os.getpid()) in [row.split()[0] for row in rows]


def test_a_tree_has_the_ancestors_of_what_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["ps", "web01", "--tree", "--filter", str(os.getpid()), "-o", "pid,ppid,command"]
    assert main(words) == 0
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split() == ["PID", "PPID", "COMMAND"]
    shown = [int(row.split()[0]) for row in rows]
    assert os.getpid() in shown
    assert shown.index(os.getppid()) < shown.index(os.getpid())


def test_columns_are_chosen_and_wrong_ones_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ps", "web01", "--columns", "nice,threads,pid", "--sort=-threads"]) == 0
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split() == ["NI", "THR", "PID"]
    threads = [int(row.split()[1]) for row in rows if row.split()[1] != "-"]
    assert threads == sorted(threads)
    for words in (["-o", "size"], ["--sort", "size"]):
        assert main(["ps", "web01", *words]) == 255
        assert "no column 'size'; there are pid, " in capsys.readouterr().err


def test_json_has_a_schema_and_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ps", "web01", "--json", "--sort", "rss"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == 1
    (own,) = [each for each in found["processes"] if each["pid"] == os.getpid()]
    assert own["rss_bytes"] > 1_000_000
    assert own["argv"]


def test_what_strangers_wrote_is_shown_and_not_sent() -> None:
    lines = cmd_ps.as_lines(TABLE, None)
    assert lines[0].split() == HEADINGS
    assert lines[1].split() == ["1", "root", "1:15", "4.0K", "sleeping", "-", "/init"]
    assert lines[2].split() == ["2", "root", "-", "-", "-", "-", "[kthreadd]"]
    assert lines[3].split() == ["30", "ann\\x0a", "0:03", "118M", "-", "-", "vi", r"\xff\x1b[2J"]


def test_a_narrow_terminal_goes_without_some_columns() -> None:
    wide = cmd_ps.as_lines(TABLE, 120)
    assert wide[0].split() == HEADINGS
    narrow = cmd_ps.as_lines(TABLE, 38)
    assert narrow[0].split() == ["PID", "CPU", "RSS", "COMMAND"]
    for columns in range(1, 130):
        assert max(map(len, cmd_ps.as_lines(TABLE, columns))) <= columns


def test_numbers_without_an_end_are_shown_as_unknown() -> None:
    for number in (float("inf"), float("nan")):
        (row,) = cmd_ps.as_lines([Process(1, cpu_seconds=number, started=number)], None)[1:]
        assert row.split() == ["1", "-", "-", "-", "-", "-", "?"]


def test_chosen_columns_are_only_cut() -> None:
    lines = cmd_ps.as_lines(TABLE, 12, ["user", "state", "started"])
    assert lines[0] == "USER     STA"
    assert cmd_ps.as_lines(TABLE, None, ["command", "pid"])[1] == "/init             1"
