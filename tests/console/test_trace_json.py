"""What a program reads of each unit."""

import base64
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.console.capture import encode_unit
from guardpost.console.pcapng import header, packets
from guardpost.console.pcapng import packet as packet_block
from guardpost.console.trace_json import TraceJson
from guardpost.protocol.compression import Deflater
from guardpost.protocol.framing import Profile
from guardpost.protocol.hello import Hello
from guardpost.protocol.messages import (
    Accept,
    Ack,
    ConnectionCredit,
    Credit,
    Data,
    GoAway,
    Message,
    Open,
    Ping,
    Profiles,
    Rekey,
    Reset,
    Speed,
    SpeedStep,
    Welcome,
)
from guardpost.protocol.observer import Unit, UnitKind, withheld

HELLO = Hello(False, 7, 0, 2).encode()


def shown(unit: Unit, view: TraceJson | None = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((view or TraceJson()).line(unit, 12.5))
    return found


def packet(*messages: Message) -> Unit:
    plain = b"".join(each.encode() for each in messages)
    return Unit(UnitKind.PACKET, False, b"\x10\x05\x00" + plain, 40, Profile.CLEAN, 5, plain)


def in_base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def test_a_unit_says_when_whence_and_what() -> None:
    unit = Unit(UnitKind.TEXT, True, b"caf\xc3\xa9 \xff\n", 8)
    assert shown(unit) == {
        "schema": 1,
        "time": 12.5,
        "kind": "text",
        "from": "agent",
        "line_bytes": 8,
        "profile": None,
        "text": "caf\u00e9 \\xff\n",
        "data": in_base64(unit.body),
    }
    note = Unit(UnitKind.NOTE, False, b"the line is back", 0)
    assert shown(note) == {"schema": 1, "time": 12.5, "kind": "note", "text": "the line is back"}
    noise = shown(Unit(UnitKind.NOISE, False, b"\x80\x00", 2))
    assert (noise["from"], noise["data"]) == ("console", "gAA=")


def test_hellos_and_handshakes_are_named() -> None:
    view = TraceJson()
    answer = Unit(UnitKind.HELLO, True, Hello(True, 9, 0, 2).encode(answers=HELLO), 41)
    assert shown(answer, view)["role"] is None
    hello = shown(Unit(UnitKind.HELLO, False, HELLO, 41), view)
    assert (hello["role"], hello["major"]) == ("console", 1)
    assert (hello["to_agent"], hello["to_console"]) == ("clean", "console")
    assert shown(answer, view)["role"] == "agent"
    for body, name in ((b"\x01" + bytes(32), "NOISE"), (b"\x04" + bytes(32), "EVERY")):
        said = shown(Unit(UnitKind.HANDSHAKE, False, body, 39, Profile.CLEAN))
        assert (said["message"], said["type"], said["length"]) == (name, body[0], 32)


@given(st.floats(1.7e9, 2e9))
def test_the_time_is_that_of_a_capture(when: float) -> None:
    unit = Unit(UnitKind.NOTE, False, b"", 0)
    file = io.BytesIO(header("x", "y") + packet_block(when, encode_unit(unit), inbound=False))
    ((kept, _),) = packets(file)
    assert TraceJson().line(unit, when) == TraceJson().line(unit, kept)


# Each message, what stands there in any case, and what only with contents.
MESSAGES: list[tuple[Message, dict[str, Any], dict[str, Any]]] = [
    (
        Ack(((5, 8), (0, 2)), 9, 1500),
        {"message": "ACK", "packets": [[5, 7], [0, 1]], "clock_us": 9, "delay_us": 1500},
        {},
    ),
    (
        Open(4, "tcp", 20, interactive=True),
        {
            "message": "OPEN",
            "channel": 4,
            "service": "tcp",
            "request_length": 20,
            "interactive": True,
            "compressed": False,
        },
        {},
    ),
    (Accept(4, 3), {"message": "ACCEPT", "channel": 4, "reply_length": 3}, {}),
    (
        Data(4, 7, b"a\n", fin=True),
        {"message": "DATA", "channel": 4, "offset": 7, "length": 2, "fin": True},
        {"data": "YQo="},
    ),
    (
        Reset(4, 10, 3, "no such"),
        {"message": "RESET", "channel": 4, "code": "not-found", "final": 3},
        {"text": "no such"},
    ),
    (Credit(4, 9), {"message": "CREDIT", "channel": 4, "limit": 9}, {}),
    (ConnectionCredit(9), {"message": "CONNECTION_CREDIT", "limit": 9}, {}),
    (Welcome(b"\x80"), {"message": "WELCOME", "length": 1}, {"data": "gA=="}),
    (GoAway(0, "bye"), {"message": "GOAWAY", "code": "done"}, {"text": "bye"}),
    (Rekey(1, b"abc"), {"message": "REKEY", "step": 1, "length": 3}, {"data": "YWJj"}),
    (
        Profiles(2, 3),
        {"message": "PROFILES", "to_agent": "console", "to_console": "printable"},
        {},
    ),
    (
        Speed(SpeedStep.ASK, 921600, "x"),
        {"message": "SPEED", "step": "ask", "value": 921600},
        {"text": "x"},
    ),
    (Ping(), {"message": "PING"}, {}),
]


@pytest.mark.parametrize(("message", "fields", "contents"), MESSAGES)
def test_each_message_has_its_fields_and_contents_only_if_they_are_there(
    message: Message, fields: dict[str, Any], contents: dict[str, Any]
) -> None:
    unit = packet(message, Ping())
    assert shown(unit)["messages"] == [fields | contents, {"message": "PING"}]
    assert shown(withheld(unit))["messages"] == [fields, {"message": "PING"}]
    assert (shown(unit)["withheld"], shown(withheld(unit))["withheld"]) == (False, True)


def test_compressed_data_is_given_plain_as_well() -> None:
    packed = Deflater().block(b"uid=0(root)\n")
    opened, data = shown(packet(Open(0, "exec", 9, compressed=True), Data(0, 0, packed)))[
        "messages"
    ]
    assert opened["compressed"]
    assert (data["data"], data["plain"]) == (in_base64(packed), in_base64(b"uid=0(root)\n"))


def test_sealed_and_damaged_packets_have_no_messages() -> None:
    sealed = shown(Unit(UnitKind.PACKET, True, b"\x10\x34\x12" + bytes(30), 40, Profile.CLEAN))
    assert (sealed["number"], sealed["number_low"], sealed["length"]) == (None, 0x1234, 33)
    assert sealed["messages"] is None
    damaged = shown(Unit(UnitKind.PACKET, True, bytes(9), 20, Profile.CLEAN, 5, b"\x7f"))
    assert damaged["messages"] is None
    assert damaged["error"] == "unknown message 0x7f"


@given(st.sampled_from(UnitKind), st.binary(max_size=60), st.none() | st.binary(max_size=60))
def test_whatever_stood_on_the_line_it_is_one_line_of_json(
    kind: UnitKind, body: bytes, messages: bytes | None
) -> None:
    number = None if messages is None else 5
    unit = Unit(kind, True, body, len(body), None, number, messages)
    for each in (unit, withheld(unit)):
        line = TraceJson().line(each, 0.0)
        assert line.isascii()
        assert "\n" not in line
        assert json.loads(line)["schema"] == 1
