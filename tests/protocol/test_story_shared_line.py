"""Echoes, former sessions, other consoles: what is not ours makes no session and ends none."""

import pytest
from support.line import SimulatedLine
from support.pair import OTHER_KEY, End, Pair, make_agent, make_console
from support.stories import (
    agents_half,
    agree,
    carried,
    open_channel,
    payload,
    progress,
    received,
    state,
)

from guardpost.errors import GoAwayCode
from guardpost.protocol import events
from guardpost.protocol.console_connection import ConsoleConnection
from guardpost.protocol.framing import Profile
from guardpost.simline import Faults


def record(pair: Pair) -> dict[str, bytearray]:
    """What arrives at each side from now on."""
    tape = {"a": bytearray(), "b": bytearray()}

    def tap(side: str, data: bytes, now: float) -> None:
        tape[side] += data

    pair.tap = tap
    return tape


# --- echo ---


def test_a_loopback_plug_makes_no_session() -> None:
    pair = Pair(SimulatedLine(echo="a", fifo_bytes=64))
    pair.agent.is_up = False
    tape = record(pair)
    pair.begin()
    pair.run(60)
    assert len(pair.console.of(events.HandshakeFailed)) == 1
    assert pair.console.of(events.SessionEstablished) == []
    assert events.Heard("echo") in pair.console.events
    assert len(tape["a"]) < 200


@pytest.mark.parametrize("who", ["a", "b"])
def test_a_tty_that_echoes_costs_line_time_and_nothing_else(who: str) -> None:
    pair = Pair(SimulatedLine(echo=who, fifo_bytes=64))
    pair.establish()
    channel = open_channel(pair)
    up, down = payload(10000), payload(8000, seed=8)
    pair.console.feed(channel, up)
    pair.agent.feed(agents_half(pair, channel), down)
    assert pair.run(60, until=lambda: carried(pair, channel, up, down)), progress(pair)
    tape = record(pair)
    pair.run(100)
    # It settles: nothing is answered by an answer for ever.
    assert len(tape["a"]) + len(tape["b"]) < 4000


def test_echo_begins_in_mid_session() -> None:
    pair = Pair(SimulatedLine(fifo_bytes=64))
    pair.establish()
    channel = open_channel(pair)
    data = payload(40000)
    pair.console.feed(channel, data)
    pair.run(2)
    pair.line.echo = "a"
    assert pair.run(30, until=lambda: received(pair.agent, channel) == data), progress(pair)


# --- former sessions ---


def recorded_session() -> dict[str, bytearray]:
    pair = Pair(SimulatedLine(fifo_bytes=64))
    tape = record(pair)
    pair.establish()
    channel = open_channel(pair)
    pair.console.feed(channel, payload(3000))
    pair.agent.feed(agents_half(pair, channel), payload(3000))
    pair.run(2)
    return tape


def test_bytes_of_a_former_session_are_noise_to_the_next() -> None:
    tape = recorded_session()
    pair = Pair(
        SimulatedLine(115200.0, fifo_bytes=512), console=make_console(11), agent=make_agent(12)
    )
    pair.establish()
    channel = open_channel(pair)
    up, down = payload(30000), payload(30000, seed=9)
    pair.console.feed(channel, up)
    pair.agent.feed(agents_half(pair, channel), down)
    for at in range(0, len(tape["b"]), 500):
        pair.line.ab.insert(bytes(tape["b"][at : at + 500]), pair.now)
        pair.line.ba.insert(bytes(tape["a"][at : at + 500]), pair.now)
        pair.run(0.1)
    assert pair.run(30, until=lambda: carried(pair, channel, up, down)), progress(pair)
    assert len(pair.agent.of(events.SessionEstablished)) == 1


def test_a_session_played_to_the_same_agent_later_opens_nothing() -> None:
    tape = recorded_session()
    pair = Pair(SimulatedLine(fifo_bytes=64), agent=make_agent(99))
    pair.line.push_a(bytes(tape["b"][:4000]), pair.now)
    pair.run(30)
    kinds = {type(event) for event in pair.agent.events}
    assert kinds <= {events.Heard, events.Text}
    assert state(pair, "agent") == "none"


def test_an_agents_side_played_to_a_console_later_opens_nothing() -> None:
    tape = recorded_session()
    pair = Pair(SimulatedLine(fifo_bytes=64), console=make_console(55))
    pair.agent.is_up = False
    pair.begin()
    pair.run(0.5)
    pair.line.push_b(bytes(tape["a"][:4000]), pair.now)
    pair.run(30)
    assert pair.console.of(events.SessionEstablished) == []
    assert pair.console.of(events.AgentKeyOffered) == []
    assert events.Heard("other-agent") in pair.console.events


# --- other consoles ---


def two_consoles(key: bytes) -> tuple[Pair, End]:
    pair = Pair(SimulatedLine(consoles=2, fifo_bytes=64))
    other = pair.add_console(make_console(seed=21, key=key))
    return pair, other


def begin(pair: Pair, end: End) -> None:
    assert isinstance(end.connection, ConsoleConnection)
    end.connection.begin(pair.now, (Profile.CLEAN,))


def test_a_console_of_another_key_hears_that_the_line_is_busy() -> None:
    pair, other = two_consoles(OTHER_KEY)
    pair.establish()
    channel = open_channel(pair)
    data = payload(40000)
    pair.console.feed(channel, data)
    pair.run(1)
    begin(pair, other)
    assert pair.run(20, until=lambda: bool(other.of(events.SessionEnded))), other.events
    (ended,) = other.of(events.SessionEnded)
    assert (ended.code, ended.by_peer) == (GoAwayCode.BUSY, True)
    assert other.of(events.SessionEstablished) == []
    assert pair.run(20, until=lambda: received(pair.agent, channel) == data), progress(pair)
    assert pair.console.of(events.SessionEnded) == []
    assert len(pair.agent.of(events.SessionEstablished)) == 1


def test_a_new_console_of_the_same_key_supersedes() -> None:
    pair, other = two_consoles(bytes(range(32)))
    pair.establish()
    channel = open_channel(pair)
    pair.console.feed(channel, payload(40000))
    pair.run(1)
    begin(pair, other)
    assert pair.run(20, until=lambda: bool(other.of(events.SessionEstablished))), other.events
    assert pair.run(5, until=lambda: bool(pair.console.of(events.SessionEnded)))
    (ended,) = pair.console.of(events.SessionEnded)
    assert (ended.code, ended.by_peer) == (GoAwayCode.SUPERSEDED, True)
    fresh = other.connection.open_channel("test", b"", pair.now)
    other.feed(fresh, b"mine now")
    assert pair.run(5, until=lambda: bytes(pair.agent.received.get(0, b"")).endswith(b"mine now"))


def test_a_half_open_attempt_never_disturbs_a_live_session() -> None:
    """Another console says hello, and message 1, and never comes further."""
    pair, other = two_consoles(OTHER_KEY)
    pair.establish()
    channel = open_channel(pair)
    up, down = payload(40000), payload(40000, seed=4)
    pair.console.feed(channel, up)
    pair.agent.feed(agents_half(pair, channel), down)
    pair.run(0.5)
    begin(pair, other)
    pair.run(1, until=lambda: bool(other.of(events.AgentKeyOffered)))
    other.is_up = False
    assert pair.run(30, until=lambda: carried(pair, channel, up, down)), progress(pair)
    assert pair.console.of(events.SessionSuspended) == []


def test_two_consoles_begin_at_the_same_moment() -> None:
    pair, other = two_consoles(OTHER_KEY)
    pair.begin()
    begin(pair, other)
    pair.run(20)
    sessions = [bool(end.of(events.SessionEstablished)) for end in (pair.console, other)]
    failures = [
        bool(end.of(events.HandshakeFailed) or end.of(events.SessionEnded))
        for end in (pair.console, other)
    ]
    # At most one has a session, and nobody is left hanging.
    assert sessions.count(True) <= 1
    assert all(one != two for one, two in zip(sessions, failures, strict=True))


# --- paths that eat bytes ---


@pytest.mark.parametrize(
    "eaten, found",
    [
        (b"", "CLEAN"),
        (b"\x00", "CONSOLE"),
        (b"\x11\x13", "XONXOFF"),
        (bytes(range(32)), "PRINTABLE"),
    ],
)
def test_a_path_that_eats_bytes_finds_its_profile(eaten: bytes, found: str) -> None:
    faults = Faults(eat=frozenset(eaten))
    pair = Pair(SimulatedLine(faults=faults, fifo_bytes=64))
    order = (Profile.CLEAN, Profile.XONXOFF, Profile.CONSOLE, Profile.PRINTABLE)
    pair.begin(*order)
    assert pair.run(120, until=lambda: bool(pair.console.of(events.SessionEstablished)))
    association = pair.console.connection.association
    assert association is not None
    channel = open_channel(pair)
    up, down = payload(6000), payload(6000, seed=4)
    pair.console.feed(channel, up)
    pair.agent.feed(agents_half(pair, channel), down)
    assert pair.run(60, until=lambda: carried(pair, channel, up, down)), progress(pair)
    assert association.framer.encoding is Profile[found]
    assert pair.run(2, until=lambda: agree(pair))  # the last ack is still on its way
