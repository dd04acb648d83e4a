"""The lines of the audit: what they say, how they are written; they are never in the way."""

import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.agent.audit import Audit, action_facts, line_of
from guardpost.services import Fact
from guardpost.services.action import Action

FIELD = re.compile(r'([a-z_]+)=("(?:[^"\\]|\\.)*"|[^\s"\\=]+)(?: |$)')
ESCAPE = re.compile(r'\\(\\|"|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})')


def read(line: str) -> dict[str, str]:
    """A line as a program reads it, by the rules of the docs."""

    def character(found: re.Match[str]) -> str:
        return found[1] if found[1] in '\\"' else chr(int(found[1][1:], 16))

    assert "".join(found[0] for found in FIELD.finditer(line)) == line
    fields = {found[1]: found[2] for found in FIELD.finditer(line)}
    return {
        name: ESCAPE.sub(character, value[1:-1]) if value.startswith('"') else value
        for name, value in fields.items()
    }


def test_a_line_is_for_people_and_for_programs() -> None:
    facts: dict[str, Fact] = {"name": "ann b", "target": b"/tmp/a\xff", "seconds": 1.5, "status": 0}
    assert line_of("channel", "end", {**facts, "role": ""}) == (
        "audit=1 event=channel outcome=end "
        r'name="ann b" target="/tmp/a\xff" seconds=1.500 status=0'
    )


@given(st.text(max_size=40))
def test_every_text_comes_back(text: str) -> None:
    line = line_of("login", "begin", {"name": text, "last": "1"})
    assert line.isprintable()
    fields = read(line)
    assert fields.pop("last") == "1"
    # Empty is left out; a lone surrogate stands for a byte that is no UTF-8.
    assert fields.get("name", "") == text.translate(
        {code: code - 0xDC00 for code in range(0xDC80, 0xDD00)}
    )


@given(st.dictionaries(st.sampled_from(["audit", "event", "outcome"]), st.text(max_size=5)))
def test_no_fact_can_pretend_to_be_another_event(facts: dict[str, str]) -> None:
    fields = read(line_of("channel", "end", facts))
    assert fields == {"audit": "1", "event": "channel", "outcome": "end"}


def test_a_long_value_is_cut() -> None:
    line = line_of("channel", "begin", {"target": "x" * 65536})
    assert len(line) < 1100
    assert "(65536 characters)" in line


@pytest.mark.parametrize(
    "action, facts",
    [
        (Action("monitor"), {"action": "monitor", "target": ""}),
        (
            Action("exec", argv=(b"/bin/sh", b"-c", b"a b'"), user="web", env=(b"A", b"B")),
            {
                "action": "exec",
                "target": "/bin/sh -c 'a b'\"'\"''",
                "as_user": "web",
                "env": b"A,B",
            },
        ),
        (Action("file-read", path=b"/x\xff"), {"action": "file-read", "target": b"/x\xff"}),
        (Action("forward", "::1", 22), {"action": "forward", "target": "[::1]:22"}),
        (Action("listen", path=b"/run/x"), {"action": "listen", "target": b"/run/x"}),
    ],
)
def test_what_is_said_of_an_action(action: Action, facts: dict[str, Fact]) -> None:
    assert action_facts(action) == facts


def test_a_sink_that_fails_costs_lines_that_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    kept: list[str] = []
    full = False

    def file(line: str, grave: bool) -> None:
        if full:
            raise OSError(28, "No space left on device")
        kept.append(line)

    other: list[str] = []
    audit = Audit({"the file": file, "syslog": lambda line, grave: other.append(line)})
    audit.record("command", "begin", {"n": 1})
    full = True
    for number in (2, 3):
        audit.record("command", "begin", {"n": number})
    full = False
    audit.record("command", "begin", {"n": 4})
    assert [line.split(" ", 1)[1] for line in kept] == [
        "event=command outcome=begin n=1",
        "event=audit outcome=lost lines=2",
        "event=command outcome=begin n=4",
    ]
    assert len(other) == 4
    complaints = [each for each in caplog.messages if "No space left" in each]
    assert len(complaints) == 1


def test_refusals_fill_no_disk() -> None:
    now = 0.0
    kept: list[str] = []
    audit = Audit({"x": lambda line, grave: kept.append(line)}, clock=lambda: now)
    for _ in range(1000):
        audit.refuse("channel", {})
    assert len(kept) == 100
    now = 2.0
    audit.record("channel", "begin", {})  # what happened is told in any case
    audit.refuse("channel", {})
    assert kept[-1] == "audit=1 event=channel outcome=refused untold=900"
    assert len(kept) == 102
