"""A busy line: tunnels that send all they can, and somebody who types through one more.

Both ends run on machines with other work: each is woken late, by as much as `lateness` says.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from support.line import BAUD_115200, SimulatedLine
from support.pair import End, Pair
from support.stories import agents_half, establish_stubbornly

from guardpost.protocol import events
from guardpost.protocol.channel import Channel
from guardpost.protocol.rate import LineModel
from guardpost.simline import NO_FAULTS, Faults, Wire

__all__ = [
    "BUFFERS",
    "BusyEnd",
    "BusyPair",
    "Figures",
    "Path",
    "keystrokes_while_busy",
    "mostly_awake",
]

BUFFERS = {
    "little": 512,
    "kernel": 4096,  # a tty's output buffer
    "child": 65536 + 8192 + 4096,  # a pipe, what a program copies at once, and its tty's buffer
}
"""Bytes in front of the line that take whatever is written, and tell nobody."""

_BLOCK = Random(5).randbytes(1 << 16)
_KEY_EVERY_SECONDS = 0.2137  # in step with nothing


def mostly_awake(random: Random) -> float:
    """A shared machine: 0 to 5 ms late, once in fifty times 20 ms."""
    return 0.02 if random.random() < 0.02 else 0.005 * random.random() ** 2


@dataclass(frozen=True)
class Path:
    """A line and what stands in front of it."""

    rate: float = BAUD_115200
    round_trip: float = 0.0
    faults: Faults = NO_FAULTS
    buffer_bytes: int = BUFFERS["kernel"]
    seed: int = 1
    lateness: Callable[[Random], float] = mostly_awake
    fifo_bytes: int = 32

    def line(self) -> SimulatedLine:
        return SimulatedLine(
            self.rate,
            faults=replace(self.faults, delay=self.round_trip / 2),
            seed=self.seed,
            buffer_bytes=self.buffer_bytes,
            fifo_bytes=self.fifo_bytes,
        )


@dataclass(frozen=True)
class Figures:
    """Keystrokes in seconds beyond the path's own round trip; goodput as a share of the line."""

    p50: float
    p95: float
    goodput: float
    """Of the slower direction."""

    def __str__(self) -> str:
        p50, p95 = 1000 * self.p50, 1000 * self.p95
        return f"{p50:.0f} / {p95:.0f} ms at {100 * self.goodput:.1f} %"


class BusyEnd(End):
    """An end whose floods never run dry. It counts what it reads and keeps none of it."""

    def __init__(self, end: End) -> None:
        super().__init__(end.connection, end.side, end.seat)
        self.counted: dict[Channel, int] = {}
        self.wakes_at: float | None = None
        self._keys: list[Channel] = []  # in which a key was pressed
        # In order: a set's would differ from run to run.
        self._floods: dict[Channel, None] = {}
        self._hungry: dict[Channel, None] = {}

    @property
    def model(self) -> LineModel:
        """What it knows of the line in front of it."""
        assert self.connection.association is not None
        return self.connection.association.recovery.line

    @property
    def was_told(self) -> bool:
        """A person or a program wants something of it."""
        return bool(self._keys or self._hungry)

    def flood(self, channel: Channel) -> None:
        """From now on there is always something to send in `channel`."""
        self._floods[channel] = self._hungry[channel] = None

    def press_key(self, channel: Channel) -> None:
        self._keys.append(channel)

    def pump(self, now: float) -> None:
        for channel in self._keys:
            self.connection.write_channel(channel, b"k", now)
        self._keys.clear()
        for channel in self._hungry:
            while room := self.connection.channel_room(channel):
                self.connection.write_channel(channel, _BLOCK[:room], now)
        self._hungry.clear()

    def on_event(self, event: events.Event, now: float) -> None:
        if isinstance(event, events.ChannelWritable):
            if event.channel in self._floods:
                self._hungry[event.channel] = None
        else:
            super().on_event(event, now)

    def drain(self, channel: Channel, now: float) -> None:
        while data := self.connection.read_channel(channel, 65536, now):
            self.counted[channel] = self.counted.get(channel, 0) + len(data)
            if channel.number == self.echoes_only:
                self.connection.write_channel(channel, data, now)


class BusyPair(Pair):
    """A session with `tunnels` tunnels, and one more in which keys are pressed and echoed."""

    def __init__(self, path: Path, tunnels: int) -> None:
        super().__init__(path.line())
        self.path = path
        self.left, self.right = BusyEnd(self.console), BusyEnd(self.agent)
        self.console, self.agent = self.left, self.right
        self.ends = [self.left, self.right]
        establish_stubbornly(self)
        self.typed = self.open()
        self.right.echoes_only = self.typed.number
        self.tunnels = [self.open() for _ in range(tunnels)]
        assert self.run(200, until=lambda: len(self.left.accepted) == tunnels + 1)

    def flood(self, *, up: bool = True, down: bool = True) -> None:
        """All tunnels send all they can, in these directions."""
        for channel in self.tunnels:
            if up:
                self.left.flood(channel)
            if down:
                self.right.flood(agents_half(self, channel))

    def type_key(self) -> float:
        """Seconds until the echo of one key was read."""
        start, seen = self.now, self.left.counted.get(self.typed, 0)
        self.left.press_key(self.typed)
        assert self.run(60, until=lambda: self.left.counted.get(self.typed, 0) > seen)
        return self.now - start

    def type_keys(self, count: int) -> list[float]:
        """The echoes' seconds, in order of length, of a key every fifth of a second."""
        times = []
        for _ in range(count):
            start = self.now
            times.append(self.type_key())
            self.run(max(0.0, start + _KEY_EVERY_SECONDS - self.now))
        return sorted(times)

    def bulk(self) -> tuple[int, int]:
        """Bytes that arrived in the tunnels so far: up, down."""
        up, down = (
            sum(count for channel, count in end.counted.items() if channel.number != number)
            for end, number in ((self.right, self.typed.number), (self.left, self.typed.number))
        )
        return up, down

    def goodput(self, seconds: float) -> tuple[float, float]:
        """Shares of the line's rate within the next seconds: up, down."""
        before = self.bulk()
        self.run(seconds)
        return self.shares(before, seconds)

    def shares(self, before: tuple[int, int], seconds: float) -> tuple[float, float]:
        up, down = self.bulk()
        whole = seconds * self.path.rate
        return (up - before[0]) / whole, (down - before[1]) / whole

    def set_rate(self, rate: float) -> None:
        for wire in (self.line.ab, self.line.ba):
            wire.set_rate(rate, self.now)

    def queue(self, end: BusyEnd) -> int:
        """Bytes in front of the line that `end` has handed over."""
        return self._wires(end)[0].queued(self.now) + len(end.backlog)

    # --- late wakes ---

    def _wires(self, end: End) -> tuple[Wire, Wire]:
        """Where it writes and where it reads."""
        wires = (self.line.ab, self.line.ba)
        return wires if end.side == "a" else (wires[1], wires[0])

    def _turn(self) -> None:
        for end in (self.left, self.right):
            if end.wakes_at is None and self._next_cause(end) <= self.now:
                end.wakes_at = self.now + self.path.lateness(self._random)
            if end.wakes_at is not None and end.wakes_at <= self.now:
                end.wakes_at = None
                self._step(end, self._pull(end))

    def _next_cause(self, end: BusyEnd) -> float:
        """When it has something to do next."""
        out, back = self._wires(end)
        if end.was_told or (end.backlog and out.room(self.now)):
            return self.now
        times = [back.next_deadline(self.now)]
        if end.backlog:
            times.append(out.room_at(len(end.backlog), self.now))
        else:
            times.append(end.connection.next_deadline(self.now))
        return min((time for time in times if time is not None), default=self.now + 1.0)

    def _next_time(self) -> float:
        return min(
            self._next_cause(end) if end.wakes_at is None else end.wakes_at
            for end in (self.left, self.right)
        )


def keystrokes_while_busy(
    path: Path, tunnels: int, *, up: bool = True, down: bool = True, keys: int = 60
) -> Figures:
    """Somebody types for a quarter of a minute, while all tunnels are busy."""
    pair = BusyPair(path, tunnels)
    pair.flood(up=up, down=down)
    pair.type_keys(20)  # until both ends know the line, and that somebody types
    before, start = pair.bulk(), pair.now
    times = pair.type_keys(keys)
    shares = pair.shares(before, pair.now - start)
    goodput = min(share for share, sends in zip(shares, (up, down), strict=True) if sends)
    p50, p95 = (times[int(keys * share)] - path.round_trip for share in (0.5, 0.95))
    return Figures(p50, p95, goodput)
