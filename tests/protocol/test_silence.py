"""When a session whose peer does not answer may speak."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from guardpost.protocol.limits import (
    AGENT_PING_SECONDS,
    ASK_SECONDS,
    ASKS_AFTER_TEXT,
    ASKS_EARLY_SECONDS,
    QUIET_AFTER_TEXT_SECONDS,
)
from guardpost.protocol.silence import AgentSilence, ConsoleSilence, Silence


def questions(silence: Silence, seconds: float, *, answered: bool = False) -> list[float]:
    """When it asks from now (0.0) on."""
    times: list[float] = []
    while (at := silence.ask_at()) is not None and at <= seconds:
        times.append(at)
        silence.asked(at)
        if answered:
            silence.opened(at + 0.01, busy=False)
    return times


def steps(times: list[float]) -> list[float]:
    return [round(after - before, 2) for before, after in pairwise(times)]


# --- the console ---


def test_a_live_console_asks_nothing() -> None:
    assert ConsoleSilence(0.0).ask_at() is None


def test_a_suspended_console_asks_soon_and_then_every_30_seconds() -> None:
    silence = ConsoleSilence(0.0)
    silence.suspended(0.0)
    asked = questions(silence, 150.0)
    assert asked == [3.5, 10.5, 25.5, 40.5, 70.5, 100.5, 130.5]
    assert steps([0.0, *asked]) == [*ASKS_EARLY_SECONDS, *[ASK_SECONDS] * 3]


def test_text_makes_it_wait_until_it_has_ended_for_10_seconds() -> None:
    silence = ConsoleSilence(0.0)
    silence.suspended(0.0)
    silence.text(29.0)
    assert silence.ask_at() == 29.0 + QUIET_AFTER_TEXT_SECONDS
    silence.text(37.0)
    assert silence.ask_at() == 37.0 + QUIET_AFTER_TEXT_SECONDS


def test_after_text_there_is_new_silence_but_no_early_question() -> None:
    silence = ConsoleSilence(0.0)
    silence.suspended(0.0)
    questions(silence, 200.0)
    silence.text(205.0)
    assert questions(silence, 310.0) == [215.0, 230.0, 260.0, 290.0]


@given(pauses=st.lists(st.floats(0.05, 40.0), max_size=60))
def test_whatever_text_comes_no_question_is_within_10_seconds_of_it(pauses: list[float]) -> None:
    """Nor, once there was text, within 15 s of another: at most five in a minute."""
    silence, now = ConsoleSilence(0.0), 0.05
    silence.suspended(0.0)
    asked: list[float] = []
    silence.text(now)
    for pause in pauses:
        new = questions(silence, now + pause)
        assert all(time >= now + QUIET_AFTER_TEXT_SECONDS for time in new)
        asked += new
        now += pause
        silence.text(now)
    assert all(step >= ASKS_EARLY_SECONDS[ASKS_AFTER_TEXT] for step in steps(asked))


def test_a_packet_that_opens_makes_it_as_eager_as_before() -> None:
    silence = ConsoleSilence(0.0)
    silence.suspended(0.0)
    questions(silence, 200.0)
    silence.text(205.0)
    silence.opened(206.0, busy=False)
    assert silence.ask_at() is None
    silence.suspended(300.0)
    assert silence.ask_at() == 300.0 + ASKS_EARLY_SECONDS[0]


def test_a_busy_agent_that_fell_silent_is_asked_once() -> None:
    silence = ConsoleSilence(0.0)
    silence.opened(1.0, busy=True)
    silence.text(2.0)
    assert silence.ask_at() == 2.0 + QUIET_AFTER_TEXT_SECONDS
    silence.asked(12.0)
    assert silence.ask_at() == 12.0 + ASK_SECONDS


def test_a_reopened_transport_is_worth_a_question_unless_text_came() -> None:
    silence = ConsoleSilence(0.0)
    silence.suspended(0.0)
    silence.reopened(5.0)
    assert silence.ask_at() == 5.0
    silence.text(5.0)
    assert silence.ask_at() == 15.0


def test_an_answer_ends_the_asking() -> None:
    silence = ConsoleSilence(0.0)
    silence.suspended(0.0)
    silence.text(1.0)
    silence.opened(2.0, busy=False)
    assert silence.ask_at() is None


# --- the agent ---


def agent() -> AgentSilence:
    silence = AgentSilence(0.0)
    silence.opened(0.0, busy=True)
    return silence


def test_a_mute_console_is_asked_quickly_for_15_seconds_and_then_rarely() -> None:
    times = questions(agent(), 300.0)
    quick = [time for time in times if time <= AGENT_PING_SECONDS + 15.0]
    assert set(steps(quick)) == {AGENT_PING_SECONDS}
    assert len(quick) == 20 + 1
    slow = steps([quick[-1], *[time for time in times if time > quick[-1]]])
    assert slow[:6] == [1.5, 3.0, 6.0, 12.0, 24.0, ASK_SECONDS]
    assert set(slow[6:]) == {ASK_SECONDS}


def test_an_idle_console_that_answers_is_asked_less_and_less() -> None:
    apart = steps(questions(agent(), 300.0, answered=True))
    assert apart[0] == 1.51
    assert apart == sorted(apart)
    assert apart[-1] == ASK_SECONDS + 0.01


def test_an_idle_console_that_falls_mute_is_asked_quickly_again() -> None:
    silence = agent()
    last = questions(silence, 300.0, answered=True)[-1]
    first, *more = questions(silence, last + 40.0)
    assert first == last + 0.01 + ASK_SECONDS
    assert steps([first, *more])[:5] == [AGENT_PING_SECONDS] * 5


def test_traffic_starts_the_quick_rhythm_over() -> None:
    silence = agent()
    questions(silence, 300.0, answered=True)
    silence.opened(301.0, busy=True)
    assert silence.ask_at() == 301.0 + AGENT_PING_SECONDS


def test_a_suspension_starts_it_over_as_well() -> None:
    silence = agent()
    questions(silence, 300.0, answered=True)
    silence.suspended(301.0)
    assert steps(questions(silence, 310.0)) == [AGENT_PING_SECONDS] * 11


def test_who_was_away_and_came_back_is_asked_quickly() -> None:
    silence = agent()
    questions(silence, 300.0)
    silence.opened(301.0, busy=False)
    assert silence.ask_at() == 301.0 + AGENT_PING_SECONDS


def test_the_agent_does_not_ask_into_text_either() -> None:
    silence = agent()
    silence.text(0.5)
    assert silence.ask_at() == 0.5 + QUIET_AFTER_TEXT_SECONDS
