import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.cli import cmd_info, cmd_jobs, cmd_ps, cmd_top, cmd_watch
from guardpost.cli.json_text import json_text
from guardpost.cli.process_tree import branches_for
from guardpost.cli.top_model import HostFigures, Shown, TopModel
from guardpost.cli.top_view import TopView
from guardpost.services.info import Info
from guardpost.services.jobs import JobInfo
from guardpost.services.processes import Process
from guardpost.services.watch import WatchEvent

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
)


def refuse(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")


@given(values)
def test_anything_is_valid_and_only_what_is_no_number_is_null(value: object) -> None:
    read = json.loads(json_text([value]), parse_constant=refuse)
    try:
        assert json.loads(json.dumps([value], allow_nan=False)) == read
    except ValueError:
        assert "null" in json_text(value)


@pytest.mark.parametrize("endless", [math.inf, -math.inf, math.nan])
def test_no_command_prints_an_endless_number_that_an_agent_says(endless: float) -> None:
    process = Process(1, started=endless, cpu_seconds=endless)
    model, view = TopModel(), TopView(branches_for("ascii"))
    model.host = HostFigures((endless,), endless)
    view.arrange([Shown(process, endless)])
    info = Info("1.0", uptime=endless, load=[endless])
    event = WatchEvent("above", endless, pid=1, started=endless, metric="cpu", value=endless)
    job = JobInfo(1, "exec", [], "", True, 1, endless, endless, 0, 0, False, endless)
    for text in (
        cmd_ps.as_json([process]),
        cmd_info.as_json(info),
        json_text(cmd_top.as_object(model, view)),
        json_text(cmd_watch.as_object(event)),
        json_text(cmd_jobs.as_object(job)),
    ):
        json.loads(text, parse_constant=refuse)
