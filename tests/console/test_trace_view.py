"""What a person reads of each unit."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.console.trace_view import TraceView
from guardpost.protocol.framing import Profile
from guardpost.protocol.hello import Hello
from guardpost.protocol.messages import (
    Ack,
    Data,
    GoAway,
    Message,
    Open,
    Ping,
    Profiles,
    Reset,
    Speed,
    SpeedStep,
)
from guardpost.protocol.observer import Unit, UnitKind, withheld

HELLO = Hello(False, 7, 0, 2).encode()
ANSWER = Hello(True, 9, 0, 2).encode(answers=HELLO)


def shown(unit: Unit, view: TraceView | None = None) -> str:
    """Without the time."""
    return (view or TraceView()).line(unit, 0.0).partition(" ")[2]


def packet(*messages: Message) -> Unit:
    plain = b"".join(each.encode() for each in messages)
    return Unit(UnitKind.PACKET, False, b"\x10\x05\x00" + plain, 40, Profile.CLEAN, 5, plain)


def test_hellos_say_what_they_answer() -> None:
    view = TraceView()
    answer = Unit(UnitKind.HELLO, True, ANSWER, 41)
    assert "answers none that was seen here" in shown(answer, view)
    assert shown(Unit(UnitKind.HELLO, False, HELLO, 41), view) == (
        "console > agent     41 B  hello of console, major 1, clean to the agent, "
        "console to the console"
    )
    assert shown(answer, view).endswith("console to the console, answers the last")


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (Ack(((5, 8), (0, 2)), 0, 1500), "ACK 5-7,0-1 after 1.5 ms"),
        (Open(4, "tcp", 20, interactive=True), "OPEN 4 tcp, request of 20 B interactive"),
        (Data(4, 7, b"a\r\n\x1b'", fin=True), r"""DATA 4 +7 5 B FIN "a\r\n\x1b'" """.strip()),
        (Reset(4, 10, 3, "no \x1b such"), r'RESET 4 not-found at 3 "no \x1b such"'),
        (GoAway(99), "GOAWAY 99"),
        (Ping(), "PING"),
        (Profiles(2, 3), "PROFILES console to the agent, printable back"),
        (Speed(SpeedStep.ASK, 921600), "SPEED ask 921600"),
        (Speed(SpeedStep.REFUSE, 0, "no cable"), 'SPEED refuse "no cable"'),
        (Speed(SpeedStep.PROBE, 0), "SPEED probe 0"),
    ],
)
def test_each_message_is_named(message: Message, words: str) -> None:
    assert shown(packet(message)).endswith(f"packet 5  {words}")


def test_long_contents_are_cut_unless_all_is_wanted() -> None:
    unit = packet(Data(0, 0, b"x" * 100))
    assert shown(unit).endswith('"' + "x" * 64 + '..."')
    assert shown(unit, TraceView(whole=True)).endswith('"' + "x" * 100 + '"')
    assert shown(withheld(unit)).endswith("DATA 0 +0 100 B")


def test_what_was_not_opened_is_sealed() -> None:
    unit = Unit(UnitKind.PACKET, True, b"\x10\x34\x12" + bytes(30), 40, Profile.CLEAN)
    assert shown(unit).endswith("packet ..1234  sealed, 33 bytes")


def test_channels_without_contents_leave_nothing_behind() -> None:
    view = TraceView()
    units = [withheld(packet(Open(4 * n, "exec", 20, compressed=True))) for n in range(2000)]
    tracemalloc.start()
    for unit in units:
        view.line(unit, 0.0)
    left, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert left < 50 * len(units)


@given(st.sampled_from(UnitKind), st.binary(max_size=60), st.none() | st.binary(max_size=60))
def test_whatever_stood_on_the_line_a_line_of_a_trace_is_harmless(
    kind: UnitKind, body: bytes, messages: bytes | None
) -> None:
    number = None if messages is None else 5
    unit = Unit(kind, True, body, len(body), None, number, messages)
    for each in (unit, withheld(unit)):
        assert TraceView().line(each, 0.0).isprintable()
