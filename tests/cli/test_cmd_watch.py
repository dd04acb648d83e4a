import json
import os
import subprocess
import sys

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import commands

from guardpost.cli import cmd_watch, opening
from guardpost.cli.json_text import json_text
from guardpost.cli.main import main
from guardpost.errors import RemoteProtocolError
from guardpost.services.records import decode_value
from guardpost.services.watch import WatchEvent


@pytest.mark.skipif(sys.platform != "linux", reason="looks at real processes")
def test_json_lines_of_a_process_that_comes_and_goes() -> None:
    mark = f"guardpost-cmd-{os.getpid()}"
    words = ("watch", "web01", "--json", "--filter", f": {mark}", "-n", "2")
    with commands.command(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as watching:
        assert watching.stdout is not None
        assert watching.stderr is not None
        assert watching.stderr.readline().startswith(b"guardpost: the ")
        with subprocess.Popen(["sh", "-c", f": {mark}; read x; :"], stdin=-1) as child:
            first = json.loads(watching.stdout.readline())
            child.communicate(b"\n")
        second = json.loads(watching.stdout.readline())
        assert watching.wait(30) == 0
    assert (first["schema"], first["event"], second["event"]) == (1, "started", "ended")
    assert first["pid"] == second["pid"] == child.pid
    assert second["source"] in ("kernel", "zombie", "unknown")


def test_each_kind_of_event_as_a_line() -> None:
    def line(event: str, **fields: object) -> str:
        return cmd_watch.as_line(WatchEvent(event, 0.0, **fields)).split(maxsplit=1)[1]

    who = {"pid": 7, "user": "ann", "argv": [b"vi", b"\x1b[2J"]}
    assert line("started", **who) == r"started   7 ann vi \x1b[2J"
    assert line("ended", pid=7, status=3, source="kernel") == "ended     7 - -: status 3"
    assert line("ended", pid=7, name="sh", signal=9) == "ended     7 - [sh]: signal 9"
    assert line("ended", pid=7, source="unknown") == "ended     7 - -: status unknown"
    over = {"metric": "rss", "value": 600e6, "limit": 500e6}
    assert line("above", **who, **over) == r"above     7 ann vi \x1b[2J: rss 572M, limit 477M"
    load = {"metric": "load", "value": 5.25, "limit": 4.0}
    assert line("below", **load) == "below     the host: load 5.25, limit 4"
    dropped = {"started": 40, "kernel": 1}
    assert line("dropped", dropped=dropped).endswith(
        "not shown: 40 started, 1 gaps in what the kernel told"
    )


def test_json_has_the_fields_of_its_kind() -> None:
    def fields(event: str, **given: object) -> set[str]:
        return {*cmd_watch.as_object(WatchEvent(event, 1.0, **given))}

    who = {"event", "time", "pid", "ppid", "started", "user", "name", "argv"}
    assert fields("started", pid=1) == who
    assert fields("ended", pid=1) == who | {"status", "signal", "source"}
    assert fields("above", metric="load") == {"event", "time", "metric", "value", "limit"}
    assert fields("dropped", dropped={"ended": 1}) == {"event", "time", "dropped"}


integers = st.integers(-(1 << 63), (1 << 63) - 1)
anything = st.none() | st.booleans() | integers | st.floats() | st.text()
words = st.none() | st.binary(max_size=9) | st.lists(st.binary(max_size=9), max_size=3)


@given(
    st.fixed_dictionaries(
        {"event": st.sampled_from(["started", "ended", "above", "dropped", "\x1b[2J"])},
        optional={
            **dict.fromkeys(("time", "pid", "started", "value", "limit"), anything),
            **dict.fromkeys(("user", "name", "metric", "source", "status", "signal"), anything),
            "argv": words,
            "dropped": st.dictionaries(st.text(), integers, max_size=3),
        },
    )
)
def test_any_event_is_an_error_or_a_safe_line_and_valid_json(
    given_event: dict[str, object],
) -> None:
    try:
        event = decode_value(msgspec.msgpack.encode(given_event), WatchEvent)
    except RemoteProtocolError:
        return
    assert cmd_watch.as_line(event).isprintable()
    json.loads(json_text(cmd_watch.as_object(event)))


def test_a_time_far_off_is_no_error() -> None:
    assert cmd_watch.clock(1e300) == "--:--:--"


@pytest.mark.parametrize(
    "words", [["--rss", "much"], ["--for", "-1"], ["-n", "-1"], ["--pid", "x"], ["--cpu", "-1"]]
)
def test_what_makes_no_sense_is_a_usage_error(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "connect", commands.connect)
    assert main(["watch", "web01", *words]) == 255
