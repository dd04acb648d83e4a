"""What the bar of a copy shows."""

import io

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


def test_every_byte_is_dealt_with_once() -> None:
    total = Sum()
    seen = []
    for event in COPY:
        total.add(event)
        seen.append(total.completed)
    assert seen == [0, 0, 0, 0, 0, 60, 100, 150, 150, 550, 850, 1150]
    assert total.total == 1150


def test_a_stream_has_no_end_that_is_known() -> None:
    total = Sum()
    total.add(events.Found(b"-", None))
    assert not total.has_end


def test_the_bar_is_drawn_and_gone_at_the_end() -> None:
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    progress = Progress(terminal)
    for event in COPY[:-1]:
        progress.tell(event)
    progress.say("guardpost: [red]word[/red]: text")
    progress.close()
    assert "[red]word[/red]" in terminal.getvalue()


def test_a_name_is_shown_by_its_end_and_safely() -> None:
    assert shown(b"/srv/" + b"x" * 40 + b"/file") == "…" + "x" * 24 + "/file"
    assert "\x1b" not in shown(b"\x1b[2J\xff")
