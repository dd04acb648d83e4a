"""Each message as the tables have it, both ways, and however a connection cuts it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.errors import RemoteProtocolError
from guardpost.transports.amt import messages
from guardpost.transports.amt.messages import (
    AuthenticateReply,
    Controls,
    EndSolReply,
    Heartbeat,
    Login,
    Message,
    Parser,
    SolData,
    SolReply,
    StartReply,
)

QUIET = Controls(*[False] * 8)

FROM_HOST: list[tuple[str, Message]] = [
    ("11 00 00 00 01 00 0c 00 57 01 00 00 00", StartReply(0, (12, 0))),
    ("11 00 00 00 01 00 0b 08 57 01 00 00 02 aa bb", StartReply(0, (11, 8))),
    ("14 00 00 00 00 02 00 00 00 01 04", AuthenticateReply(0, 0, b"\x01\x04")),
    ("14 01 00 00 04 00 00 00 00", AuthenticateReply(1, 4, b"")),
    ("21 00 00 00 01 00 00 00" + " 00" * 15, SolReply(0)),
    ("23 00 00 00 07 00 00 00", EndSolReply()),
    ("24 00 00 00 63 00 00 00", Heartbeat(0x63, is_ping=True)),
    ("25 00 00 00 63 00 00 00", Heartbeat(0x63)),
    ("2b 00 00 00 63 00 00 80", Heartbeat(0x80000063)),
    (
        "29 00 00 00 00 00 00 00 03 04",
        Controls(True, True, False, False, False, True, False, False),
    ),
    (
        "29 00 00 00 00 00 00 00 04 1b",
        Controls(False, False, True, True, True, False, True, True),
    ),
    ("29 00 00 00 00 00 00 00 00 00", QUIET),
    ("2a 00 00 00 01 00 00 00 03 00 41 2a 00", SolData(b"A*\0")),
    ("2a 00 00 00 01 00 00 00 00 00", SolData(b"")),
]

# The end of a session: nothing follows these.
REFUSALS: list[tuple[str, Message]] = [
    ("11 02 00 00", StartReply(2)),
    ("21 01" + " 00" * 21, SolReply(1)),
]


def all_of(parser: Parser) -> list[Message]:
    found = []
    while (message := parser.next_message()) is not None:
        found.append(message)
    return found


@pytest.mark.parametrize(("octets", "message"), FROM_HOST + REFUSALS)
def test_a_message_means_what_the_table_says(octets: str, message: Message) -> None:
    parser = Parser()
    parser.feed(bytes.fromhex(octets))
    assert parser.next_message() == message


@pytest.mark.parametrize(("octets", "message"), FROM_HOST)
def test_it_is_found_when_its_last_byte_is_there_and_not_before(
    octets: str, message: Message
) -> None:
    parser, data = Parser(), bytes.fromhex(octets)
    for octet in data[:-1]:
        parser.feed(bytes([octet]))
        assert parser.next_message() is None
    parser.feed(data[-1:])
    assert all_of(parser) == [message]


@given(st.lists(st.sampled_from(FROM_HOST), max_size=8), st.data())
def test_messages_are_the_same_however_they_are_cut(
    sent: list[tuple[str, Message]], chance: st.DataObject
) -> None:
    data = b"".join(bytes.fromhex(octets) for octets, _ in sent)
    parser, found = Parser(), list[Message]()
    while data:
        size = chance.draw(st.integers(1, len(data)))
        parser.feed(data[:size])
        found += all_of(parser)
        data = data[size:]
    assert found == [message for _, message in sent]


def test_a_relay_s_mark_of_a_recorded_session_is_passed_over() -> None:
    parser = Parser()
    parser.feed(bytes.fromhex("f0 f0 23 00 00 00 00 00 00 00 f0"))
    assert all_of(parser) == [EndSolReply()]


@pytest.mark.parametrize(
    "octets",
    ["00", "28 00 00 00 00 00 00 00 00 00", "41", "48 54 54 50", "14 00 00 00 04 ff ff ff ff"],
)
def test_what_has_no_known_end_is_a_breach(octets: str) -> None:
    parser = Parser()
    parser.feed(bytes.fromhex("23 00 00 00 00 00 00 00"))
    parser.feed(bytes.fromhex(octets))
    assert parser.next_message() == EndSolReply()
    for _ in range(2):
        with pytest.raises(RemoteProtocolError):
            parser.next_message()


def test_a_challenge_is_values_behind_their_lengths() -> None:
    assert messages.fields(b"\x02ab\0\x01c", 3) == (b"ab", b"", b"c")
    assert messages.packed(b"ab", b"", b"c") == b"\x02ab\0\x01c"
    for short in (b"", b"\x02a", b"\x01a"):
        with pytest.raises(RemoteProtocolError, match="ends early"):
            messages.fields(short, 2)
    with pytest.raises(ValueError, match="256"):
        messages.packed(bytes(256))


@given(st.lists(st.binary(max_size=255), max_size=8))
def test_packed_values_come_back(values: list[bytes]) -> None:
    assert messages.fields(messages.packed(*values), len(values)) == tuple(values)


def test_what_we_send_is_as_the_table_has_it() -> None:
    settings = messages.start_sol(
        1,
        max_tx_bytes=1000,
        tx_timeout_ms=100,
        tx_overflow_ms=0,
        rx_timeout_ms=10000,
        rx_flush_ms=0,
        heartbeat_ms=5000,
    )
    # As amtterm sends them, but for the sequence.
    assert settings.hex(" ") == (
        "20 00 00 00 01 00 00 00 e8 03 64 00 00 00 10 27 00 00 88 13 00 00 00 00"
    )
    assert messages.start_session().hex(" ") == "10 00 00 00 53 4f 4c 20"
    assert messages.end_session().hex(" ") == "12 00 00 00"
    assert messages.authenticate(Login.QUERY).hex(" ") == "13 00 00 00 00 00 00 00 00"
    assert messages.authenticate(Login.PLAIN, b"xyz").hex(" ") == (
        "13 00 00 00 01 03 00 00 00 78 79 7a"
    )
    assert messages.end_sol(0x01020304).hex(" ") == "22 00 00 00 04 03 02 01"
    assert messages.heartbeat(5).hex(" ") == "2b 00 00 00 05 00 00 00"
    assert messages.pong(5).hex(" ") == "25 00 00 00 05 00 00 00"
    assert messages.sol_data(6, b"ls\r").hex(" ") == "28 00 00 00 06 00 00 00 03 00 6c 73 0d"


@pytest.mark.parametrize(
    ("controls", "words"),
    [
        (
            Controls(True, True, False, False, False, True, False, False),
            "the host on, its port's DTR on, RTS on",
        ),
        (
            Controls(False, False, True, True, True, False, True, True),
            "the host off, its port's DTR off, RTS off, BREAK, loopback, test mode, "
            "output dropped, its buffer was full, input dropped, nobody on the host read it",
        ),
    ],
)
def test_controls_are_said_in_a_persons_words(controls: Controls, words: str) -> None:
    assert str(controls) == words
