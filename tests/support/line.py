"""SimulatedLine: two Wires between side a and side b, under the test's own clock.

By convention a is the console's side and b the agent's.
"""

from dataclasses import dataclass

from guardpost.simline import NO_FAULTS, Faults, Wire

__all__ = ["Cut", "SimulatedLine"]

BAUD_115200 = 11520.0


@dataclass(frozen=True)
class Cut:
    """The line goes dead, both ways, right after `byte` bytes of one direction have arrived."""

    direction: str
    """Either "ab" or "ba"."""
    byte: int
    heals_at: float = float("inf")


class SimulatedLine:
    """What a pushes arrives at b and the other way round; see Wire for rate, delay and faults.

    echo: "a" sends what arrives at b back to a (a loopback plug, a shell's tty); "b" the other
    way round; "" nobody. consoles: how many readers and writers side a has; all of them see all
    of b's bytes, as two clients of one terminal server do, and write into the same wire.
    """

    def __init__(
        self,
        rate: float | None = BAUD_115200,
        *,
        back_rate: float | None = None,
        seed: int = 1,
        faults: Faults = NO_FAULTS,
        back_faults: Faults | None = None,
        buffer_bytes: int = 4096,
        fifo_bytes: int = 16,
        echo: str = "",
        cut: Cut | None = None,
        consoles: int = 1,
    ) -> None:
        """`back_rate` and `back_faults` (b to a) are those of a to b unless given."""
        self.ab = Wire(rate, seed, faults=faults, buffer_bytes=buffer_bytes, fifo_bytes=fifo_bytes)
        self.ba = Wire(
            back_rate if back_rate is not None else rate,
            seed + 1_000_003,
            faults=back_faults if back_faults is not None else faults,
            buffer_bytes=buffer_bytes,
            fifo_bytes=fifo_bytes,
        )
        self.echo = echo
        self.cut = cut
        self._arrived = {"ab": 0, "ba": 0}
        self._dead = False
        self._seen_by: list[bytearray] = [bytearray() for _ in range(consoles)]

    def push_a(self, data: bytes, now: float) -> int:
        return self.ab.push(data, now)

    def push_b(self, data: bytes, now: float) -> int:
        return self.ba.push(data, now)

    def room_a(self, now: float) -> int:
        return self.ab.room(now)

    def room_b(self, now: float) -> int:
        return self.ba.room(now)

    def pull_a(self, now: float, console: int = 0) -> bytes:
        """What this console has not read yet."""
        arrived = self._through_cut("ba", self.ba.pull(now), now)
        if self.echo == "b":
            self.ab.push(arrived, now)
        for unread in self._seen_by:
            unread += arrived
        mine = bytes(self._seen_by[console])
        self._seen_by[console].clear()
        return mine

    def pull_b(self, now: float) -> bytes:
        arrived = self._through_cut("ab", self.ab.pull(now), now)
        if self.echo == "a":
            self.ba.push(arrived, now)
        return arrived

    def next_deadline(self, now: float) -> float | None:
        """When one of the sides has something to pull; `now` if a console left bytes unread."""
        if any(self._seen_by):
            return now
        due = [wire.next_deadline(now) for wire in (self.ab, self.ba)]
        return min((when for when in due if when is not None), default=None)

    @property
    def dead(self) -> bool:
        """Whether the cut has happened and not healed (as of the last pull)."""
        return self._dead

    def _through_cut(self, direction: str, data: bytes, now: float) -> bytes:
        cut = self.cut
        if cut is None:
            return data
        if self._dead:
            if now < cut.heals_at:
                return b""
            self._dead, self.cut = False, None
            return data
        if direction == cut.direction:
            left = cut.byte - self._arrived[direction]
            self._arrived[direction] += len(data)
            if len(data) >= left:
                self._dead = True
                return data[:left]
        return data
