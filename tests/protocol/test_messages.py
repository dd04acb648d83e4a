"""The golden table of messages, both ways; any bytes are messages or a violation, nothing else."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tools import ROOT

from guardpost.errors import RemoteProtocolError
from guardpost.protocol import messages
from guardpost.protocol.limits import CONTROL_MESSAGE_MAX_BYTES
from guardpost.protocol.messages import Message, decode_messages

VECTORS = json.loads((ROOT / "tests" / "vectors" / "messages.json").read_text(encoding="utf-8"))

NUMBER = st.integers(0, (1 << 63) - 1)
TEXT = st.text(max_size=30)
SOME = st.binary(max_size=60)


@st.composite
def acks(draw: st.DrawFn) -> messages.Ack:
    stop = draw(st.integers(1, 1 << 62))
    ranges = []
    for _ in range(draw(st.integers(1, 32))):
        start = draw(st.integers(max(0, stop - 300), stop - 1))
        ranges.append((start, stop))
        if start < 2:
            break
        stop = draw(st.integers(1, start - 1))
    return messages.Ack(tuple(ranges), draw(st.integers(0, 2**32 - 1)), draw(NUMBER))


CONTROL = st.one_of(
    acks(),
    st.just(messages.Ping()),
    st.builds(messages.Welcome, SOME),
    st.builds(messages.GoAway, NUMBER, st.text("abc ä", max_size=20)),
    st.builds(messages.Profiles, st.integers(0, 3), st.integers(0, 3)),
    st.builds(
        messages.Speed,
        st.sampled_from(messages.SpeedStep),
        st.integers(0, 1 << 27),
        st.text("abc ä", max_size=20),
    ),
    st.builds(messages.Rekey, st.integers(0, 255), SOME),
    st.builds(messages.Open, NUMBER, st.text("abc", max_size=32), NUMBER, st.booleans()),
    st.builds(messages.Accept, NUMBER, NUMBER),
    st.builds(messages.Reset, NUMBER, NUMBER, NUMBER, st.text("abc ä", max_size=20)),
    st.builds(messages.Credit, NUMBER, NUMBER),
    st.builds(messages.ConnectionCredit, NUMBER),
)
DATA = st.builds(messages.Data, NUMBER, NUMBER, SOME, st.booleans())


def message_of(row: dict[str, Any]) -> Message:
    """The message a row of the table stands for."""
    fields = {name: value for name, value in row.items() if name != "type"}
    for name in ("settings", "noise", "data"):
        if name in fields:
            fields[name] = bytes.fromhex(fields[name])
    if "ranges" in fields:
        fields["ranges"] = tuple(map(tuple, fields["ranges"]))
    message: Message = getattr(messages, row["type"])(**fields)
    return message


def encode(packet: list[Message], rest: bool = False) -> bytes:
    body = b""
    for message in packet:
        last = rest and message is packet[-1]
        body += (
            message.encode(last=True)
            if isinstance(message, messages.Data) and last
            else (message.encode())
        )
    return body


def name_of(row: dict[str, Any]) -> str:
    return str(row["name"])


@pytest.mark.parametrize("row", VECTORS["bodies"], ids=name_of)
def test_golden_bodies_both_ways(row: dict[str, Any]) -> None:
    packet = [message_of(each) for each in row["messages"]]
    assert decode_messages(bytes.fromhex(row["body"])) == packet
    assert encode(packet, row.get("rest", False)).hex() == row["body"]


@pytest.mark.parametrize("row", VECTORS["padded"], ids=name_of)
def test_padding_is_nothing(row: dict[str, Any]) -> None:
    packet = [message_of(each) for each in row["messages"]]
    assert decode_messages(bytes.fromhex(row["body"])) == packet


@pytest.mark.parametrize("row", VECTORS["refused"], ids=name_of)
def test_golden_violations(row: dict[str, Any]) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_messages(bytes.fromhex(row["body"]))


def test_every_message_stands_in_the_table() -> None:
    listed = {each["type"] for row in VECTORS["bodies"] for each in row["messages"]}
    assert listed == set(messages.__all__) - {"Message", "SpeedStep", "decode_messages"}


@given(st.lists(CONTROL | DATA, max_size=6), st.booleans())
def test_what_was_encoded_is_what_is_decoded(packet: list[Message], rest: bool) -> None:
    assert decode_messages(encode(packet, rest)) == packet


@given(st.binary(max_size=60))
def test_any_bytes_are_messages_or_a_violation(body: bytes) -> None:
    try:
        packet = decode_messages(body)
    except RemoteProtocolError:
        return
    for message in packet:
        assert decode_messages(message.encode()) == [message] or "\ufffd" in str(message)


@given(st.lists(CONTROL | DATA, min_size=1, max_size=3), st.data())
def test_a_cut_body_is_messages_or_a_violation(packet: list[Message], data: st.DataObject) -> None:
    body = encode(packet)
    try:
        got = decode_messages(body[: data.draw(st.integers(0, len(body) - 1))])
    except RemoteProtocolError:
        return
    assert got == packet[: len(got)]
    assert len(got) < len(packet)


@given(TEXT.map(lambda text: text * 5), NUMBER, NUMBER)
def test_a_long_text_is_cut_between_characters(text: str, code: int, final: int) -> None:
    reset = messages.Reset(1 << 48, code, final, text)
    assert len(reset.encode()) <= CONTROL_MESSAGE_MAX_BYTES
    (got,) = decode_messages(reset.encode())
    assert isinstance(got, messages.Reset)
    assert text.startswith(got.text)


@given(NUMBER, NUMBER, SOME, st.integers(0, 65581))
def test_the_overhead_of_data_is_never_underestimated(
    channel: int, offset: int, data: bytes, more: int
) -> None:
    overhead = messages.Data.overhead(channel, offset, len(data) + more)
    assert len(messages.Data(channel, offset, data).encode()) <= overhead + len(data)


def test_a_lone_surrogate_in_a_text_does_no_harm() -> None:
    (got,) = decode_messages(messages.GoAway(5, "a\udc80b").encode())
    assert got == messages.GoAway(5, "a?b")
