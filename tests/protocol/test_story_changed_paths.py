"""A path that changes under a live session: losses say so, and the session goes around it."""

from dataclasses import replace

import pytest
from support.line import SimulatedLine
from support.pair import Pair, make_agent
from support.stories import agents_half, open_channel, payload, progress, received

from guardpost.protocol import events
from guardpost.protocol.framing import Profile
from guardpost.simline import NO_FAULTS, Faults

CHOICE = (Profile.CLEAN, Profile.XONXOFF, Profile.CONSOLE, Profile.PRINTABLE)
CLEAN, XONXOFF, CONSOLE, PRINTABLE = CHOICE


def change(pair: Pair, faults: Faults) -> None:
    for wire in (pair.line.ab, pair.line.ba):
        wire.change(faults, pair.now)


def profiles_of(pair: Pair) -> list[tuple[Profile, Profile]]:
    found = []
    for end in (pair.console, pair.agent):
        association = end.connection.association
        assert association is not None
        found.append(association.framer.profiles)
    return found


@pytest.mark.parametrize(
    ("faults", "profile"),
    [
        (Faults(eat=frozenset(b"\x11\x13")), XONXOFF),
        (Faults(eat=frozenset(b"\x00")), CONSOLE),
        (Faults(paths=("crlf",)), CONSOLE),
        (Faults(paths=("7bit",)), PRINTABLE),
    ],
    ids=["XON and XOFF", "NUL", "line ends", "7 bits"],
)
@pytest.mark.parametrize("busy", ["there", "back", "both ways"])
def test_the_session_and_its_channels_live_on(faults: Faults, profile: Profile, busy: str) -> None:
    pair = Pair(SimulatedLine(fifo_bytes=64))
    pair.establish(*CHOICE)
    channel = open_channel(pair)
    up = payload(40000) if busy != "back" else b"x"
    down = payload(40000, seed=4) if busy != "there" else b"y"
    pair.console.feed(channel, up)
    pair.agent.feed(pair.agent.opened[0], down)
    pair.run(1)
    change(pair, faults)
    changed_at = pair.now
    assert pair.run(
        120,
        until=lambda: (
            received(pair.agent, channel) == up and received(pair.console, channel) == down
        ),
    ), progress(pair)
    assert profiles_of(pair) == [(profile, profile)] * 2
    assert len(pair.console.of(events.SessionEstablished)) == 1
    assert pair.console.of(events.SessionEnded) == []
    assert pair.console.of(events.PathSurveyed)[0].profiles == (profile, profile)
    assert pair.now - changed_at < 45


def test_noise_alone_changes_no_profile_and_costs_few_surveys() -> None:
    pair = Pair(SimulatedLine(fifo_bytes=64))
    pair.establish(*CHOICE)
    channel = open_channel(pair)
    up = payload(60000)
    pair.console.feed(channel, up)
    pair.run(1)
    change(pair, Faults(loss=8e-3))
    pair.run(60)
    assert profiles_of(pair) == [(CLEAN, CLEAN)] * 2
    assert pair.console.of(events.SessionEnded) == []
    change(pair, NO_FAULTS)
    assert pair.run(60, until=lambda: received(pair.agent, channel) == up), progress(pair)


def test_profiles_that_noise_forced_at_the_entry_do_not_stay_for_ever() -> None:
    """No survey got through, so the console began printable without knowing anything."""
    pair = Pair(SimulatedLine(faults=Faults(loss=5e-3), fifo_bytes=64, seed=5))
    pair.establish(*CHOICE)
    assert profiles_of(pair) == [(PRINTABLE, PRINTABLE)] * 2
    assert pair.console.of(events.PathSurveyed) == []
    change(pair, NO_FAULTS)
    channel = open_channel(pair)
    up = payload(400000)
    pair.console.feed(channel, up)
    assert pair.run(120, until=lambda: received(pair.agent, channel) == up), progress(pair)
    assert profiles_of(pair) == [(CLEAN, CLEAN)] * 2


def test_a_profile_that_was_ordered_stays() -> None:
    pair = Pair(SimulatedLine(fifo_bytes=64))
    pair.establish(CLEAN)
    channel = open_channel(pair)
    pair.console.feed(channel, payload(20000))
    pair.run(1)
    change(pair, Faults(eat=frozenset(b"\x11\x13")))
    pair.run(30)
    assert profiles_of(pair) == [(CLEAN, CLEAN)] * 2
    assert pair.console.of(events.PathSurveyed) == []


def test_an_agent_that_was_restarted_is_found_out_all_the_same() -> None:
    pair = Pair(SimulatedLine(faults=Faults(mutes=((103.0, 40.0),)), fifo_bytes=64))
    pair.establish(*CHOICE)
    channel = open_channel(pair)
    pair.console.feed(channel, payload(60000))
    pair.run(10)
    pair.replace_agent(make_agent(seed=77))
    assert pair.run(120, until=lambda: bool(pair.console.of(events.SessionEnded))), progress(pair)
    assert "restarted" in pair.console.of(events.SessionEnded)[0].text


def test_the_wire_heals_again() -> None:
    """A more careful profile than needed is kept: it costs little, and nobody asks."""
    pair = Pair(SimulatedLine(fifo_bytes=64))
    pair.establish(*CHOICE)
    channel = open_channel(pair)
    up = payload(60000)
    pair.console.feed(channel, up)
    pair.run(1)
    change(pair, replace(NO_FAULTS, eat=frozenset(b"\x11\x13")))
    pair.run(6)
    change(pair, NO_FAULTS)
    assert pair.run(60, until=lambda: received(pair.agent, channel) == up), progress(pair)
    assert profiles_of(pair) == [(XONXOFF, XONXOFF)] * 2


@pytest.mark.parametrize("after", [0.3, 0.7, 1.5])
def test_a_line_that_falls_silent_gets_no_more_hellos_than_ever(after: float) -> None:
    """The host may be rebooting: losses at the end are no reason to ask about the path.

    One beside the probes, and one with each of the two questions that are due by then.
    """
    said = bytearray()
    pair = Pair(SimulatedLine(fifo_bytes=64))
    pair.establish(*CHOICE)
    channel = open_channel(pair)
    pair.console.feed(channel, payload(40000))
    pair.run(after)
    pair.agent.is_up = False
    pair.tap = lambda side, data, now: said.extend(data if side == "b" else b"")
    pair.run(25)
    assert 1 <= said.count(b"#718001") <= 1 + 2


def test_an_agent_that_is_killed_under_bulk_is_found_out() -> None:
    pair = Pair(SimulatedLine(92160.0, fifo_bytes=256))
    pair.establish(*CHOICE)
    channel = open_channel(pair)
    pair.agent.feed(agents_half(pair, channel), payload(400000))
    pair.run(1)
    pair.replace_agent(make_agent(seed=77))
    assert pair.run(20, until=lambda: bool(pair.console.of(events.SessionEnded))), progress(pair)
    assert "restarted" in pair.console.of(events.SessionEnded)[0].text


def test_an_agent_that_changed_over_unheard_is_found_again_when_the_wire_heals() -> None:
    """Its word that it speaks the other profile was lost, and then the old one would do again."""
    pair = Pair(SimulatedLine(fifo_bytes=64))
    pair.establish(*CHOICE)
    channel = open_channel(pair)
    up = payload(60000)
    pair.console.feed(channel, up)
    pair.run(1)
    change(pair, Faults(eat=frozenset(b"\x11\x13")))
    assert pair.run(60, until=lambda: profiles_of(pair)[1] == (XONXOFF, XONXOFF))
    assert profiles_of(pair)[0] == (CLEAN, CLEAN)
    pair.line.ba.change(Faults(eat=frozenset(range(256))), pair.now)
    pair.run(12)
    change(pair, NO_FAULTS)
    assert pair.run(120, until=lambda: received(pair.agent, channel) == up), progress(pair)
    assert pair.console.of(events.SessionEnded) == []
