"""What a trace must remember to understand the next unit."""

import pytest

from guardpost.console.trace_decode import Opened, TraceDecoder, code_name, profile_name
from guardpost.errors import GoAwayCode, RemoteProtocolError, ResetCode
from guardpost.protocol.compression import Deflater
from guardpost.protocol.hello import Hello
from guardpost.protocol.messages import Data, Message, Open, Ping, Reset
from guardpost.protocol.observer import Unit, UnitKind, withheld

HELLO = Hello(False, 7, 0, 2)
OPEN = Open(0, "exec", 20, compressed=True)
PACKED = Deflater().block(b"uid=0(root)\n")


def packet(*messages: Message) -> Unit:
    plain = b"".join(each.encode() for each in messages)
    return Unit(UnitKind.PACKET, False, b"\x10\x05\x00" + plain, 40, None, 5, plain)


def test_an_agent_is_known_by_the_hello_that_it_answers() -> None:
    decoder, agent = TraceDecoder(), Hello(True, 9, 0, 2)
    answer = agent.encode(answers=HELLO.encode())
    assert decoder.hello(answer) is None
    assert decoder.hello(HELLO.encode()) == HELLO
    assert decoder.hello(answer) == agent
    decoder.hello(Hello(False, 8, 0, 2).encode())
    assert decoder.hello(answer) is None


def test_a_compressed_channel_is_inflated_from_its_open_on() -> None:
    decoder, data = TraceDecoder(), Data(0, 0, PACKED)
    assert decoder.packet(packet(data)) == [Opened(data)]
    opened = decoder.packet(packet(OPEN, data))
    assert opened == [Opened(OPEN), Opened(data, b"uid=0(root)\n")]


@pytest.mark.parametrize("end", ["handshake", "reset"])
def test_a_channel_is_forgotten_with_its_session_and_its_reset(end: str) -> None:
    decoder, data = TraceDecoder(), Data(0, 0, PACKED)
    decoder.packet(packet(OPEN))
    if end == "handshake":
        decoder.handshake()
    else:
        decoder.packet(packet(Reset(0, 1, 0)))
    assert decoder.packet(packet(data)) == [Opened(data)]


def test_what_was_withheld_is_not_inflated() -> None:
    data = Data(0, 0, PACKED)
    opened = TraceDecoder().packet(withheld(packet(OPEN, data)))
    assert opened == [Opened(OPEN), Opened(Data(0, 0, bytes(len(PACKED))))]


def test_a_packet_is_sealed_or_damaged_or_whole() -> None:
    decoder = TraceDecoder()
    assert decoder.packet(Unit(UnitKind.PACKET, True, bytes(9), 20)) is None
    assert decoder.packet(packet(Ping())) == [Opened(Ping())]
    with pytest.raises(RemoteProtocolError):
        decoder.packet(Unit(UnitKind.PACKET, True, bytes(9), 20, None, 5, b"\x7f"))


def test_numbers_without_a_name_stay_numbers() -> None:
    assert (profile_name(2), profile_name(9)) == ("console", "9")
    assert code_name(ResetCode, 10) == "not-found"
    assert code_name(GoAwayCode, 99) == "99"
