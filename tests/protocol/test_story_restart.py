"""The agent restarts behind a line that stays: soon found out, with few bytes to a boot loader."""

from itertools import pairwise

import pytest
from support.line import SimulatedLine
from support.pair import Pair, make_agent
from support.stories import (
    agents_half,
    carried,
    open_channel,
    payload,
    progress,
    received,
    state,
)

from guardpost.protocol import events
from guardpost.protocol.console_connection import RESTARTED
from guardpost.protocol.framing import Profile
from guardpost.protocol.limits import (
    ASKS_AFTER_TEXT,
    ASKS_EARLY_SECONDS,
    KNOWN_SETTLE_SECONDS,
    KNOWN_TRIES,
    QUIET_AFTER_TEXT_SECONDS,
)

CHOICE = (Profile.CLEAN, Profile.XONXOFF, Profile.CONSOLE, Profile.PRINTABLE)
QUESTION_BYTES = 100  # as docs/protocol.md section 10 says: a PING and a hello
PROBES_SECONDS = 2.0  # until the console is mute, on this line
VERDICT_SECONDS = (KNOWN_TRIES + 1) * (KNOWN_SETTLE_SECONDS + 0.05) + 1.0  # and a survey


def made(*profiles: Profile) -> Pair:
    pair = Pair(SimulatedLine(fifo_bytes=64))
    pair.establish(*(profiles or CHOICE))
    return pair


def is_over(pair: Pair) -> bool:
    return bool(pair.console.of(events.SessionEnded))


def told_to_the_host(pair: Pair) -> list[tuple[float, bytes]]:
    """From now on, with times; bytes of one moment are one."""
    told: list[tuple[float, bytes]] = []

    def tap(side: str, data: bytes, now: float) -> None:
        if side != "b":
            return
        if told and now - told[-1][0] < 0.1:
            data = told.pop()[1] + data
        told.append((now, data))

    pair.tap = tap
    return told


def until_mute(pair: Pair) -> None:
    """Its agent is gone, and the console's last word has left."""
    pair.agent.is_up = False
    assert pair.run(PROBES_SECONDS, until=lambda: state(pair, "console") == "suspended")
    pair.run(0.2)


@pytest.mark.parametrize("profiles", [CHOICE, (Profile.CLEAN,), (Profile.PRINTABLE,)])
def test_a_restart_on_a_quiet_line_shows_with_the_next_command(
    profiles: tuple[Profile, ...],
) -> None:
    pair = made(*profiles)
    pair.run(5)
    pair.replace_agent(make_agent(seed=77))
    pair.run(5)
    pair.open()
    assert pair.run(PROBES_SECONDS + VERDICT_SECONDS, until=lambda: is_over(pair)), progress(pair)
    assert pair.console.of(events.SessionEnded)[0].text == RESTARTED
    pair.begin()
    again = len(pair.console.of(events.SessionEstablished))
    assert pair.run(1, until=lambda: len(pair.console.of(events.SessionEstablished)) > again)


@pytest.mark.parametrize("seconds", [2.0, 5.0, 9.0, 20.0, 35.0])
def test_an_agent_that_takes_its_time_is_found_with_the_next_question(seconds: float) -> None:
    pair = made()
    pair.console.feed(open_channel(pair), payload(100000))
    pair.run(2)
    pair.agent.is_up = False
    pair.run(seconds)
    pair.replace_agent(make_agent(seed=77))
    began = pair.now
    assert pair.run(20, until=lambda: is_over(pair)), progress(pair)
    asked, step = PROBES_SECONDS, iter(ASKS_EARLY_SECONDS)
    while asked < seconds + PROBES_SECONDS:
        asked += next(step)
    assert pair.now - began < asked - seconds + VERDICT_SECONDS


def test_a_command_that_only_listens_finds_out_too() -> None:
    """It has no probe of its own: a busy agent that falls silent is asked."""
    pair = made()
    channel = open_channel(pair)
    pair.agent.feed(agents_half(pair, channel), payload(2_000_000))
    pair.run(3)
    pair.replace_agent(make_agent(seed=77))
    assert pair.run(3.5 + PROBES_SECONDS + VERDICT_SECONDS, until=lambda: is_over(pair))


def test_a_host_that_booted_is_asked_when_its_text_has_ended() -> None:
    pair = made()
    channel = open_channel(pair, interactive=True)
    pair.run(1)
    pair.agent.is_up = False
    pair.console.connection.write_channel(channel, b"x", pair.now)
    pair.run(0.05)
    told = told_to_the_host(pair)
    for at in range(40):
        pair.line.ba.insert(b"[  %3d.000001] usb 1-1: new device\r\n" % at, pair.now)
        pair.run(1.0)
    ended = pair.now - 1.0
    pair.run(4.0)
    pair.replace_agent(make_agent(seed=77))
    assert [data for _, data in told if len(data) > 60] == []
    assert pair.run(20, until=lambda: is_over(pair)), progress(pair)
    assert pair.now - ended < QUIET_AFTER_TEXT_SECONDS + VERDICT_SECONDS


@pytest.mark.parametrize("profiles", [CHOICE, (Profile.PRINTABLE,)])
def test_a_silent_host_gets_four_questions_in_the_first_minute(
    profiles: tuple[Profile, ...],
) -> None:
    pair = made(*profiles)
    channel = open_channel(pair)
    pair.console.feed(channel, payload(100000))
    pair.run(2)
    until_mute(pair)
    told = told_to_the_host(pair)
    pair.run(60)
    assert len(told) == 4
    assert all(len(data) <= QUESTION_BYTES for _, data in told)
    before = len(told)
    pair.run(120)
    assert len(told) - before == 120 // 30


@pytest.mark.parametrize("pause", [5.0, 11.0, 16.0, 29.0, 45.0])
def test_whatever_it_says_a_host_gets_no_more_than_five_questions_a_minute(pause: float) -> None:
    pair = made()
    channel = open_channel(pair)
    pair.console.feed(channel, payload(100000))
    pair.run(2)
    until_mute(pair)
    told = told_to_the_host(pair)
    for _ in range(int(300 / pause)):
        pair.line.ba.insert(b"Memory test, please wait for a long time\r\n", pair.now)
        pair.run(pause)
    times = [at for at, _ in told]
    assert bool(times) == (pause > QUIET_AFTER_TEXT_SECONDS)
    apart = [after - before for before, after in pairwise(times)]
    assert all(each >= ASKS_EARLY_SECONDS[ASKS_AFTER_TEXT] - 0.5 for each in apart)
    assert all(len(data) <= QUESTION_BYTES for _, data in told)


def test_a_person_who_types_on_adds_nothing_to_that() -> None:
    pair = made()
    channel = open_channel(pair, interactive=True)
    pair.console.connection.write_channel(channel, b"x", pair.now)
    until_mute(pair)
    told = told_to_the_host(pair)
    for _ in range(60):
        pair.console.connection.write_channel(channel, b"x", pair.now)
        pair.run(1.0)
    assert sum(len(data) for _, data in told) <= 4 * QUESTION_BYTES


@pytest.mark.parametrize("seconds", [1.0, 8.0, 20.0])
def test_an_agent_that_only_stood_still_keeps_its_session(seconds: float) -> None:
    """Stopped and continued, as with SIGSTOP: questions stand in its input all the while."""
    pair = made()
    channel = open_channel(pair)
    up, down = payload(60000), payload(50000, seed=9)
    pair.console.feed(channel, up)
    pair.agent.feed(agents_half(pair, channel), down)
    pair.run(1)
    pair.agent.is_up = False
    pair.run(seconds)
    pair.agent.is_up = True
    assert pair.run(60, until=lambda: carried(pair, channel, up, down)), progress(pair)
    assert pair.console.of(events.SessionEnded) == []


def test_a_line_that_comes_back_for_a_moment_costs_no_session() -> None:
    """One hello gets through and is answered, and then nothing does."""
    pair = made()
    channel = open_channel(pair)
    pair.console.feed(channel, payload(60000))
    pair.run(1)
    until_mute(pair)
    heard: list[float] = []
    pair.tap = lambda side, data, now: heard.append(now) if side == "b" else None
    assert pair.run(10, until=lambda: bool(heard))
    known, pair.agent.connection = pair.agent.connection, make_agent(seed=77)
    pair.agent.is_up = True  # somebody who answers hellos and knows no session
    pair.run(0.1)
    pair.agent.is_up, pair.agent.connection = False, known
    pair.run(20)
    assert not is_over(pair)
    pair.agent.is_up = True
    assert pair.run(60, until=lambda: len(received(pair.agent, channel)) == 60000), progress(pair)
