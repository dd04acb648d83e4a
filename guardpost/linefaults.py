"""What goes wrong on a simulated line: `Faults`, and the damage itself.

All chance comes from the seed and is drawn per byte *number*, in geometric gaps:
what is damaged depends on the bytes only, never on the pieces they come in, and a
clean megabyte costs no per-byte work.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from guardpost.linepaths import path_stage

__all__ = ["DUPLICATE_BLOCK_BYTES", "HOLE_BYTES", "NO_FAULTS", "Faults", "Stats", "damage_stages"]

HOLE_BYTES = 4
"""What a UART of the smallest FIFO loses in one overrun."""

DUPLICATE_BLOCK_BYTES = 28
"""What BMCs put into one Serial-over-LAN packet, hence what they send again after a lost ack."""


FRAME_END = b"\0"
"""The delimiter of a session's frames on a clean path."""


@dataclass(frozen=True)
class Faults:
    """What goes wrong on a line. Chances are per byte unless said; times are on the clock."""

    loss: float = 0.0
    flip: float = 0.0
    """One bit of the byte changes."""
    burst: float = 0.0
    """A burst starts here: by turns of chance it is lost, or becomes garbage."""
    burst_bytes: float = 30.0
    """Mean length of a burst (exponential, at least 1)."""
    hole: float = 0.0
    """HOLE_BYTES vanish from here on."""
    dup: float = 0.0
    """Chance per block of DUPLICATE_BLOCK_BYTES to arrive twice."""
    frame_loss: float = 0.0
    """Chance per frame (the bytes up to a FRAME_END, and that) to vanish whole."""
    eat: frozenset[int] = frozenset()
    """Byte values that never arrive (NUL, XON and XOFF, ...)."""
    paths: tuple[str, ...] = ()
    """What the path does to bytes on purpose: names of linepaths.PATHS, in their order."""
    delay: float = 0.0
    coalesce: float = 0.0
    """Bytes arrive only at multiples of this time (the latency timer of a USB adapter)."""
    mutes: tuple[tuple[float, float], ...] = ()
    """(start, duration): what is on the line then vanishes."""
    rate_changes: tuple[tuple[float, float], ...] = ()
    """(time, bytes per second); 0 holds the line (a flow stop)."""
    insert: tuple[tuple[float, bytes], ...] = ()
    """(time, text) that somebody else (the kernel) writes between our bytes, using line time."""
    drop_buffer: int = 0
    """Not 0: the sender's buffer has this size, never makes anybody wait, and swallows silently
    what does not fit (BMCs do)."""


NO_FAULTS = Faults()


@dataclass
class Stats:
    """Exact counts of bytes. Once all has arrived, delivered = sent + inserted + duplicated
    + grown - overrun - muted - eaten - lost."""

    sent: int = 0
    delivered: int = 0
    lost: int = 0
    overrun: int = 0
    muted: int = 0
    eaten: int = 0
    flipped: int = 0
    garbled: int = 0
    duplicated: int = 0
    inserted: int = 0
    grown: int = 0
    """By what paths do on purpose; less than 0 if they took more than they added."""


Stage = Callable[[bytes], bytes]
"""One kind of damage; keeps its own place in the stream, so that pieces may be cut anywhere."""


def damage_stages(faults: Faults, random: Random, stats: Stats) -> list[Stage]:
    """The damage this line does, in the order in which it does it.

    Each kind draws from its own generator: adding one leaves the others' places alone.
    """
    seeds = [random.getrandbits(64) for _ in range(5)]
    stages: list[Stage] = []
    stages += [_Path(path_stage(name), stats) for name in faults.paths]
    if faults.eat:
        stages.append(_eating(bytes(sorted(faults.eat)), stats))
    if faults.frame_loss:
        stages.append(_FrameLosses(Places(faults.frame_loss, random.getrandbits(64)), stats))
    if faults.burst:
        stages.append(_Bursts(Places(faults.burst, seeds[0]), faults.burst_bytes, stats))
    if faults.hole:
        stages.append(_Bursts(Places(faults.hole, seeds[1]), None, stats))
    if faults.loss:
        stages.append(_Losses(Places(faults.loss, seeds[2]), stats))
    if faults.flip:
        stages.append(_Flips(Places(faults.flip, seeds[3]), stats))
    if faults.dup:
        stages.append(_Duplicates(Places(faults.dup, seeds[4]), stats))
    return stages


class Places:
    """Byte numbers where something with chance `p` each happens, in geometric gaps."""

    def __init__(self, p: float, seed: int) -> None:
        self.random = Random(seed)
        self._log = math.log1p(-p) if p < 1 else -math.inf
        self.next = self._gap()

    def advance(self) -> int:
        """The place, after which `next` is the one behind it."""
        place = self.next
        self.next = place + 1 + self._gap()
        return place

    def _gap(self) -> int:
        return int(min(math.log(1.0 - self.random.random()) / self._log, 1e18))


def _eating(values: bytes, stats: Stats) -> Stage:
    def eat(data: bytes) -> bytes:
        left = data.translate(None, values)
        stats.eaten += len(data) - len(left)
        return left

    return eat


class _Path:
    def __init__(self, stage: Stage, stats: Stats) -> None:
        self._stage, self._stats = stage, stats

    def __call__(self, data: bytes) -> bytes:
        changed = self._stage(data)
        self._stats.grown += len(changed) - len(data)
        return changed


class _FrameLosses:
    def __init__(self, places: Places, stats: Stats) -> None:
        self._places, self._stats, self._number = places, stats, 0

    def __call__(self, data: bytes) -> bytes:
        kept, start = [], 0
        while start < len(data):
            end = data.find(FRAME_END, start) + 1
            piece = data[start : end or len(data)]
            lost = self._places.next == self._number
            if not lost:
                kept.append(piece)
            else:
                self._stats.lost += len(piece)
            if end:
                self._number += 1
                if lost:
                    self._places.advance()
            start += len(piece)
        return b"".join(kept)


class _Losses:
    def __init__(self, places: Places, stats: Stats) -> None:
        self._places, self._stats, self._seen = places, stats, 0

    def __call__(self, data: bytes) -> bytes:
        end = self._seen + len(data)
        kept, start = [], 0
        while self._places.next < end:
            place = self._places.advance() - self._seen
            kept.append(data[start:place])
            start = place + 1
            self._stats.lost += 1
        self._seen = end
        return b"".join([*kept, data[start:]]) if kept else data


class _Flips:
    def __init__(self, places: Places, stats: Stats) -> None:
        self._places, self._stats, self._seen = places, stats, 0

    def __call__(self, data: bytes) -> bytes:
        end = self._seen + len(data)
        flipped = bytearray(data) if self._places.next < end else None
        while flipped is not None and self._places.next < end:
            place = self._places.advance() - self._seen
            flipped[place] ^= 1 << self._places.random.randrange(8)
            self._stats.flipped += 1
        self._seen = end
        return bytes(flipped) if flipped is not None else data


class _Bursts:
    """Runs of lost or garbage bytes; `mean_bytes` None: holes of HOLE_BYTES, always lost."""

    def __init__(self, places: Places, mean_bytes: float | None, stats: Stats) -> None:
        self._places, self._mean, self._stats = places, mean_bytes, stats
        self._seen = 0
        self._left = 0  # of the burst we are in
        self._garbage = b""  # what the rest of it becomes; empty: it is lost

    def __call__(self, data: bytes) -> bytes:
        end = self._seen + len(data)
        if not self._left and self._places.next >= end:
            self._seen = end
            return data
        out, at = [], 0
        while at < len(data):
            if self._left:
                count = min(self._left, len(data) - at)
                out.append(self._burst(count))
                self._left -= count
            else:
                count = min(self._places.next - self._seen, len(data)) - at
                out.append(data[at : at + count])
                if at + count < len(data):
                    self._begin()
            at += count
        self._seen = end
        return b"".join(out)

    def _begin(self) -> None:
        random = self._places.random
        self._left = HOLE_BYTES
        if self._mean is not None:
            self._left = max(1, round(random.expovariate(1 / self._mean)))
            self._garbage = random.randbytes(self._left) if random.random() < 0.5 else b""
        end = self._places.next + self._left
        while self._places.next < end:
            self._places.advance()

    def _burst(self, count: int) -> bytes:
        if self._garbage:
            self._stats.garbled += count
            garbage, self._garbage = self._garbage[:count], self._garbage[count:]
            return garbage
        self._stats.lost += count
        return b""


class _Duplicates:
    def __init__(self, places: Places, stats: Stats) -> None:
        self._places, self._stats = places, stats
        self._block, self._number = b"", 0

    def __call__(self, data: bytes) -> bytes:
        out, at = [], 0
        while at < len(data):
            count = min(DUPLICATE_BLOCK_BYTES - len(self._block), len(data) - at)
            self._block += data[at : at + count]
            out.append(data[at : at + count])
            at += count
            if len(self._block) == DUPLICATE_BLOCK_BYTES:
                self._end_block(out)
        return b"".join(out)

    def _end_block(self, out: list[bytes]) -> None:
        if self._places.next == self._number:
            self._places.advance()
            out.append(self._block)
            self._stats.duplicated += DUPLICATE_BLOCK_BYTES
        self._number += 1
        self._block = b""
