"""A peer with a good key breaks the rules: the session ends with a word, the next one is fine."""

import tracemalloc
import zlib

import pytest
from support.hostile import HostileAgent, HostileConsole
from support.pair import OTHER_KEY, End, make_agent

from guardpost.errors import GoAwayCode, ResetCode
from guardpost.protocol import events
from guardpost.protocol.fields import u32, varint
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
    Rekey,
    Reset,
    Speed,
    SpeedStep,
    Welcome,
)

A_LOT = 1 << 40


def inside() -> HostileConsole:
    peer = HostileConsole()
    peer.enter()
    assert peer.heard(Welcome), peer.victim.events
    return peer


def goodbye(peer: HostileConsole | HostileAgent) -> GoAwayCode | None:
    """The code of the GOAWAY that the victim said, if it did."""
    for message in peer.said:
        if isinstance(message, GoAway):
            return GoAwayCode(message.code)
    return None


def assert_agent_is_fine(peer: HostileConsole) -> None:
    """The next session of the same agent works."""
    peer.wait(11)
    follower = HostileConsole(peer.victim, peer.now, seed=99)
    follower.enter()
    follower.send(Open(0, "test", 5), Data(0, 0, b"hello world"))
    follower.wait(0.1)
    assert follower.heard(Accept)
    assert bytes(peer.victim.received[0]).endswith(b" world")


OPENED = Open(0, "test", 0)

VIOLATIONS: dict[str, list[Message]] = {
    "data for a channel of the agent's own": [Data(1, 0, b"x")],
    "an accept of a channel it never opened": [Accept(1, 0)],
    "an accept of one's own channel": [OPENED, Accept(0, 0)],
    "a reset of a channel that was never opened": [Reset(3, 0, 0)],
    "credit for a channel that was never opened": [Credit(1, 1 << 20)],
    "an open with the wrong parity": [Open(1, "test", 0)],
    "an open with a huge request": [Open(0, "test", 1 << 20)],
    "a channel number without end": [Open(1 << 62, "test", 0)],
    "more than the channel's credit": [OPENED, Data(0, 16384, b"x")],
    "far more than the channel's credit": [OPENED, Data(0, A_LOT, b"x")],
    "two ends": [OPENED, Data(0, 0, b"abc", fin=True), Data(0, 0, b"abcd", fin=True)],
    "data past the end": [OPENED, Data(0, 0, b"abc", fin=True), Data(0, 3, b"d")],
    "an end before what has arrived": [OPENED, Data(0, 0, b"abc"), Data(0, 0, b"a", fin=True)],
    "a reset that used more than it had": [OPENED, Reset(0, 0, A_LOT)],
    "a reset that takes back what it used": [OPENED, Data(0, 0, b"abcdef"), Reset(0, 0, 3)],
    "an ack for what was never sent": [Ack(((0, 1000),), 0, 0)],
    "a rekey out of turn": [Rekey(3, b"x" * 48)],
    "a rekey of the other side's step": [Rekey(2, b"x" * 48)],
    "a rekey of an unknown step": [Rekey(9, b"x" * 48)],
    "a rekey that is nonsense": [Rekey(1, b"x")],
    "a rekey with a low-order point": [Rekey(1, bytes(32))],
    "a damaged compressed stream": [
        Open(0, "test", 0, compressed=True),
        Data(0, 0, varint(20 * 2 + 1) + b"\xff" * 20),
    ],
    "a compressed block of no length": [Open(0, "test", 0, compressed=True), Data(0, 0, b"\0")],
    "a compressed block without end": [
        Open(0, "test", 0, compressed=True),
        Data(0, 0, b"\xff\xff\xff\xff\x7f"),
    ],
}


@pytest.mark.parametrize("what", VIOLATIONS)
def test_a_violation_ends_the_session_and_nothing_else(what: str) -> None:
    peer = inside()
    for message in VIOLATIONS[what]:
        peer.send(message)
    assert goodbye(peer) is GoAwayCode.PROTOCOL
    (ended,) = peer.victim.of(events.SessionEnded)
    assert (ended.code, ended.by_peer) == (GoAwayCode.PROTOCOL, False)
    assert_agent_is_fine(peer)


PLAIN_VIOLATIONS = {
    "an unknown message": b"\x7f",
    "a message that ends early": b"\x13",
    "a varint without end": b"\x13" + b"\xff" * 12,
    "an ack of too many ranges": b"\x01\x05" + u32(0) + b"\0" + varint(1 << 40) + b"\0",
    "an ack that goes below zero": b"\x01\x02" + u32(0) + b"\0\x01\0\x05\0",
    "an ack whose first range is too long": b"\x01\x02" + u32(0) + b"\0\0\x09",
    "an oversized service name": Open(0, "x" * 80, 0).encode(),
    "an oversized goodbye": b"\x04\0\xff" + b"x" * 255,
    "an oversized welcome": b"\x03" + varint(100000) + b"x" * 200,
    "data with a length beyond the packet": b"\x0a\0\0" + varint(5000) + b"x",
}


@pytest.mark.parametrize("what", PLAIN_VIOLATIONS)
def test_a_field_that_does_not_parse_ends_the_session_and_nothing_else(what: str) -> None:
    peer = inside()
    peer.raw(peer.packet(PLAIN_VIOLATIONS[what]))
    assert goodbye(peer) is GoAwayCode.PROTOCOL
    assert_agent_is_fine(peer)


def test_the_goodbye_is_said_again_a_few_times() -> None:
    peer = inside()
    for _ in range(10):
        peer.send(Accept(1, 0))
    assert 2 <= len(peer.heard(GoAway)) <= 3


def test_a_bomb_of_deflate_never_opens() -> None:
    """16 MB in 16 kB: found before it is stored."""
    peer = inside()
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = (squeeze.compress(bytes(16 << 20)) + squeeze.flush(zlib.Z_SYNC_FLUSH))[:-4]
    block = varint(len(bomb[:16000]) * 2 + 1) + bomb[:16000]
    peer.victim.reads = False
    peer.send(Open(0, "test", 0, compressed=True))
    tracemalloc.start()
    for at in range(0, len(block), 1000):
        peer.send(Data(0, at, block[at : at + 1000]))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert goodbye(peer) is GoAwayCode.PROTOCOL
    assert peak < 1 << 20


def test_data_for_channels_that_are_never_opened_is_bounded() -> None:
    peer = inside()
    tracemalloc.start()
    for number in range(4000):
        peer.send(Data(2 * number, 5, b"x" * 1000))
        if goodbye(peer):
            break
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert goodbye(peer) is GoAwayCode.PROTOCOL
    assert peak < 8 << 20
    assert_agent_is_fine(peer)


def test_early_data_in_single_bytes_is_bounded() -> None:
    """Every second byte, so that nothing can be put together."""
    peer = inside()
    peer.send(OPENED)
    tracemalloc.start()
    for at in range(1, 8192, 2):
        peer.send(Data(0, at, b"x"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20
    assert_agent_is_fine(peer)


def test_overlapping_early_data_is_bounded() -> None:
    peer = inside()
    peer.send(OPENED)
    tracemalloc.start()
    for at in range(1, 700):
        peer.send(Data(0, at, b"x" * min(8000, 16384 - at)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20


def test_the_channel_beyond_the_limit_is_reset() -> None:
    peer = inside()
    for number in range(1030):
        peer.send(Open(2 * number, "test", 0), peer.ack())
        peer.wait(0.01)
    for _ in range(100):
        peer.send(peer.ack())
        peer.wait(0.05)
    assert goodbye(peer) is None
    resets = [message for message in peer.said if isinstance(message, Reset)]
    assert {message.code for message in resets} == {ResetCode.LIMIT}
    assert len({message.channel for message in resets}) == 6


def test_channels_without_end_are_forgotten_when_they_end() -> None:
    peer = inside()
    tracemalloc.start()
    for number in range(1500):
        peer.send(Open(2 * number, "test", 0), Reset(2 * number, 0, 0))
    peer.wait(1)
    current, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    statistics = peer.victim.connection.statistics(peer.now)
    assert statistics is not None
    assert statistics.channels == 0
    assert current < 8 << 20


def test_a_peer_that_never_acks_gets_a_few_packets() -> None:
    """And then the session is suspended, as on any dead line."""
    peer = inside()
    peer.send(OPENED, Credit(0, A_LOT), ConnectionCredit(A_LOT))
    (channel,) = peer.victim.opened
    peer.victim.feed(channel, bytes(5_000_000))
    said = len(peer.said)
    tracemalloc.start()
    for _ in range(200):
        peer.raw(b"\0")
        peer.wait(0.1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(peer.said) - said < 60
    assert peak < 2 << 20
    assert peer.victim.of(events.SessionSuspended)


def test_a_peer_that_acks_and_never_gives_credit_holds_its_own_channel_only() -> None:
    peer = inside()
    peer.send(OPENED)
    (channel,) = peer.victim.opened
    peer.victim.feed(channel, bytes(100000))
    for _ in range(100):
        peer.send(peer.ack())
        peer.wait(0.05)
    got = sum(len(message.data) for message in peer.said if isinstance(message, Data))
    assert got == 16384
    peer.send(Open(2, "test", 0), Data(2, 0, b"works"))
    assert bytes(peer.victim.received[2]) == b"works"


def test_acks_that_lie_about_time_break_nothing() -> None:
    """A clock that jumps, runs backwards, a delay of years."""
    peer = inside()
    peer.send(OPENED, Credit(0, A_LOT))
    (channel,) = peer.victim.opened
    peer.victim.feed(channel, bytes(200000))
    lies = [(0, 0), (1 << 31, 1 << 60), (5, 0), ((1 << 32) - 1, 1), (0, 1 << 62)]
    for step in range(300):
        clock, delay = lies[step % len(lies)]
        peer.send(Ack(peer.ack().ranges, clock, delay))
        peer.wait(0.1)
    got = sum(len(message.data) for message in peer.said if isinstance(message, Data))
    assert got == 200000
    assert goodbye(peer) is None


def test_pings_without_end_get_one_ack_each_at_most() -> None:
    peer = inside()
    said = len(peer.said)
    for _ in range(1000):
        peer.send(Ping())
    peer.wait(1)
    assert len(peer.said) - said <= 1001


def test_a_refused_key_hears_one_word_and_again_when_it_asks_again() -> None:
    agent = End(make_agent(), "b")
    agent.goodbye = GoAwayCode.NOT_ALLOWED
    peer = HostileConsole(agent)
    message_3 = peer.enter(OTHER_KEY)
    assert [type(message) for message in peer.said] == [GoAway]
    assert goodbye(peer) is GoAwayCode.NOT_ALLOWED
    peer.send(OPENED, Data(0, 0, b"let me in"))
    peer.raw(message_3)
    assert {type(message) for message in peer.said} == {GoAway}
    assert 2 <= len(peer.said) <= 3
    for _ in range(20):
        peer.raw(message_3)
    assert len(peer.said) <= 3
    peer.wait(60)
    assert agent.of(events.SessionEstablished) == agent.of(events.ChannelOpened) == []
    agent.goodbye = None
    assert_agent_is_fine(peer)


def test_an_agent_that_breaks_the_rules_ends_its_session_only() -> None:
    for messages in (
        [Data(0, 0, b"x")],
        [Accept(0, 0)],
        [Open(0, "test", 0)],
        [Ack(((0, 9),), 0, 0)],
        [Rekey(1, b"x" * 32)],
    ):
        peer = HostileAgent()
        peer.enter()
        peer.send(Welcome(b"\x80"))
        assert peer.victim.of(events.SessionEstablished)
        peer.send(*messages)
        assert goodbye(peer) is GoAwayCode.PROTOCOL
        assert peer.victim.connection.statistics(peer.now) is None


def test_an_agent_that_accepts_twice_with_different_words() -> None:
    peer = HostileAgent()
    peer.enter()
    peer.send(Welcome(b"\x80"))
    peer.victim.connection.open_channel("test", b"", peer.now)
    peer.hear()
    peer.send(Accept(0, 0))
    peer.send(Accept(0, 5))
    assert goodbye(peer) is GoAwayCode.PROTOCOL


def test_an_agent_whose_first_word_is_a_violation() -> None:
    peer = HostileAgent()
    peer.enter()
    peer.send(Accept(0, 0))
    assert goodbye(peer) is GoAwayCode.PROTOCOL
    assert peer.victim.of(events.SessionEnded)


def ask(value: int) -> Speed:
    return Speed(SpeedStep.ASK, value)


def test_a_console_that_asks_for_nonsense_speeds_gets_a_refusal() -> None:
    for value in (0, 1, 9600, 115200, 1 << 27):
        peer = HostileConsole()
        peer.enter()
        cable = peer.victim.connection.cable
        peer.send(ask(value))
        cable.answer(115200, (), peer.now)
        peer.hear()
        said = [each for each in peer.said if isinstance(each, Speed)]
        assert {each.step for each in said} <= {SpeedStep.REFUSE}
        assert cable.to_set(peer.now + 60) is None
        assert_agent_is_fine(peer)


def test_a_console_that_floods_an_agent_with_questions_gets_one_answer() -> None:
    peer = HostileConsole()
    peer.enter()
    for _ in range(20):
        peer.send(*[ask(921600)] * 200)
    assert len(peer.victim.of(events.SpeedAsked)) == 1
    peer.victim.connection.cable.answer(115200, (921600,), peer.now, refusal="no")
    peer.hear()
    assert len([each for each in peer.said if isinstance(each, Speed)]) == 1
    assert_agent_is_fine(peer)


@pytest.mark.parametrize("step", [each for each in SpeedStep if each is not SpeedStep.ASK])
def test_speed_words_out_of_turn_change_nothing(step: SpeedStep) -> None:
    peer = HostileConsole()
    peer.enter()
    peer.send(*[Speed(step, value) for value in (0, 7, 921600)])
    peer.wait(5)
    assert peer.victim.connection.cable.to_set(peer.now) is None
    assert peer.victim.of(events.SpeedSettled) == []
    assert_agent_is_fine(peer)


def test_a_console_that_agrees_to_meet_and_does_not_come_leaves_the_agent_where_it_was() -> None:
    peer = HostileConsole()
    peer.enter()
    cable = peer.victim.connection.cable
    peer.send(ask(921600))
    cable.answer(115200, (921600,), peer.now)
    peer.hear()
    peer.now += 0.1
    assert cable.to_set(peer.now) == 921600
    cable.was_set(True, peer.now)
    peer.wait(0.81)
    peer.now += 0.1
    assert cable.to_set(peer.now) == 115200
    cable.was_set(True, peer.now)
    assert_agent_is_fine(peer)


@pytest.mark.parametrize("value", [0, 9600, 115200, 921601, 4000000])
def test_an_agent_that_agrees_to_what_was_not_asked_is_not_followed(value: int) -> None:
    peer = HostileAgent()
    peer.enter()
    peer.send(Welcome(b"\x80"))
    cable = peer.victim.connection.cable
    cable.offer(115200, (921600, 460800), peer.now)
    peer.wait(0.1)
    peer.send(Speed(SpeedStep.AGREE, value))
    assert cable.to_set(peer.now + 60) is None
    ((settled,),) = [peer.victim.of(events.SpeedSettled)]
    assert settled.bits_per_second == 115200
