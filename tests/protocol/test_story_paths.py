"""Paths that change bytes: the console finds out, and the session that comes about carries all."""

import pytest
from support.line import SimulatedLine
from support.pair import Pair
from support.stories import open_channel, payload, received

from guardpost.protocol import events
from guardpost.protocol.framing import Profile
from guardpost.protocol.hello import HelloScanner
from guardpost.simline import NO_FAULTS, Faults

TRANSPARENT = (Profile.CLEAN, Profile.XONXOFF, Profile.CONSOLE, Profile.PRINTABLE)
TRANSLATED = (Profile.CONSOLE, Profile.PRINTABLE)
CLEAN, XONXOFF, CONSOLE, PRINTABLE = TRANSPARENT

HIGH = frozenset(range(128, 256))

# A path, what it damages, and the profile that avoids that.
PATHS = {
    "nothing": (NO_FAULTS, frozenset[int](), CLEAN),
    "XON and XOFF eaten": (Faults(eat=frozenset(b"\x11\x13")), frozenset(b"\x11\x13"), XONXOFF),
    "NUL eaten": (Faults(eat=frozenset(b"\x00")), frozenset(b"\x00"), CONSOLE),
    "LF becomes CR LF": (Faults(paths=("crlf",)), frozenset(b"\n"), CONSOLE),
    "CR becomes LF": (Faults(paths=("crnl",)), frozenset(b"\r"), CONSOLE),
    "7 bits": (Faults(paths=("7bit",)), HIGH, PRINTABLE),
    "IAC doubled": (Faults(paths=("iac",)), frozenset(b"\xff"), CONSOLE),
    "a C1 control eaten": (Faults(eat=frozenset(b"\x9b")), frozenset(b"\x9b"), PRINTABLE),
}


def entered(pair: Pair, profiles: tuple[Profile, ...]) -> float:
    """The time from the first hello to the session."""
    pair.begin(*profiles)
    start = pair.now + 0.3
    assert pair.run(20, until=lambda: bool(pair.console.of(events.SessionEstablished))), (
        pair.console.events
    )
    return pair.now - start


def carries_everything(pair: Pair, lost: int = 0) -> None:
    channel = open_channel(pair)
    up, down = bytes(range(256)) * 8 + payload(3000), payload(3000, seed=4) + bytes(range(256)) * 8
    pair.console.feed(channel, up)
    pair.agent.feed(next(iter(pair.agent.opened)), down)
    assert pair.run(
        30,
        until=lambda: (
            received(pair.agent, channel) == up and received(pair.console, channel) == down
        ),
    )
    statistics = pair.console.connection.statistics(pair.now)
    assert statistics is not None
    assert statistics.packets_lost <= lost


def profiles_of(pair: Pair) -> tuple[Profile, Profile]:
    association = pair.console.connection.association
    assert association is not None
    return association.framer.profiles


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("where", ["both ways", "to the agent", "to the console"])
def test_the_path_is_learned_and_the_right_profile_taken(name: str, where: str) -> None:
    faults, damage, profile = PATHS[name]
    line = SimulatedLine(
        faults=NO_FAULTS if where == "to the console" else faults,
        back_faults=NO_FAULTS if where == "to the agent" else faults,
    )
    pair = Pair(line)
    seconds = entered(pair, TRANSPARENT)
    there = CLEAN if where == "to the console" else profile
    back = CLEAN if where == "to the agent" else profile
    assert profiles_of(pair) == (there, back)
    for told in pair.console.of(events.PathSurveyed):
        assert told.profiles == (there, back)
        assert told.damage.to_agent == (frozenset() if where == "to the console" else damage)
        assert told.damage.to_console == (frozenset() if where == "to the agent" else damage)
    assert bool(pair.console.of(events.PathSurveyed)) == bool(damage)
    assert seconds < 1.0
    carries_everything(pair)


def test_a_session_through_ipmitools_escape() -> None:
    """`~.` at the beginning of a line would end ipmitool: nothing of ours ever says it."""
    pair = Pair(SimulatedLine(faults=Faults(paths=("tilde",)), back_faults=NO_FAULTS))
    entered(pair, TRANSLATED)
    assert profiles_of(pair) == (CONSOLE, CONSOLE)
    carries_everything(pair)


@pytest.mark.parametrize(
    "faults", [NO_FAULTS, Faults(eat=frozenset(b"\x9b"))], ids=["clean", "surveyed"]
)
def test_where_a_program_is_in_between_its_escapes_are_not_tried(faults: Faults) -> None:
    pair = Pair(SimulatedLine(faults=faults))
    said = bytearray()
    pair.tap = lambda side, data, now: said.extend(data)
    entered(pair, TRANSLATED)
    carries_everything(pair)
    assert set(said) & set(b"\x00\x03\x04\n\r\x11\x13\x1a\x1b\x1d&~\x7f\xff") == set()


@pytest.mark.parametrize("end", ["a", "b"])
def test_an_echo_is_no_obstacle(end: str) -> None:
    pair = Pair(SimulatedLine(faults=Faults(eat=frozenset(b"\x11\x13")), echo=end))
    entered(pair, TRANSPARENT)
    assert profiles_of(pair) == (XONXOFF, XONXOFF)
    carries_everything(pair, lost=20)  # what the echo has no room for on the line


def test_a_late_answer_to_an_earlier_hello_is_no_other_consoles() -> None:
    """A console asks up to three different ones for one session."""
    pair = Pair(SimulatedLine(faults=Faults(eat=frozenset(b"\x11\x13"))))
    answers: list[bytes] = []
    scanner = HelloScanner()

    def keep(side: str, data: bytes, now: float) -> None:
        if side == "a":
            answers.extend(hello for _, hello in scanner.feed(data) if hello is not None)

    pair.tap = keep
    pair.begin(*TRANSPARENT)
    assert pair.run(20, until=lambda: len(answers) == 3)
    for each in answers[:2]:
        pair.line.push_b(each, pair.now)
    assert pair.run(20, until=lambda: bool(pair.console.of(events.SessionEstablished)))
    assert pair.console.of(events.Heard) == []


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_not_taken_for_the_path(seed: int) -> None:
    faults = Faults(eat=frozenset(b"\x11\x13"), loss=1e-3)
    pair = Pair(SimulatedLine(faults=faults, seed=seed))
    entered(pair, TRANSPARENT)
    assert profiles_of(pair) == (XONXOFF, XONXOFF)


def test_a_profile_that_was_ordered_is_not_questioned() -> None:
    pair = Pair(SimulatedLine(faults=Faults(eat=frozenset(b"\x11\x13"))))
    said = bytearray()
    pair.tap = lambda side, data, now: said.extend(data if side == "b" else b"")
    entered(pair, (CONSOLE,))
    assert len(said) < 400


def test_the_prompt_hears_nothing_of_it() -> None:
    """Neither what was swept nor the digits in between reach the line editor."""
    pair = Pair(SimulatedLine(faults=Faults(eat=frozenset(b"\x00"))))
    pair.line.push_a(b"half a line", pair.now)
    pair.run(0.2)
    entered(pair, TRANSPARENT)
    pair.run(5)
    assert bytes(pair.agent.text) == b"half a line"


def test_a_console_at_the_other_end_of_a_slow_line_is_patient() -> None:
    pair = Pair(SimulatedLine(960.0, faults=Faults(eat=frozenset(b"\x11\x13"), delay=0.2)))
    entered(pair, TRANSPARENT)
    assert profiles_of(pair) == (XONXOFF, XONXOFF)


def test_flow_control_that_stops_the_way_back_lets_it_go_on() -> None:
    """XOFF is not only eaten: until the next XON nothing comes back."""
    pair = Pair(SimulatedLine())
    stops = 0

    def obey(side: str, data: bytes, now: float) -> None:
        nonlocal stops
        for value in data if side == "b" else b"":
            if value in b"\x11\x13":
                stops += value == 0x13
                pair.line.ba.set_rate(0.0 if value == 0x13 else 11520.0, now)

    pair.tap = obey
    pair.begin(*TRANSPARENT)
    assert pair.run(20, until=lambda: bool(pair.console.of(events.SessionEstablished)))
    assert stops >= 1
