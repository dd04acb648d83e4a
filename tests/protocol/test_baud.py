"""LineSpeed by itself: the words of one end, in order; the story tests have both."""

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.protocol import events
from guardpost.protocol.baud import LineSpeed, Stage
from guardpost.protocol.messages import Speed, SpeedStep

BASE = 115200


def agent(told: deque[events.Event] | None = None) -> LineSpeed:
    return LineSpeed(console=False, events_out=deque() if told is None else told, now=0.0)


def console(told: deque[events.Event] | None = None) -> LineSpeed:
    made = LineSpeed(console=True, events_out=deque() if told is None else told, now=0.0)
    made.offer(BASE, (921600, 230400), 0.0)
    made.handle_timeout(0.0, 0.0)
    return made


def steps(speed: LineSpeed, now: float) -> list[tuple[SpeedStep, int]]:
    return [(each.step, each.value) for each in speed.to_send(now)]


def test_an_agent_changes_its_port_only_when_its_answer_is_out() -> None:
    speed = agent()
    speed.receive(Speed(SpeedStep.ASK, 4000000), 1.0)
    speed.answer(BASE, (921600, 230400), "")
    assert speed.to_set(10.0) is None
    (said,) = speed.to_send(10.0)
    assert said == Speed(SpeedStep.AGREE, 921600)
    speed.sent(said, 10.5, 10.0)
    assert speed.to_set(10.5) is None
    assert speed.to_set(10.53) == 921600


def test_a_console_asks_and_is_quiet_until_it_hears_an_answer() -> None:
    told = deque[events.Event]()
    speed = console(told)
    assert steps(speed, 0.0) == [(SpeedStep.ASK, 921600)]
    assert speed.is_quiet
    speed.handle_timeout(0.0, 0.9)
    assert speed.is_quiet
    speed.handle_timeout(0.0, 1.0)
    assert not speed.is_quiet
    assert speed.deadline == 6.0
    assert told.pop() == events.SpeedSettled(BASE, "the agent did not answer in time")


def test_a_port_that_has_not_the_speed_after_all() -> None:
    told = deque[events.Event]()
    speed = console(told)
    speed.to_send(0.0)
    speed.receive(Speed(SpeedStep.AGREE, 921600), 0.1)
    assert speed.to_set(0.1) == 921600
    assert speed.was_set(False, 0.1) is None
    assert told.pop() == events.SpeedSettled(BASE, "our port has no 921600 bit/s")
    speed.handle_timeout(0.0, 1.1)
    assert steps(speed, 1.1) == [(SpeedStep.ASK, 230400)]


def test_nobody_there_at_the_new_speed() -> None:
    speed = console()
    speed.to_send(0.0)
    speed.receive(Speed(SpeedStep.AGREE, 921600), 0.1)
    assert speed.was_set(True, 0.1) == 92160.0
    assert steps(speed, 0.1) == [(SpeedStep.HERE, 0)]
    assert steps(speed, 0.12) == []
    assert steps(speed, 0.16) == [(SpeedStep.HERE, 0)]
    speed.handle_timeout(0.0, 0.91)
    assert speed.stage is Stage.RETURNING
    assert steps(speed, 0.91) == [(SpeedStep.BACK, 0)]
    assert speed.to_set(0.94) == BASE
    assert speed.was_set(True, 0.94) == BASE / 10


@given(
    st.booleans(),
    st.lists(
        st.tuples(
            st.sampled_from(SpeedStep),
            st.integers(0, 1 << 27),
            st.floats(0.0, 1.5),
            st.booleans(),
        ),
        max_size=40,
    ),
)
def test_whatever_a_peer_says_the_base_speed_is_never_far(
    is_console: bool, words: list[tuple[SpeedStep, int, float, bool]]
) -> None:
    """Any words at any times: the port has a speed we know, and is back a second after them."""
    speed = console() if is_console else agent()
    port, now = BASE, 0.0
    for step, value, pause, opens in words:
        now += pause
        if opens:
            speed.opened(now)
        speed.receive(Speed(step, value), now)
        speed.answer(BASE, (921600, 230400), "")
        port = obey(speed, port, now)
        assert port in (BASE, 921600, 230400)
    for _ in range(30):
        now += 0.05
        port = obey(speed, port, now)
    assert port == BASE
    assert len(speed.to_send(now)) <= 8


def obey(speed: LineSpeed, port: int, now: float) -> int:
    speed.handle_timeout(0.0, now)
    for said in speed.to_send(now):
        speed.sent(said, now, now)
        speed.spoke_at = now
    wanted = speed.to_set(now)
    if wanted is None:
        return port
    speed.was_set(True, now)
    return wanted


@pytest.mark.parametrize("reason", ["", "it is Serial-over-LAN"])
def test_a_port_without_speeds_is_a_refusal_in_words(reason: str) -> None:
    speed = agent()
    speed.receive(Speed(SpeedStep.ASK, 921600), 1.0)
    speed.answer(BASE, (), reason)
    (said,) = speed.to_send(1.0)
    assert said.step is SpeedStep.REFUSE
    assert said.text == (reason or "the port has none of the speeds")
    assert not speed.is_quiet
