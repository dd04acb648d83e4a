from hypothesis import given
from hypothesis import strategies as st

from guardpost.cli.cells import width_of
from guardpost.cli.process_tree import branches_for
from guardpost.cli.screen import Text
from guardpost.cli.top_model import HostFigures, Shown, TopModel
from guardpost.cli.top_page import HEAD_ROWS, as_text, heading, page
from guardpost.cli.top_view import TopView
from guardpost.services.processes import Process


def model(*processes: Process) -> TopModel:
    made = TopModel()
    made.shown = [Shown(each, 12.5) for each in processes]
    made.host = HostFigures((0.5, None, 0.25), 0.66, 2, 8 << 30, 2 << 30, 1 << 30, 0, 3661)
    made.cpu_history.extend([0.0, 0.5, 0.99])
    made.memory_history.extend([0.25] * 3)
    return made


INIT = Process(
    1, user="root", state="running", cpu_seconds=75, rss_bytes=4096, nice=-5, argv=[b"/init", b"x"]
)
BARE = Process(42)
EVIL = Process(43, user="a\x1b[2J", name="\u202eevil", argv=[b"\x1b]0;x\x07", "漢字".encode()])


def shown(size: tuple[int, int], *processes: Process, **view_fields: object) -> list[Text]:
    view = TopView(branches_for("utf-8"))
    for name, value in view_fields.items():
        setattr(view, name, value)
    return page("web01", model(*processes), view, "every 2 s", size, unicode=True)


def test_a_page_of_80_by_24() -> None:
    lines = shown((80, 24), INIT, BARE)
    assert len(lines) == 24
    assert lines[0].text == "web01  up 1:01:01  load 0.50 - 0.25  2 processes, 1 running"
    assert lines[1].text.startswith("CPU   66%  of 2")
    assert lines[1].text.endswith(" ▁▅█")
    assert lines[2].text.startswith("MEM   25%  2.0G of 8.0G  swap 0 of 1.0G")
    assert lines[3].text == "every 2 s"
    assert lines[4].text.split() == ["PID", "USER", "NI", "S", "%cpu", "TIME", "RSS", "COMMAND"]
    assert lines[5].text.split() == ["1", "root", "-5", "R", "12.5", "1:15", "4.0K", "/init", "x"]
    assert lines[6].text.split() == ["42", "-", "-", "-", "12.5", "-", "-", "?"]
    assert lines[-1].text.startswith("q quit")


def test_strangers_cannot_reach_the_terminal() -> None:
    for line in shown((200, 10), EVIL):
        assert line.text.isprintable()


@given(st.integers(1, 130), st.integers(1, 40), st.booleans())
def test_a_page_fits_any_terminal(columns: int, rows: int, helping: bool) -> None:
    lines = shown((columns, rows), INIT, BARE, EVIL, helping=helping)
    assert len(lines) <= max(rows, HEAD_ROWS + 1)
    for line in lines[HEAD_ROWS:-1]:
        assert helping or width_of(line.text) <= columns


def test_help_is_a_page_of_its_own_and_fits_24_lines() -> None:
    lines = shown((80, 24), INIT, helping=True)
    assert lines[-1].text == "Any key goes back."
    assert len(lines) <= 24
    assert max(len(line.text) for line in lines) <= 80


def test_a_question_stands_where_the_status_was() -> None:
    view = TopView(branches_for("utf-8"))
    page("web01", model(INIT), view, "", (80, 24), unicode=True)
    view.press("k")
    lines = page("web01", model(INIT), view, "every 2 s", (80, 24), unicode=True)
    assert lines[3].text == "signal for 1 (-): TERM_   (Enter does it; Esc: no)"


def test_a_narrow_page_goes_without_some_columns() -> None:
    assert heading(50).split() == ["PID", "S", "%CPU", "RSS", "COMMAND"]
    assert heading(20).split() == ["PID", "%CPU", "COMMAND"]


def test_text_for_a_pipe_is_whole() -> None:
    long = Process(7, argv=[b"x" * 500])
    text = as_text("web01", model(INIT, long), TopView(branches_for("ascii")), None)
    assert "x" * 500 in text
    assert text.isascii()
