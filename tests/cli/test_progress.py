"""What the bar of a copy shows."""

import io
import re

import pytest

from guardpost.cli.progress import Progress, Sum, shown
from guardpost.services.files import events

COPY: list[events.Event] = [
    events.Found(b"a", 100),
    events.Found(b"b", 1000),
    events.Found(b"c", 50),
    events.Listed(),
    events.Started(b"a", 100),
    events.Advanced(b"a", 60, 60),
    events.Done(b"a", 100, 100, b"x"),
    events.Skipped(b"c", 50),
    events.Started(b"b", 1000),
    events.Resumed(b"b", 400),
    events.Advanced(b"b", 700, 300),
    events.Failed(b"b", "disk-full", "no room"),
]


def test_every_byte_is_dealt_with_once_or_was_there() -> None:
    total = Sum()
    seen = []
    for event in COPY:
        total.add(event)
        seen.append((total.completed, total.total, total.there))
    assert seen[3:] == [
        *[(0, 1150, 0), (0, 1150, 0), (60, 1150, 0), (100, 1150, 0)],
        *[(100, 1100, 50), (100, 1100, 50), (100, 700, 450), (400, 700, 450), (700, 700, 450)],
    ]


def test_a_stream_has_no_end_that_is_known() -> None:
    total = Sum()
    total.add(events.Found(b"-", None))
    assert not total.has_end


class Terminal(io.StringIO):
    """What a person sees: the last line that was drawn."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True

    def line(self) -> str:
        drawn = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.getvalue())
        return [line for line in re.split(r"[\r\n]", drawn) if line.strip()][-1]


class AsciiTerminal(Terminal):
    encoding = "ascii"


NAME = b"/srv/data/a/long/folder/n\xc3\xa4me/of/a/file.bin"


def drawn_after_ten_seconds(terminal: Terminal) -> str:
    now = 0.0
    progress = Progress(terminal, lambda: now)
    for event in (
        *(events.Found(NAME, 1_000_000), events.Found(b"other", 5_000_000), events.Listed()),
        *(events.Skipped(b"other", 5_000_000), events.Started(NAME, 1_000_000)),
        events.Resumed(NAME, 400_000),
    ):
        progress.tell(event)
    for second in range(1, 11):
        now = float(second)
        progress.tell(events.Advanced(NAME, 400_000 + 11_000 * second, 11_000 * second))
    progress.say("guardpost: [red]word[/red]: text")
    progress.close()  # draws once more before it is gone
    assert "guardpost: [red]word[/red]: text" in terminal.getvalue()
    return terminal.line()


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_the_bar_is_one_line_with_rate_and_eta(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither counts what was there: 600 kB at 11 kB/s, of which 110 are done."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))
    line = drawn_after_ten_seconds(Terminal())
    assert len(line) <= columns
    assert line.rstrip().endswith("18% 107.4/585.9 KiB 11.0 kB/s 00:45")
    assert ("file.bin (5.4 MB were there)" in line) is (columns == 120)


def test_a_terminal_without_unicode_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "vt220")
    monkeypatch.setenv("COLUMNS", "80")
    terminal = AsciiTerminal()
    assert "/of/a/file.bin" in drawn_after_ten_seconds(terminal)
    assert terminal.getvalue().isascii()


def test_a_name_is_shown_by_its_end_and_safely() -> None:
    assert shown(b"/srv/" + b"x" * 40 + b"/file") == "…" + "x" * 20 + "/file"
    assert shown(b"x" * 40, ascii_only=True) == "..." + "x" * 23
    assert "\x1b" not in shown(b"\x1b[2J\xff")
