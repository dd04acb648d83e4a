"""An observer beside a console names every byte of a line, and changes nothing of its sessions."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.line import SimulatedLine
from support.pair import CONSOLE_KEY, Pair
from support.stories import agree

from guardpost.errors import GoAwayCode
from guardpost.protocol.console_connection import ConsoleConnection
from guardpost.protocol.framing import Encoder, Profile
from guardpost.protocol.messages import Accept, Data, Message, Open, Welcome, decode_messages
from guardpost.protocol.observer import Observer, Unit, UnitKind, withheld
from guardpost.simline import Faults


class WatchedConsole(ConsoleConnection):
    """A console's connection that an observer hears with, as an owner's tap does."""

    def __init__(self) -> None:
        super().__init__(
            static_private=CONSOLE_KEY,
            message_3_payload=b"\x80",
            random_bytes=random.Random(1).randbytes,
        )
        self.units: list[Unit] = []
        self.observer = Observer(lambda: self.sessions)

    def receive_data(self, data: bytes, now: float) -> bool:
        self.units += self.observer.receive_data(data, True, now)
        return super().receive_data(data, now)

    def data_to_send(self, now: float) -> list[bytes]:
        out = super().data_to_send(now)
        if out:
            self.units += self.observer.receive_data(b"".join(out), False, now)
        return out


class Watched:
    """A pair with that console."""

    def __init__(self, line: SimulatedLine | None = None) -> None:
        self.console = WatchedConsole()
        self.pair = Pair(line, console=self.console)

    @property
    def units(self) -> list[Unit]:
        return self.console.units

    def of(self, kind: UnitKind, from_agent: bool | None = None) -> list[Unit]:
        return [
            unit
            for unit in self.units
            if unit.kind is kind and from_agent in (None, unit.from_agent)
        ]

    def messages(self, from_agent: bool) -> list[Message]:
        packets = self.of(UnitKind.PACKET, from_agent)
        return [each for unit in packets for each in decode_messages(unit.messages or b"")]


@pytest.mark.parametrize("profile", Profile)
def test_a_whole_session_is_told_from_its_hellos_to_its_goodbye(profile: Profile) -> None:
    watched = Watched()
    pair = watched.pair
    pair.establish(profile)
    channel = pair.open(b"request")
    pair.console.connection.write_channel(channel, b"secret words", pair.now)
    pair.run(3)
    assert [unit.from_agent for unit in watched.of(UnitKind.HELLO)] == [False, True]
    kinds = [unit.body[0] for unit in watched.of(UnitKind.HANDSHAKE)]
    assert [kind for kind in kinds if kind < 4] == [1, 2, 3], "and what is said of the path"
    for from_agent in (False, True):
        numbers = [unit.number for unit in watched.of(UnitKind.PACKET, from_agent)]
        assert numbers == list(range(len(numbers))), "none is missing, and each was opened"
    assert any(isinstance(each, Welcome) for each in watched.messages(True))
    sent = watched.messages(False)
    assert Open(0, "test", 7) in sent
    assert b"".join(each.data for each in sent if isinstance(each, Data)) == b"requestsecret words"
    assert Accept(0, 7) in watched.messages(True)
    assert {unit.profile for unit in watched.of(UnitKind.PACKET)} == {profile}
    pair.console.connection.close(GoAwayCode.DONE, "", pair.now)
    pair.run(1)
    assert agree(pair)
    known = (UnitKind.HELLO, UnitKind.HANDSHAKE, UnitKind.PACKET)
    assert {unit.kind for unit in watched.units} == set(known)


def test_who_begins_in_the_middle_of_a_session_opens_its_packets() -> None:
    watched = Watched()
    pair = watched.pair
    pair.establish(Profile.CONSOLE)
    watched.units.clear()
    watched.console.observer = Observer(lambda: watched.console.sessions)
    pair.open(b"request")
    pair.run(2)
    assert Open(0, "test", 7) in watched.messages(False)
    assert Accept(0, 7) in watched.messages(True)


def test_text_noise_and_frames_of_others_are_told_apart() -> None:
    watched = Watched()
    watched.pair.establish()
    observer, now = watched.console.observer, watched.pair.now
    log = b"[    1.0] usb 1-1: new device\r\n"
    stranger = Encoder(Profile.CLEAN, 4711).encode(b"\x10" + random.Random(1).randbytes(60))
    units = observer.receive_data(log + b"\0" + stranger + b"\x01\x02\x03\0", True, now)
    kinds = [UnitKind.TEXT, UnitKind.BAD_FRAME, UnitKind.NOISE]
    assert [unit.kind for unit in units] == kinds
    assert [unit.body for unit in units] == [log, stranger[:-1], b"\x01\x02\x03"]
    assert observer.receive_data(b"login: ", True, now) == []
    assert observer.next_deadline() == now + 0.5
    assert [unit.body for unit in observer.handle_timeout(now + 0.5)] == [b"login: "]
    assert observer.next_deadline() is None


def test_a_dirty_line_is_told_as_it_is_and_its_session_does_not_notice() -> None:
    watched = Watched(SimulatedLine(faults=Faults(loss=0.002), seed=3))
    pair = watched.pair
    pair.establish()
    channel = pair.open(b"request")
    pair.console.feed(channel, random.Random(2).randbytes(20_000))
    assert pair.run(60, until=lambda: channel.number in pair.agent.ended)
    assert len(pair.agent.received[channel.number]) == 20_000
    arrived = watched.of(UnitKind.PACKET, True)
    assert all(unit.number is not None for unit in arrived)
    assert watched.of(UnitKind.BAD_FRAME, True), "the line ate bytes of some"
    statistics = watched.console.statistics(pair.now)
    assert statistics is not None
    sent = [unit.number for unit in watched.of(UnitKind.PACKET, False)]
    assert sent == list(range(len(sent)))
    assert len({unit.number for unit in arrived}) == statistics.packets_opened


def test_without_contents_nothing_of_them_is_left() -> None:
    watched = Watched()
    watched.pair.establish()
    channel = watched.pair.open(b"request")
    watched.pair.console.connection.write_channel(channel, b"secret words", watched.pair.now)
    watched.pair.run(2)
    bare = [withheld(unit) for unit in watched.units]
    assert all(unit.is_withheld for unit in bare if unit.kind is UnitKind.PACKET)
    for secret in (b"secret", b"request", b"tseuqer"):
        assert any(secret in (unit.messages or b"") for unit in watched.units)
        assert not any(secret in (unit.messages or b"") for unit in bare)
    for unit, kept in zip(watched.units, bare, strict=True):
        kinds = [type(each) for each in decode_messages(unit.messages or b"")]
        assert [type(each) for each in decode_messages(kept.messages or b"")] == kinds


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=80)), max_size=20))
def test_any_bytes_are_named_and_none_is_lost_but_delimiters(
    pieces: list[tuple[bool, bytes]],
) -> None:
    observer, units = Observer(lambda: ()), []
    for now, (from_agent, data) in enumerate(pieces):
        units += observer.receive_data(data, from_agent, float(now))
    units += observer.handle_timeout(1e9)
    for direction in (False, True):
        told = b"".join(unit.body for unit in units if unit.from_agent is direction)
        stream = b"".join(data for from_agent, data in pieces if from_agent is direction)
        assert told == stream.replace(b"\0", b"")
