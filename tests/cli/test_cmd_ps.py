import json
import os

import pytest
from support import commands

from guardpost.cli import cmd_ps, opening
from guardpost.cli.main import main
from guardpost.services.processes import Process

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
    assert heading.split() == list(cmd_ps.HEADINGS)
    assert str(os.getpid()) in [row.split()[0] for row in rows]


def test_json_has_a_schema_and_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ps", "web01", "--json", "--sort", "rss"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == 1
    (own,) = [each for each in found["processes"] if each["pid"] == os.getpid()]
    assert own["rss_bytes"] > 1_000_000
    assert own["argv"]


def test_what_strangers_wrote_is_shown_and_not_sent() -> None:
    lines = cmd_ps.as_lines(TABLE, None)
    assert lines[0].split() == list(cmd_ps.HEADINGS)
    assert lines[1].split() == ["1", "root", "1:15", "4.0K", "sleeping", "-", "/init"]
    assert lines[2].split() == ["2", "root", "-", "-", "-", "-", "[kthreadd]"]
    assert lines[3].split() == ["30", "ann\\x0a", "0:03", "118M", "-", "-", "vi", r"\xff\x1b[2J"]


def test_a_terminal_s_width_cuts_lines() -> None:
    assert max(map(len, cmd_ps.as_lines(TABLE, 30))) == 30


def test_numbers_sort_largest_first_and_what_is_unknown_last() -> None:
    def pids(field: str) -> list[int]:
        return [each.pid for each in cmd_ps.ordered(TABLE, field)]

    assert pids("pid") == [1, 2, 30]
    assert pids("cpu") == [1, 30, 2]
    assert pids("rss") == [30, 1, 2]
    assert pids("command") == [1, 2, 30]


def test_a_filter_looks_at_command_user_and_pid() -> None:
    def matching(text: str) -> list[int]:
        return [each.pid for each in TABLE if cmd_ps.matches(each, text)]

    assert matching("INIT") == [1]
    assert matching("root") == [1, 2]
    assert matching("30") == [30]
    assert matching("3") == []


def test_a_start_is_a_time_today_and_a_date_before() -> None:
    assert cmd_ps.started_text(1_700_000_000, 1_700_000_100).count(":") == 2
    assert cmd_ps.started_text(1_700_000_000, 1_800_000_000).startswith("2023-11-")
    assert cmd_ps.started_text(1e300, 0) == "-"
