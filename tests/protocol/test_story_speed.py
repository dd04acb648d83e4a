"""A cable runs faster by agreement, and is at its base speed within a second of any silence."""

from support.cable import BASE, Cable, CablePair
from support.pair import make_agent, make_console
from support.stories import (
    agents_half,
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


def raised_pair(cable: Cable | None = None) -> CablePair:
    pair = CablePair(cable)
    pair.establish()
    pair.raise_speed()
    assert pair.raised(), (pair.told(), progress(pair))
    return pair


def test_the_highest_speed_of_both_is_agreed_and_used() -> None:
    pair = raised_pair()
    assert pair.both_at == 921600
    assert pair.told() == pair.told(pair.agent) == [(921600, "")]


def test_it_takes_less_than_half_a_second() -> None:
    pair = CablePair()
    pair.establish()
    pair.raise_speed()
    assert pair.raised(0.5), pair.told()


def test_bulk_runs_at_the_new_speed_at_once() -> None:
    pair = raised_pair()
    channel = open_channel(pair)
    up, down = payload(300_000), payload(300_000, seed=8)
    pair.console.feed(channel, up)
    pair.agent.feed(agents_half(pair, channel), down)
    began = pair.now
    assert pair.run(30, until=lambda: carried(pair, channel, up, down)), progress(pair)
    assert 300_000 / (pair.now - began) > 0.8 * 92160
    assert pair.both_at == 921600


def test_bulk_that_is_under_way_loses_nothing() -> None:
    pair = CablePair()
    pair.establish()
    channel = open_channel(pair)
    up, down = payload(200_000), payload(200_000, seed=8)
    pair.console.feed(channel, up)
    pair.agent.feed(agents_half(pair, channel), down)
    pair.run(1.0)
    pair.raise_speed()
    assert pair.raised(), pair.told()
    assert pair.run(20, until=lambda: carried(pair, channel, up, down)), progress(pair)
    assert pair.told() == [(921600, "")]


def test_a_speed_that_damages_bytes_is_left_for_the_next_lower() -> None:
    pair = CablePair(Cable(limit=460800))
    pair.establish()
    channel = open_channel(pair)
    up, down = payload(200_000), payload(200_000, seed=8)
    pair.console.feed(channel, up)
    pair.agent.feed(agents_half(pair, channel), down)
    pair.raise_speed()
    assert pair.raised(8), (pair.told(), progress(pair))
    assert pair.both_at == 460800
    (first, why), last = pair.told()
    assert first == BASE
    assert why.startswith("921600 bit/s failed")
    assert last == (460800, "")
    assert pair.run(20, until=lambda: carried(pair, channel, up, down)), progress(pair)


def test_a_speed_that_failed_is_tried_again_later_and_later() -> None:
    pair = CablePair(Cable(limit=BASE))
    pair.establish()
    pair.raise_speed(230400)
    pair.run(600)
    count = len(pair.told())
    assert 3 <= count <= 5, pair.told()
    assert pair.both_at == BASE
    assert state(pair, "console") == state(pair, "agent") == "live"


def test_the_agents_port_may_have_fewer_speeds() -> None:
    pair = CablePair(port=(230400,))
    pair.establish()
    pair.raise_speed()
    assert pair.raised()
    assert pair.both_at == 230400


def test_an_idle_raised_line_stays_raised() -> None:
    pair = raised_pair()
    pair.run(120)
    assert pair.both_at == 921600
    assert len(pair.told()) == 1


def test_an_agent_that_refuses_says_why_and_is_not_asked_again() -> None:
    pair = CablePair(refusal="Intel AMT's port is no cable")
    pair.establish()
    pair.raise_speed()
    pair.run(200)
    assert pair.told() == [(BASE, "the agent refuses: Intel AMT's port is no cable")]
    assert len(pair.agent.of(events.SpeedAsked)) == 1
    channel = open_channel(pair)
    pair.console.feed(channel, b"as before")
    assert pair.run(2, until=lambda: received(pair.agent, channel) == b"as before")


def test_an_agent_that_dies_leaves_a_console_at_the_base_speed_within_a_second() -> None:
    pair = raised_pair()
    open_channel(pair)
    pair.lose_agent(make_agent(seed=9))
    pair.run(1.0)
    assert pair.both_at == BASE
    assert pair.run(20, until=lambda: bool(pair.console.of(events.SessionEnded))), progress(pair)
    pair.console.events.clear()
    pair.establish()
    pair.raise_speed()
    assert pair.raised()


def test_a_console_that_dies_leaves_the_agent_to_the_next_one() -> None:
    pair = raised_pair()
    pair.console.is_up = False
    pair.run(1.0)
    assert pair.speed("b") == BASE
    pair.console.connection = make_console(seed=11)
    pair.console.is_up = True
    pair.console.events.clear()
    pair.cable.set_speed("a", BASE, pair.now)
    pair.establish()
    assert pair.both_at == BASE


def test_a_person_at_the_base_speed_is_heard_after_a_second() -> None:
    pair = raised_pair()
    pair.console.is_up = False
    pair.cable.set_speed("a", BASE, pair.now)
    for _ in range(20):
        pair.cable.push_a(b"\r", pair.now)
        pair.run(0.2)
    pair.agent.text.clear()
    pair.run(2.5)
    pair.cable.push_a(b"hello\r", pair.now)
    pair.run(0.2)
    assert bytes(pair.agent.text) == b"hello\r"


def test_a_cable_that_is_pulled_costs_nothing_but_time() -> None:
    pair = raised_pair()
    channel = open_channel(pair)
    up, down = payload(200_000), payload(200_000, seed=8)
    pair.console.feed(channel, up)
    pair.agent.feed(agents_half(pair, channel), down)
    pair.run(1.0)
    pair.unplug()
    pair.run(1.0)
    assert pair.both_at == BASE
    pair.run(2.0)
    pair.plug()
    assert pair.run(60, until=lambda: carried(pair, channel, up, down)), progress(pair)


def test_one_direction_that_dies_brings_both_back_within_a_second() -> None:
    pair = raised_pair()
    pair.cable.silent["a"] = True
    pair.run(1.0)
    assert pair.both_at == BASE
    pair.cable.silent["a"] = False
    pair.run(3)
    assert state(pair, "console") == state(pair, "agent") == "live"


def test_somebody_who_changes_one_ports_speed_ends_the_lease() -> None:
    pair = raised_pair()
    pair.cable.set_speed("b", 9600, pair.now)
    pair.run(1.0)
    assert pair.both_at == BASE
    pair.run(5)
    channel = open_channel(pair)
    pair.console.feed(channel, b"still here")
    assert pair.run(5, until=lambda: received(pair.agent, channel) == b"still here")


def test_it_is_raised_again_after_a_pause() -> None:
    pair = raised_pair()
    pair.unplug()
    pair.run(1.5)
    pair.plug()
    assert not pair.raised(2.0)
    assert pair.raised(60), pair.told()
    assert pair.both_at == 460800  # the other did not hold


def test_a_goodbye_gives_the_speed_back() -> None:
    pair = raised_pair()
    pair.console.connection.close(GoAwayCode.DONE, "", pair.now)
    pair.run(0.2)
    assert pair.both_at == BASE
    assert [each.code for each in pair.agent.of(events.SessionEnded)] == [GoAwayCode.DONE]


def test_so_does_an_agents_goodbye() -> None:
    pair = raised_pair()
    pair.agent.connection.close(GoAwayCode.SHUTTING_DOWN, "", pair.now)
    pair.run(0.2)
    assert pair.both_at == BASE
    assert [each.code for each in pair.console.of(events.SessionEnded)] == [
        GoAwayCode.SHUTTING_DOWN
    ]


def test_a_line_that_is_opened_again_is_at_the_base_speed() -> None:
    pair = raised_pair()
    channel = open_channel(pair)
    for end, side in ((pair.console, "a"), (pair.agent, "b")):
        end.connection.receive_eof(pair.now)
        pair.cable.set_speed(side, BASE, pair.now)
        end.connection.line_opened(pair.now)
    assert pair.console.connection.cable.raised is None
    pair.console.feed(channel, payload(20_000))
    assert pair.run(10, until=lambda: received(pair.agent, channel) == payload(20_000))


def test_a_slow_line_after_a_fast_one_is_not_flooded() -> None:
    pair = raised_pair()
    channel = open_channel(pair)
    pair.console.feed(channel, payload(400_000))
    pair.run(1.0)
    pair.unplug()
    pair.run(1.0)
    pair.plug()
    assert pair.run(4, until=lambda: state(pair, "console") == "live")
    pair.run(1.0)
    statistics = pair.console.connection.statistics(pair.now)
    assert statistics is not None
    assert statistics.rate is not None
    assert statistics.rate < 1.3 * BASE / 10
    assert statistics.queued_seconds < 0.5
    assert channels(pair.console) == 1


def test_a_boot_loader_that_suspends_the_session_gives_the_speed_back() -> None:
    pair = raised_pair()
    pair.agent.is_up = False
    pair.run(0.1)
    pair.cable.ba.insert(b"\r\nHit any key to stop autoboot:  3 \r\n", pair.now)
    pair.run(0.6)
    assert state(pair, "console") == "suspended"
    assert pair.speed("a") == BASE
    assert pair.told()[-1] == (BASE, "the session is not live")
