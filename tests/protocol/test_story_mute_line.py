"""The line falls silent and comes back: a session waits for it, and says so."""

import pytest
from support.line import SimulatedLine
from support.pair import Pair, make_agent
from support.stories import (
    agents_half,
    agree,
    carried,
    channels,
    open_channel,
    payload,
    progress,
    received,
    state,
)

from guardpost.errors import GoAwayCode
from guardpost.protocol import events
from guardpost.simline import Faults


def pair_with_mute(start: float, seconds: float) -> Pair:
    return Pair(SimulatedLine(faults=Faults(mutes=((start, seconds),)), fifo_bytes=64))


def resumes(pair: Pair) -> int:
    return len(pair.console.of(events.SessionResumed))


@pytest.mark.parametrize("up", [True, False], ids=["console sends", "agent sends"])
@pytest.mark.parametrize("start", [103.0, 103.37, 103.71])
def test_after_six_mute_seconds_it_goes_on_within_one(up: bool, start: float) -> None:
    pair = pair_with_mute(start, 6.0)
    pair.establish()
    channel = open_channel(pair)
    data = payload(120000)
    sender, receiver = (pair.console, pair.agent) if up else (pair.agent, pair.console)
    sender.feed(channel if up else agents_half(pair, channel), data)
    pair.run(start + 6.0 - pair.now)
    before = len(received(receiver, channel))
    pair.run(1.0)
    assert len(received(receiver, channel)) > before, progress(pair)
    assert pair.run(20, until=lambda: received(receiver, channel) == data), progress(pair)


def test_a_typist_waits_a_second_at_most_after_a_mute() -> None:
    pair = pair_with_mute(103.0, 6.0)
    pair.establish()
    pair.agent.echoes = True
    channel = open_channel(pair, interactive=True)
    pair.run(104.0 - pair.now)
    pair.console.connection.write_channel(channel, b"l", pair.now)
    pair.run(6.0)
    assert received(pair.console, channel)[-1:] == b"l"


@pytest.mark.parametrize("minutes", [1.0, 2.5, 4.5])
def test_minutes_of_silence_suspend_and_resume(minutes: float) -> None:
    pair = pair_with_mute(103.0, 60 * minutes)
    pair.establish()
    channel, quiet = open_channel(pair), open_channel(pair)
    up, down = payload(60000), payload(50000, seed=9)
    pair.console.feed(channel, up)
    pair.agent.feed(agents_half(pair, channel), down)
    pair.run(60 * minutes + 2)
    assert state(pair, "console") == state(pair, "agent") == "suspended"
    assert channels(pair.console) == channels(pair.agent) == 2
    assert pair.run(35, until=lambda: resumes(pair) == 1), progress(pair)
    assert pair.run(20, until=lambda: carried(pair, channel, up, down)), progress(pair)
    pair.console.feed(quiet, b"still here")
    assert pair.run(2, until=lambda: received(pair.agent, quiet) == b"still here")
    assert pair.console.of(events.SessionEnded) == pair.agent.of(events.SessionEnded) == []


def test_after_the_grace_both_ends_know_that_it_is_over() -> None:
    pair = pair_with_mute(103.0, 3600.0)
    pair.establish()
    channel = open_channel(pair)
    pair.console.feed(channel, payload(60000))
    pair.run(330)
    for end in (pair.console, pair.agent):
        (ended,) = end.of(events.SessionEnded)
        assert ended.code is None
    assert agree(pair)
    assert state(pair, "agent") == "none"


def test_an_idle_session_does_not_notice_a_mute() -> None:
    pair = pair_with_mute(110.0, 200.0)
    pair.establish()
    pair.run(250)
    channel = open_channel(pair)
    pair.console.feed(channel, b"works")
    assert pair.run(5, until=lambda: received(pair.agent, channel) == b"works"), progress(pair)


def test_a_channel_opened_after_an_hour_of_nothing_is_no_sign_of_a_dead_agent() -> None:
    pair = Pair(SimulatedLine(fifo_bytes=64))
    pair.establish()
    pair.run(3600)
    open_channel(pair)
    pair.run(100)
    assert pair.console.of(events.SessionSuspended) == []


def test_an_idle_session_wakes_rarely() -> None:
    for with_channel in (False, True):
        pair = Pair(SimulatedLine(fifo_bytes=64))
        pair.establish()
        if with_channel:
            open_channel(pair)
        pair.run(300)
        before = pair.wakes
        pair.run(600)
        # A PING every 30 s from the agent when channels are open, and the delayed ack of it.
        assert pair.wakes - before <= (600 / 30) * 3


def test_the_agent_was_restarted_meanwhile() -> None:
    """It answers hellos and knows nothing of the session: the console learns that it is lost."""
    pair = pair_with_mute(103.0, 40.0)
    pair.establish()
    channel = open_channel(pair)
    pair.console.feed(channel, payload(60000))
    pair.run(10)
    pair.replace_agent(make_agent(seed=77))
    assert pair.run(120, until=lambda: bool(pair.console.of(events.SessionEnded))), progress(pair)
    (ended,) = pair.console.of(events.SessionEnded)
    assert ended.code is None
    pair.begin()
    established = len(pair.console.of(events.SessionEstablished))
    assert pair.run(10, until=lambda: len(pair.console.of(events.SessionEstablished)) > established)


@pytest.mark.parametrize("delay", [0.0, 1.9])
@pytest.mark.parametrize("loss", [0.0, 3e-3])
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_session_that_the_agent_knows_is_not_given_up(
    delay: float, loss: float, seed: int
) -> None:
    """The line comes back bad and slow: the verdict over the session must not be a guess."""
    faults = Faults(mutes=((120.0, 50.0),), delay=delay, loss=loss)
    pair = Pair(SimulatedLine(faults=faults, fifo_bytes=64, seed=seed))
    pair.begin()
    assert pair.run(60, until=lambda: bool(pair.console.of(events.SessionEstablished)))
    pair.run(121 - pair.now)
    # The agent knows of no channel, so it does not ask: the console must.
    channel = pair.open()
    pair.run(280 - pair.now)
    assert pair.console.of(events.SessionEnded) == [], pair.console.events
    assert channel in pair.console.accepted, progress(pair)


def test_the_port_goes_away_and_comes_back() -> None:
    pair = Pair(SimulatedLine(fifo_bytes=64))
    pair.establish()
    channel = open_channel(pair)
    data = payload(50000)
    pair.console.feed(channel, data)
    pair.run(1)
    pair.console.connection.receive_eof(pair.now)
    assert state(pair, "console") == "suspended"
    pair.run(3)
    pair.console.connection.line_opened(pair.now)
    pair.run(1)
    assert state(pair, "console") == "live"
    assert pair.run(20, until=lambda: received(pair.agent, channel) == data), progress(pair)


def test_an_agent_that_shuts_down_makes_the_console_mute() -> None:
    """Its host may go down with it, and our bytes must not meet the boot loader."""
    pair = Pair(SimulatedLine(fifo_bytes=64))
    pair.establish()
    channel = open_channel(pair)
    pair.console.feed(channel, payload(100000))
    pair.run(2)
    pair.agent.connection.close(GoAwayCode.SHUTTING_DOWN, "reboot", pair.now)
    pair.run(0.5)
    pair.agent.is_up = False
    (ended,) = pair.console.of(events.SessionEnded)
    assert (ended.code, ended.by_peer) == (GoAwayCode.SHUTTING_DOWN, True)
    heard = []
    pair.run(0.5)  # what was on the line
    pair.tap = lambda side, data, now: heard.append(data) if side == "b" else None
    pair.line.ba.insert(b"GRUB loading, press any key\r\n", pair.now)
    pair.run(600)
    assert heard == []
