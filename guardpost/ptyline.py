"""A simulated serial line between two ptys, in real time (POSIX): what `guardpost line` runs.

Two PtyEnds, and between them two Directions, each a Wire and a LinePace. One thread,
one select; commands come in over a LineControl. Besides what a Wire's buffer takes, a pty
itself holds up to 20 KiB that nobody has read.
"""

import json
import math
import os
import select
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from guardpost.errors import UsageError
from guardpost.linecontrol import LineControl
from guardpost.linefaults import NO_FAULTS, Faults
from guardpost.linepace import LinePace, wake_bytes
from guardpost.linepaths import PATHS
from guardpost.misread import misread
from guardpost.ptyend import PtyEnd
from guardpost.simline import Wire

__all__ = ["COMMANDS", "LineOptions", "PtyLine"]

COMMANDS = (
    "rate BYTES_PER_S|unlimited, mute S, delay S, loss P, flip P, burst P, hole P, dup P, "
    "path NAME,..|-, eat HEX|-, text a|b TEXT, unplug, plug, stats, stop"
)

WHAT_FOLLOWS = {"path": ", ".join(PATHS), "eat": "bytes in hexadecimal"}

READ_BYTES = 65536

READS_AT_ONCE = 16
"""A pty gives 4 KiB at a time; after so many the other direction has its turn."""

UNREAD_BYTES = 65536
"""What is kept for a far end that does not read; a real port's driver keeps less."""

LONGEST_SLEEP_SECONDS = 5.0

BITS_PER_BYTE = 10
"""8N1: a start bit, eight of data, a stop bit."""


class Direction:
    """Carries bytes from one end to the other, at the line's pace."""

    def __init__(
        self, source: PtyEnd, sink: PtyEnd, rate: float | None, seed: int, options: "LineOptions"
    ) -> None:
        self.source = source
        self.sink = sink
        self.rate = rate
        self.overrun = 0  # bytes that the far end did not read in time
        self.wire = Wire(
            rate,
            seed,
            faults=options.faults,
            buffer_bytes=options.buffer_bytes,
            fifo_bytes=wake_bytes(rate) if rate else 1,
        )
        self._pace = LinePace()
        self._due = bytearray()  # the line has carried it, the pace holds it back
        self._read_from = max(1, options.buffer_bytes // 4)  # the room that is worth a read
        self._echo: Wire | None = None
        self._real_speeds = options.real_speeds
        self._look_whether_plain()

    def echo_into(self, wire: Wire) -> None:
        """What the sink gets also comes back to the source, over `wire`."""
        self._echo = wire
        self._look_whether_plain()

    def carry(self, now: float, clock: Callable[[], float]) -> None:
        """Hand over what is due."""
        if self._plain:
            return
        if self._real_speeds:
            self._follow_speed(now)
        self._due += self.wire.pull(now)
        if self._due:
            count = len(self._due)
            if self.rate is not None:
                count = min(count, self._pace.allowed(now, self.rate))
            if count > 0:
                self._hand_over(self._due[:count])
                if self._echo is not None:
                    self._echo.push(bytes(self._due[:count]), now)
                del self._due[:count]
                self._pace.note(count, clock())

    def next_look(self, now: float) -> float:
        """In how many seconds there is something to do (infinity: nothing to come): for `carry`,
        or for `read`, since the sender's buffer empties long before a far end hears of it.
        """
        if self._due and self.rate:
            return wake_bytes(self.rate) / self.rate
        times = [self.wire.next_deadline(now)]
        if self.wire.room(now) < self._read_from:
            times.append(self.wire.room_at(self._read_from, now))
        return max(0.0, min((time for time in times if time is not None), default=math.inf) - now)

    def wants_to_read(self, now: float) -> bool:
        if not self.source.plugged:
            return False
        if self.rate is None and self.sink.unread:
            return False  # no line to overrun: the sender waits, as on a pipe
        return self.wire.room(now) >= self._read_from

    def read(self, now: float) -> None:
        """Take from the source what the sender's buffer has room for."""
        try:
            if self._plain:
                self._pass_on()
            else:
                room = min(self.wire.room(now), READ_BYTES)
                self.wire.push(os.read(self.source.master, room), now)
        except OSError:
            pass  # nothing there, or no more

    def _pass_on(self) -> None:
        """Ends with an OSError, when the source has no more, or when the sink is full."""
        for _ in range(READS_AT_ONCE):
            self._hand_over(os.read(self.source.master, READ_BYTES))
            if self.sink.unread:
                break

    def change(self, faults: Faults, now: float) -> None:
        self.wire.change(faults, now)
        self._look_whether_plain()

    def set_rate(self, rate: float | None, now: float) -> None:
        self.rate = rate
        self.wire.set_rate(rate, now)
        self._look_whether_plain()

    def stats(self) -> dict[str, int]:
        return asdict(self.wire.stats) | {"unread": self.overrun}

    def _look_whether_plain(self) -> None:
        """Without a rate, faults and echo bytes need no Wire at all."""
        self._plain = self.rate is None and self.wire.faults == NO_FAULTS and self._echo is None

    def _follow_speed(self, now: float) -> None:
        """The sender's speed is the line's."""
        speeds = self.source.speeds()
        if speeds is not None and speeds[0] / BITS_PER_BYTE != self.rate:
            self.set_rate(speeds[0] / BITS_PER_BYTE, now)

    def _as_read(self, data: bytes | bytearray) -> bytes | bytearray:
        """What the sink's speed makes of it."""
        sent, read = self.source.speeds(), self.sink.speeds()
        if sent is None or read is None or sent[0] == read[1]:
            return data
        return misread(bytes(data), sent[0], read[1])

    def _hand_over(self, data: bytes | bytearray) -> None:
        if not self.sink.plugged:
            return
        if self._real_speeds:
            data = self._as_read(data)
        self.sink.take(data)
        if self.rate is not None and len(self.sink.unread) > UNREAD_BYTES:
            self.overrun += len(self.sink.unread) - UNREAD_BYTES
            del self.sink.unread[UNREAD_BYTES:]


@dataclass(frozen=True)
class LineOptions:
    """What a line is. Rates are bytes per second (baud / 10), None is unlimited."""

    rate: float | None = 11520.0
    back_rate: float | None = 11520.0
    seed: int = 1
    faults: Faults = NO_FAULTS
    """Times in it count from the start of the line."""
    buffer_bytes: int = 4096
    echo: bool = False
    """What arrives at B comes back to A."""
    real_speeds: bool = False
    """The line has the speed that its users set on the ptys; to another one it is garbage."""


class PtyLine:
    """The whole line. `run` ends when `stop` was called, from a signal handler or a command."""

    def __init__(
        self,
        name_a: str,
        name_b: str,
        options: LineOptions,
        *,
        control: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Makes the two ptys and their names. Raises UsageError when a name is taken."""
        if os.path.abspath(name_a) == os.path.abspath(name_b):
            raise UsageError(f"{name_a}: the two ends need two names")
        start = clock()

        def since_start() -> float:
            return clock() - start

        self._clock = since_start
        self._stopped = False
        self._wakeup = os.pipe()
        self.a = PtyEnd(name_a)
        try:
            self.b = PtyEnd(name_b)
        except UsageError:
            self.a.unplug()
            raise
        self.directions = (
            Direction(self.a, self.b, options.rate, options.seed, options),
            Direction(self.b, self.a, options.back_rate, options.seed + 1_000_003, options),
        )
        if options.real_speeds:
            for end in (self.a, self.b):
                end.set_speed((options.rate or 11520.0) * BITS_PER_BYTE)
        if options.echo:
            self.directions[0].echo_into(self.directions[1].wire)
        self._control = LineControl(control, self.command) if control else None

    def stop(self) -> None:
        self._stopped = True
        os.write(self._wakeup[1], b"x")

    def run(self) -> None:
        try:
            while not self._stopped:
                self._turn()
        finally:
            self.close()

    def close(self) -> None:
        """Ends the line: the names vanish, whoever has an end open sees a hang-up."""
        self.a.unplug()
        self.b.unplug()
        if self._control is not None:
            self._control.close()

    def _turn(self) -> None:
        now = self._clock()
        sleep = LONGEST_SLEEP_SECONDS
        for direction in self.directions:
            direction.carry(now, self._clock)
            sleep = min(sleep, direction.next_look(now))
        sources = {d.source.master: d for d in self.directions if d.wants_to_read(now)}
        ends = {end.master: end for end in (self.a, self.b) if end.unread}
        other = [self._wakeup[0], *(self._control.descriptors() if self._control else ())]
        readable, writable, _ = select.select([*sources, *other], list(ends), [], sleep)
        for descriptor in writable:
            ends[descriptor].flush()
        for descriptor in readable:
            if descriptor in sources:
                sources[descriptor].read(self._clock())
            elif self._control is not None:
                self._control.serve(descriptor)

    def stats(self) -> dict[str, object]:
        """Counts of bytes per direction (see Stats); JSON schema 1."""
        ab, ba = (direction.stats() for direction in self.directions)
        return {"schema": 1, "ab": ab, "ba": ba}

    # -- commands of the control socket

    def command(self, line: str) -> str:
        """Do what a line of the control socket says; returns the answer.

        Raises UsageError.
        """
        word, _, rest = line.strip().partition(" ")
        now = self._clock()
        match word:
            case "stats":
                return json.dumps(self.stats())
            case "unplug":
                self.a.unplug()
                self.b.unplug()
            case "plug":
                self.a.plug()
                self.b.plug()
            case "stop":
                self.stop()
            case "text":
                end, _, text = rest.partition(" ")
                if end not in ("a", "b"):
                    raise UsageError("text is followed by a or b, and what appears there")
                self.directions[end == "a"].wire.insert(text.encode() + b"\r\n", now)
            case "path" | "eat":
                self._change_path(word, "" if rest == "-" else rest, now)
            case "rate" if rest == "unlimited":
                for direction in self.directions:
                    direction.set_rate(None, now)
            case "rate" | "mute" | "loss" | "flip" | "burst" | "hole" | "dup" | "delay":
                self._set(word, _amount(word, rest), now)
            case _:
                raise UsageError(f"no such command: {word}; there are {COMMANDS}")
        return "ok"

    def _change_path(self, word: str, rest: str, now: float) -> None:
        change: dict[str, Any]
        try:
            if word == "eat":
                change = {"eat": frozenset(bytes.fromhex(rest))}
            else:
                change = {"paths": tuple(rest.split(",")) if rest else ()}
            for direction in self.directions:
                direction.change(replace(direction.wire.faults, **change), now)
        except (ValueError, KeyError):
            raise UsageError(f"{word} is followed by {WHAT_FOLLOWS[word]}, or by -") from None

    def _set(self, word: str, value: float, now: float) -> None:
        for direction in self.directions:
            faults = direction.wire.faults
            if word == "rate":
                direction.set_rate(value, now)
            elif word == "mute":
                direction.change(replace(faults, mutes=((now, value),)), now)
            else:
                change: dict[str, Any] = {word: value}
                direction.change(replace(faults, **change), now)


def _amount(word: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise UsageError(f"{word} is followed by a number, not by {text!r}") from None
    chance = word not in ("rate", "mute", "delay")
    if not 0 <= value <= (1 if chance else 1e9):
        raise UsageError(f"{word} is out of range: {text}")
    return value
