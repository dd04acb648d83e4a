"""The way to a session under fire: noise, hellos by the thousand, bad keys, any message."""

from random import Random

import pytest
from support.hostile import HostileConsole
from support.line import SimulatedLine
from support.pair import End, Pair, make_agent, make_console
from support.stories import agents_half, carried, open_channel, payload, progress, state

from guardpost.protocol import events
from guardpost.protocol.framing import Decoder, Encoder, Profile
from guardpost.protocol.handshake import MAX_MESSAGE_BYTES
from guardpost.protocol.hello import HELLO_BYTES, Hello, epoch, handshake_states
from guardpost.protocol.limits import FRAME_BODY_MAX_BYTES
from guardpost.simline import Faults

# All seven encodings of points of small order that X25519 accepts as input (RFC 7748, section 7).
LOW_ORDER_POINTS = [
    bytes(32),
    b"\x01" + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    b"\xec" + b"\xff" * 30 + b"\x7f",
    b"\xed" + b"\xff" * 30 + b"\x7f",
    b"\xee" + b"\xff" * 30 + b"\x7f",
]


@pytest.mark.parametrize("seed", range(5))
def test_noise_before_during_and_after(seed: int) -> None:
    random = Random(seed)
    pair = Pair(SimulatedLine(fifo_bytes=64))
    for wire in (pair.line.ab, pair.line.ba):
        wire.insert(random.randbytes(500), pair.now)
    pair.run(0.1)
    pair.begin()
    for _ in range(40):
        wire = random.choice((pair.line.ab, pair.line.ba))
        wire.insert(random.randbytes(random.randrange(60)), pair.now)
        pair.run(0.08)
    assert pair.run(30, until=lambda: bool(pair.console.of(events.SessionEstablished)))
    channel = open_channel(pair)
    up, down = payload(20000), payload(20000, seed=4)
    pair.console.feed(channel, up)
    pair.agent.feed(agents_half(pair, channel), down)
    for _ in range(20):
        wire = random.choice((pair.line.ab, pair.line.ba))
        wire.insert(random.randbytes(random.randrange(200)), pair.now)
        pair.run(0.1)
    assert pair.run(60, until=lambda: carried(pair, channel, up, down)), progress(pair)


@pytest.mark.parametrize("delay", [0.3, 1.0, 2.0])
def test_a_late_line_needs_one_attempt(delay: float) -> None:
    """The answer to the first hello comes after the third has gone."""
    pair = Pair(SimulatedLine(faults=Faults(delay=delay), fifo_bytes=64))
    pair.begin()
    assert pair.run(30, until=lambda: bool(pair.console.of(events.SessionEstablished)))
    assert pair.console.of(events.HandshakeFailed) == []
    assert len(pair.agent.of(events.SessionEstablished)) == 1


def test_a_megabyte_of_noise_makes_nothing_and_costs_no_memory() -> None:
    for connection in (make_agent(), make_console()):
        random = Random(1)
        for step in range(250):
            connection.receive_data(random.randbytes(4000), 100 + step)
            while (event := connection.next_event()) is not None:
                assert isinstance(event, events.Text)
            assert connection.data_to_send(100 + step) == []


def hellos(count: int) -> list[bytes]:
    return [Hello(False, nonce, 0, 0).encode() for nonce in range(1, count + 1)]


def test_hellos_by_the_thousand_get_few_answers_and_disturb_nothing() -> None:
    pair = Pair(SimulatedLine(115200.0, fifo_bytes=512))
    pair.establish()
    channel = open_channel(pair)
    up, down = payload(200000), payload(100000, seed=4)
    pair.console.feed(channel, up)
    pair.agent.feed(agents_half(pair, channel), down)
    heard = bytearray()

    def tap(side: str, data: bytes, now: float) -> None:
        if side == "a":
            heard.extend(data)

    pair.tap = tap
    start = pair.now
    for number, hello in enumerate(hellos(2000)):
        pair.line.ab.insert(hello, pair.now)
        if number % 20 == 0:
            pair.run(0.05)
    assert pair.run(60, until=lambda: carried(pair, channel, up, down)), progress(pair)
    assert heard.count(b"#7180011") <= 10 + 2 * (pair.now - start) + 1
    assert pair.console.of(events.SessionSuspended) == []
    assert len(pair.agent.of(events.SessionEstablished)) == 1


def test_one_hello_a_thousand_times_gets_few_answers() -> None:
    peer = HostileConsole()
    answers = sum(peer.raw(peer.hello).count(b"#7180011") for _ in range(1000))
    assert answers <= 10


def test_hellos_of_other_agents_and_broken_ones_get_no_answer() -> None:
    peer = HostileConsole()
    good = peer.hello
    wrong_crc = good[:30] + b"0000000000#"
    agents = Hello(True, 5, 0, 0).encode(answers=good)
    for bad in (wrong_crc, agents, good[:-1], good[:20] + good, good[1:]):
        out = peer.raw(bad)
        peer.wait(1)
        if good not in bad:
            assert out == b"", bad
    assert peer.victim.of(events.SessionEstablished) == []


def test_a_console_of_another_major_learns_ours() -> None:
    peer = HostileConsole()
    future = Hello(False, 77, 0, 0, major=2).encode()
    assert b"#7180011" in peer.raw(future)


def test_a_console_goes_no_further_with_an_agent_of_another_major() -> None:
    pair = Pair(SimulatedLine(fifo_bytes=64))
    pair.agent.is_up = False
    tape = bytearray()
    pair.tap = lambda side, data, now: tape.extend(data) if side == "b" else None
    pair.begin()
    pair.run(0.5)
    hello = bytes(tape[:HELLO_BYTES])
    pair.line.push_b(Hello(True, 5, 0, 0, major=2).encode(answers=hello), pair.now)
    tape.clear()
    pair.run(20)
    assert tape == b""
    (failed,) = pair.console.of(events.HandshakeFailed)
    assert failed.heard_hello
    assert "version 2" in failed.reason


@pytest.mark.parametrize("point", LOW_ORDER_POINTS)
def test_a_low_order_point_in_message_1_gets_no_session(point: bytes) -> None:
    peer = HostileConsole()
    encoder, decoder = peer.handshake_codec(peer.say_hello())
    answer = peer.raw(b"\0" + encoder.encode(b"\x01" + point))
    assert [item for item in decoder.feed(answer) if item[0] >= 0] == []
    assert_next_enters(peer)


def assert_next_enters(peer: HostileConsole) -> None:
    follower = HostileConsole(peer.victim, peer.now + 1, seed=99)
    follower.enter()
    assert follower.said, peer.victim.events


@pytest.mark.parametrize("point", LOW_ORDER_POINTS)
def test_a_low_order_point_in_message_2_ends_the_attempt(point: bytes) -> None:
    end = End(make_console())
    console = end.connection
    console.begin(100.0, (Profile.CLEAN,))  # type: ignore[attr-defined]
    console.handle_timeout(100.3)
    (console_hello,) = console.data_to_send(100.3)
    agent_hello = Hello(True, 4711, 0, 0).encode(answers=console_hello)
    states = handshake_states(epoch(console_hello, agent_hello))
    console.receive_data(agent_hello, 100.4)
    out = b"".join(console.data_to_send(100.4))
    assert [kind for kind, _ in Decoder(Profile.CLEAN, (states[0],)).feed(out) if kind >= 0]
    answer = b"\x02" + point + bytes(48 + 17)
    console.receive_data(b"\0" + Encoder(Profile.CLEAN, states[1]).encode(answer), 100.5)
    end.take_events(100.5)
    assert len(end.of(events.HandshakeFailed)) == 1
    assert end.of(events.AgentKeyOffered) == []
    assert console.data_to_send(100.6) == []


@pytest.mark.parametrize("kind", [0, 1, 2, 3, 4, 0x10, 0x11, 0xFF])
@pytest.mark.parametrize(
    "size", [0, 1, 31, 32, 48, 64, 96, 200, MAX_MESSAGE_BYTES + 1, FRAME_BODY_MAX_BYTES - 1]
)
def test_handshake_messages_of_any_kind_and_size_end_at_most_themselves(
    kind: int, size: int
) -> None:
    if size >= FRAME_BODY_MAX_BYTES:
        size = FRAME_BODY_MAX_BYTES - 1
    for after_message_1 in (False, True):
        peer = HostileConsole()
        agent_hello = peer.say_hello()
        encoder, _ = peer.handshake_codec(agent_hello)
        if after_message_1:
            message_1 = peer.begin(agent_hello).write_message()
            peer.raw(b"\0" + encoder.encode(b"\x01" + message_1))
        peer.raw(encoder.encode(bytes((kind,)) + Random(size).randbytes(size)))
        assert peer.victim.of(events.ConsoleKeyOffered) == []
        assert peer.victim.connection.statistics(peer.now) is None
        assert_next_enters(peer)


def test_a_handshake_stopped_anywhere_is_forgotten() -> None:
    peer = HostileConsole()
    agent_hello = peer.say_hello()
    encoder, decoder = peer.handshake_codec(agent_hello)
    handshake = peer.begin(agent_hello)
    message_1 = encoder.encode(b"\x01" + handshake.write_message())
    answer = peer.raw(b"\0" + message_1)
    ((_, body),) = [item for item in decoder.feed(answer) if item[0] >= 0]
    handshake.read_message(body[1:])
    peer.wait(11)
    peer.raw(encoder.encode(b"\x03" + handshake.write_message(b"\x80")))
    assert peer.victim.of(events.ConsoleKeyOffered) == []
    assert peer.victim.connection.next_deadline(peer.now) is None


def test_the_agent_repeats_message_2_and_only_for_the_same_message_1() -> None:
    peer = HostileConsole()
    agent_hello = peer.say_hello()
    encoder, decoder = peer.handshake_codec(agent_hello)
    message_1 = b"\0" + encoder.encode(b"\x01" + peer.begin(agent_hello).write_message())
    other = b"\0" + encoder.encode(b"\x01" + peer.begin(agent_hello).write_message())
    first = decoder.feed(peer.raw(message_1))
    assert decoder.feed(peer.raw(message_1)) == first
    assert peer.raw(other) == b""


def test_a_console_without_the_psk_learns_nothing() -> None:
    line = SimulatedLine(fifo_bytes=64)
    pair = Pair(line, agent=make_agent(psk=bytes(32)))
    pair.begin()
    pair.run(30)
    assert pair.console.of(events.SessionEstablished) == []
    assert pair.agent.of(events.ConsoleKeyOffered) == []
    assert len(pair.console.of(events.HandshakeFailed)) == 1
    assert state(pair, "agent") == "none"


def test_with_the_psk_on_both_sides_it_works() -> None:
    psk = bytes(range(32))
    pair = Pair(
        SimulatedLine(fifo_bytes=64), console=make_console(psk=psk), agent=make_agent(psk=psk)
    )
    pair.establish()


def test_typed_text_reaches_the_prompt_beside_hellos_and_after_a_session() -> None:
    pair = Pair(SimulatedLine(fifo_bytes=64))
    pair.line.push_a(b"help\r", pair.now)
    pair.run(1)
    pair.line.push_a(b"un" + hellos(1)[0] + b"ame\r", pair.now)
    pair.run(1)
    pair.line.push_a(b"#718", pair.now)
    pair.run(0.4)
    assert pair.agent.text == b"help\runame\r"
    pair.run(0.2)
    assert pair.agent.text == b"help\runame\r#718"


def test_no_fragment_of_a_session_reaches_the_prompt() -> None:
    """Sealed bytes that look like a command line, at an agent that was restarted."""
    pair = Pair(SimulatedLine(fifo_bytes=64))
    random = Random(2)
    for _ in range(50):
        pair.line.push_a(random.randbytes(300) + b"\0rm -rf /\r", pair.now)
        pair.run(0.1)
    assert pair.agent.text == b""
