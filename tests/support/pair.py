"""Pair: a console and an agent on a SimulatedLine, under a virtual clock that only events move.

`reader_delay` makes both ends read late by a random time up to that, as a busy machine does.
"""

from collections.abc import Callable
from random import Random
from typing import TypeVar

from support.line import SimulatedLine

from guardpost.errors import GoAwayCode
from guardpost.protocol import events
from guardpost.protocol.agent_connection import AgentConnection
from guardpost.protocol.channel import Channel
from guardpost.protocol.connection import Connection
from guardpost.protocol.console_connection import ConsoleConnection
from guardpost.protocol.framing import Profile

__all__ = ["AGENT_KEY", "CONSOLE_KEY", "OTHER_KEY", "End", "Pair", "make_agent", "make_console"]

EventKind = TypeVar("EventKind", bound=events.Event)

CONSOLE_KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))
AGENT_KEY = bytes(range(32, 64))


def random_bytes(seed: int) -> Callable[[int], bytes]:
    return Random(seed).randbytes


def make_console(
    seed: int = 1, key: bytes = CONSOLE_KEY, psk: bytes | None = None
) -> ConsoleConnection:
    return ConsoleConnection(
        static_private=key, message_3_payload=b"\x80", random_bytes=random_bytes(seed), psk=psk
    )


def make_agent(seed: int = 2, psk: bytes | None = None) -> AgentConnection:
    return AgentConnection(
        static_private=AGENT_KEY,
        settings=b"\x80",
        message_2_payload=b"\x80",
        random_bytes=random_bytes(seed),
        psk=psk,
    )


class End:
    """One end: its connection, what happened to it, what its channels received."""

    def __init__(self, connection: Connection, side: str = "a", seat: int = 0) -> None:
        self.connection = connection
        self.events: list[events.Event] = []
        self.text = bytearray()
        self.received: dict[int, bytearray] = {}
        self.ended: set[int] = set()
        self.opened: list[Channel] = []
        self.accepted: list[Channel] = []
        self.reads = True
        self.backlog = bytearray()
        self.sources: dict[int, tuple[Channel, bytearray]] = {}
        self.echoes = False
        self.echoes_only: int | None = None  # this channel, not all
        self.goodbye: GoAwayCode | None = None
        self.side = side  # of the line: "a" or "b"
        self.seat = seat  # which of the consoles on side a
        self.is_up = True
        self.read_at = 0.0
        self._idle_turns = 0

    def feed(self, channel: Channel, data: bytes) -> None:
        """Write `data` to the channel as fast as it takes it, then half-close."""
        self.sources[channel.number] = (channel, bytearray(data))

    def receive(self, data: bytes, now: float) -> None:
        """What "nothing came of it" promises (Connection.receive_data) holds in every story."""
        before = self.connection.next_deadline(now)
        if not self.connection.receive_data(data, now):
            assert self.connection.next_event() is None
            after = self.connection.next_deadline(now)
            assert after is None or (before is not None and before <= after)

    def pump(self, now: float) -> None:
        for number, (channel, data) in list(self.sources.items()):
            if channel.sending.reset:
                del self.sources[number]
                continue
            room = self.connection.channel_room(channel)
            if room and data:
                self.connection.write_channel(channel, bytes(data[:room]), now)
                del data[:room]
            if not data:
                self.connection.write_channel_eof(channel, now)
                del self.sources[number]

    def take_events(self, now: float) -> None:
        while (event := self.connection.next_event()) is not None:
            self.events.append(event)
            self.on_event(event, now)

    def on_event(self, event: events.Event, now: float) -> None:
        connection = self.connection
        match event:
            case events.AgentKeyOffered():
                assert isinstance(connection, ConsoleConnection)
                connection.accept_agent(now)
            case events.ConsoleKeyOffered():
                assert isinstance(connection, AgentConnection)
                if self.goodbye is None:
                    connection.allow(now)
                else:
                    connection.refuse(self.goodbye, "no", now)
            case events.ChannelOpened(channel, _, request):
                self.opened.append(channel)
                # Its session may have ended behind it, in the same packet.
                if connection.statistics(now) is not None:
                    connection.accept_channel(channel, request[::-1], now)
                    self.drain(channel, now)
            case events.ChannelAccepted(channel):
                self.accepted.append(channel)
                self.drain(channel, now)
            case events.ChannelReadable(channel):
                if self.reads:
                    self.drain(channel, now)
            case events.SessionEnded():
                self.sources.clear()
            case events.Text(data, clean):
                if clean:
                    self.text += data
            case _:
                pass

    def drain(self, channel: Channel, now: float) -> None:
        into = self.received.setdefault(channel.number, bytearray())
        while data := self.connection.read_channel(channel, 65536, now):
            into += data
            if self.echoes or channel.number == self.echoes_only:
                self.connection.write_channel(channel, data, now)
        if channel.at_eof:
            self.ended.add(channel.number)

    def of(self, kind: type[EventKind]) -> list[EventKind]:
        return [event for event in self.events if isinstance(event, kind)]

    def check_no_spin(self, now: float, *, due: bool, did_something: bool) -> None:
        """A deadline that is due and stays due with nothing left to do would spin a real loop."""
        self._idle_turns = self._idle_turns + 1 if due and not did_something else 0
        if self._idle_turns < 2:
            return
        deadline = self.connection.next_deadline(now)
        assert deadline is None or deadline > now, f"a busy loop at {now}"


class Pair:
    def __init__(
        self,
        line: SimulatedLine | None = None,
        *,
        console: ConsoleConnection | None = None,
        agent: AgentConnection | None = None,
        reader_delay: float = 0.0,
    ) -> None:
        self.line = line or SimulatedLine()
        self.console = End(console or make_console())
        self.agent = End(agent or make_agent(), "b")
        self.ends = [self.console, self.agent]
        self.now = 100.0
        self.tap: Callable[[str, bytes, float], None] | None = None
        """Sees what arrives: side ("a" or "b"), bytes, time."""
        self.wakes = 0  # turns in which a deadline was due
        self._random = Random(7)
        self._reader_delay = reader_delay

    @property
    def console_connection(self) -> ConsoleConnection:
        assert isinstance(self.console.connection, ConsoleConnection)
        return self.console.connection

    @property
    def agent_connection(self) -> AgentConnection:
        assert isinstance(self.agent.connection, AgentConnection)
        return self.agent.connection

    def add_console(self, connection: ConsoleConnection) -> End:
        """Another console on side a; the line must have been made with enough `consoles`."""
        end = End(connection, seat=sum(end.side == "a" for end in self.ends))
        self.ends.append(end)
        return end

    def replace_agent(self, connection: AgentConnection) -> End:
        """The agent's process ends without a word and another one begins."""
        self.ends.remove(self.agent)
        self.agent = End(connection, "b")
        self.ends.append(self.agent)
        return self.agent

    def begin(self, *profiles: Profile) -> None:
        self.console_connection.begin(self.now, profiles or (Profile.CLEAN,))

    def establish(self, *profiles: Profile) -> None:
        """A live session on both ends."""
        self.begin(*profiles)
        self.run(15, until=lambda: bool(self.console.of(events.SessionEstablished)))
        assert self.console.of(events.SessionEstablished), self.console.events

    def open(self, request: bytes = b"request", **options: bool) -> Channel:
        return self.console.connection.open_channel("test", request, self.now, **options)

    def run(self, seconds: float, until: Callable[[], bool] | None = None) -> bool:
        """Let time pass; True as soon as `until` holds."""
        stop = self.now + seconds
        while True:
            self._turn()
            if until is not None and until():
                return True
            if self.now >= stop:
                return False
            self.now = min(max(self._next_time(), self.now + 1e-6), stop)

    def _turn(self) -> None:
        for end in self.ends:
            arrived = self._pull(end)
            if arrived and self.tap is not None:
                self.tap(end.side, arrived, self.now)
            if end.is_up:
                self._step(end, arrived)

    def _pull(self, end: End) -> bytes:
        if self._reader_delay:
            if self.now < end.read_at:
                return b""
            end.read_at = self.now + self._random.random() ** 2 * self._reader_delay
        if end.side == "b":
            return self.line.pull_b(self.now)
        return self.line.pull_a(self.now, end.seat)

    def _step(self, end: End, arrived: bytes) -> None:
        connection = end.connection
        happened, fed = len(end.events), len(end.sources)
        if arrived:
            end.receive(arrived, self.now)
        deadline = connection.next_deadline(self.now)
        due = deadline is not None and deadline <= self.now
        if due:
            self.wakes += 1
            connection.handle_timeout(self.now)
        end.take_events(self.now)
        end.pump(self.now)
        pushed = self._push(end)
        if not end.backlog:
            for chunk in connection.data_to_send(self.now):
                end.backlog += chunk
            pushed += self._push(end)
        end.take_events(self.now)
        changed = bool(arrived) or (len(end.events), len(end.sources)) != (happened, fed)
        end.check_no_spin(
            self.now, due=due, did_something=changed or pushed > 0 or bool(end.backlog)
        )

    def _push(self, end: End) -> int:
        room, push = self.line.room_a, self.line.push_a
        if end.side == "b":
            room, push = self.line.room_b, self.line.push_b
        count = 0
        if end.backlog:
            count = push(bytes(end.backlog[: room(self.now)]), self.now)
            del end.backlog[:count]
        return count

    def _next_time(self) -> float:
        times = [self.line.next_deadline(self.now)]
        if any(end.backlog for end in self.ends):
            times.append(self.now + 0.001)
        for end in self.ends:
            deadline = end.connection.next_deadline(self.now) if end.is_up else None
            # While the line takes no more, a connection that wants to send cannot be helped.
            if deadline is not None and not (end.backlog and deadline <= self.now):
                times.append(deadline)
        known = [max(time, self.now) for time in times if time is not None]
        next_time = min(known, default=self.now + 1.0)
        if self._reader_delay:
            next_time = max(next_time, min(end.read_at for end in self.ends))
        return next_time
