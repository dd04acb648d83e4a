"""A cable between two ports with speeds, under the virtual clock: a Pair whose ends obey to_set().

The sender's speed is the line's; a reader at another one gets what a UART would make of it.
"""

from dataclasses import replace

from support.line import SimulatedLine
from support.pair import End, Pair

from guardpost.misread import misread
from guardpost.protocol import events
from guardpost.protocol.agent_connection import AgentConnection
from guardpost.simline import Faults

__all__ = ["BASE", "LADDER", "Cable", "CablePair"]

BASE = 115200
LADDER = (921600, 460800, 230400)


class Cable(SimulatedLine):
    """`limit`: above this speed every 40th byte is damaged (a long wire, a slow UART)."""

    def __init__(self, faults: Faults | None = None, *, limit: int = 1 << 30) -> None:
        super().__init__(BASE / 10, faults=faults or Faults(), fifo_bytes=64)
        self.speeds = {"a": BASE, "b": BASE}
        self.silent = {"a": False, "b": False}
        """Nothing of this side gets through."""
        self._limit = limit

    def set_speed(self, side: str, speed: int, now: float) -> None:
        self.speeds[side] = speed
        (self.ab if side == "a" else self.ba).set_rate(speed / 10, now)

    def pull_a(self, now: float, console: int = 0) -> bytes:
        return self._read(super().pull_a(now, console), "b", "a")

    def pull_b(self, now: float) -> bytes:
        return self._read(super().pull_b(now), "a", "b")

    def _read(self, data: bytes, sender: str, reader: str) -> bytes:
        sent, read = self.speeds[sender], self.speeds[reader]
        if self.silent[sender]:
            return b""
        if sent > self._limit:
            data = bytes(octet ^ (1 if n % 40 == 39 else 0) for n, octet in enumerate(data))
        return data if sent == read else misread(data, sent, read)


class CablePair(Pair):
    """`refusal`: what the agent says to a console that asks. `port`: speeds of the agent's port."""

    def __init__(
        self, cable: Cable | None = None, *, refusal: str = "", port: tuple[int, ...] = LADDER
    ) -> None:
        self.cable = cable or Cable()
        super().__init__(self.cable)
        self.refusal = refusal
        self.port = port
        self._seen: dict[End, int] = {}

    def speed(self, side: str) -> int:
        return self.cable.speeds[side]

    @property
    def both_at(self) -> int | None:
        """The speed of both ports; None when they differ."""
        return self.speed("a") if self.speed("a") == self.speed("b") else None

    def raise_speed(self, *speeds: int) -> None:
        self.console.connection.cable.offer(BASE, speeds or LADDER, self.now)

    def raised(self, seconds: float = 5.0) -> bool:
        """Wait until both ends have agreed on another speed and proven it."""
        ends = (self.console.connection, self.agent.connection)
        return self.run(seconds, until=lambda: all(each.cable.raised for each in ends))

    def told(self, end: End | None = None) -> list[tuple[int, str]]:
        """What became of the speed, as this end tells it (the console's, unless said)."""
        found = (end or self.console).of(events.SpeedSettled)
        return [(each.bits_per_second, each.reason) for each in found]

    def lose_agent(self, connection: AgentConnection) -> None:
        """kill -9, and another agent that opens the port at its base speed."""
        self.replace_agent(connection)
        self.cable.set_speed("b", BASE, self.now)

    def unplug(self) -> None:
        for side in self.cable.silent:
            self.cable.silent[side] = True

    def plug(self) -> None:
        for side in self.cable.silent:
            self.cable.silent[side] = False

    def change(self, **faults: float) -> None:
        for wire in (self.cable.ab, self.cable.ba):
            wire.change(replace(wire.faults, **faults), self.now)  # type: ignore[arg-type]

    def _step(self, end: End, arrived: bytes) -> None:
        super()._step(end, arrived)
        for event in end.events[self._seen.get(end, 0) :]:
            if isinstance(event, events.SpeedAsked):
                self.answer()
                super()._step(end, b"")
        self._seen[end] = len(end.events)
        self._follow(end)

    def answer(self) -> None:
        """What the agent says to SpeedAsked."""
        cable = self.agent.connection.cable
        cable.answer(BASE, self.port, self.now, refusal=self.refusal)

    def _follow(self, end: End) -> None:
        cable = end.connection.cable
        speed = cable.to_set(self.now)
        wire = self.cable.ab if end.side == "a" else self.cable.ba
        if speed is None or not (cable.is_going_back or not (end.backlog or wire.queued(self.now))):
            return
        end.backlog.clear()
        has_it = end.side == "a" or speed in (*self.port, BASE)
        if has_it:
            self.cable.set_speed(end.side, speed, self.now)
        cable.was_set(has_it, self.now)
        super()._step(end, b"")
