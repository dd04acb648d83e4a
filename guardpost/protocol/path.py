"""What a path does to single byte values, and the profile that suits it.

Two ways to find out (docs/protocol.md, "The path"): a frame with every value in it shows whether
the profile in use will do; a sweep, each value between two digits, shows which values do not pass.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from guardpost.errors import RemoteProtocolError
from guardpost.protocol.framing import FORBIDDEN, Profile

__all__ = [
    "EVERY_VALUE",
    "KIND_EVERY",
    "KIND_SWEEP",
    "KIND_SWEPT",
    "Damage",
    "SweepReader",
    "damaged",
    "sweep",
    "sweep_frames",
    "suitable",
    "values_to_sweep",
]

KIND_EVERY, KIND_SWEEP, KIND_SWEPT = 4, 5, 6

# Downwards: where XOFF stops the line, the XON that follows lets it go on.
_DOWNWARDS = bytes(range(255, -1, -1))

EVERY_VALUE = bytes((KIND_EVERY,)) + _DOWNWARDS
"""The body of the frame that passes only where every value of its profile does."""

_SET_BYTES = 32
_WINDOW_BYTES = 8  # how far behind its place one is looked for: below the ten different marks
_KEPT_BYTES = 1024  # of what may be a sweep: twice the longest, so that doubled values fit


@dataclass(frozen=True, slots=True)
class Damage:
    """The values that do not pass unchanged, by direction; those never swept are not in it."""

    to_agent: frozenset[int]
    to_console: frozenset[int]


def values_to_sweep(profiles: Sequence[Profile]) -> frozenset[int]:
    """The values whose damage decides between `profiles`: what the first of them sends.

    What PRINTABLE needs is left out: without it there is no guardpost on that path.
    """
    values = frozenset(range(256)) - FORBIDDEN[profiles[0]]
    return (values | {each.delimiter[0] for each in profiles}) & FORBIDDEN[Profile.PRINTABLE]


def suitable(profiles: Iterable[Profile], damage: frozenset[int]) -> Profile:
    """The first of `profiles` that sends none of the damaged values; PRINTABLE if none does."""
    for profile in profiles:
        sent = (frozenset(range(256)) - FORBIDDEN[profile]) | frozenset(profile.delimiter)
        if not sent & damage:
            return profile
    return Profile.PRINTABLE


def sweep(values: frozenset[int]) -> bytes:
    """The values from above, each with its mark behind it."""
    return b"".join(_pair(value) for value in _DOWNWARDS if value in values)


def _pair(value: int) -> bytes:
    """The mark is a digit, which the hello has shown to pass, and another without the top bit."""
    return bytes((value, 0x30 + (7 * value + 3) % 10))


def damaged(values: frozenset[int], arrived: bytes) -> frozenset[int]:
    """Which of the swept `values` are not in `arrived` as they were sent."""
    found: set[int] = set()
    pairs = [_pair(value) for value in _DOWNWARDS if value in values]
    at = 0
    for pair, following in pairwise([*pairs, b""]):
        if arrived.startswith(pair, at):
            at += 2
            continue
        found.add(pair[0])
        window = arrived[at : at + _WINDOW_BYTES]
        # The mark itself may be lost, and the same one be there again soon where the set has gaps.
        behind, before = window.find(pair[1]) + 1, window.find(following)
        at += min(behind or len(window), before) if before >= 0 else behind
    return frozenset(found)


def sweep_frames(
    number: int, values: frozenset[int], found: frozenset[int] = frozenset()
) -> tuple[bytes, bytes]:
    """The bodies of the frames before and behind a sweep.

    `found`: the damage in the sweep that this one answers.
    """
    return (
        bytes((KIND_SWEEP, number)) + _encode_set(values),
        bytes((KIND_SWEPT, number)) + _encode_set(found),
    )


class SweepReader:
    """Takes one sweep after another out of the frames and the residue of a PRINTABLE decoder."""

    __slots__ = ("_arrived", "_number", "_values")

    def __init__(self) -> None:
        self._number: int | None = None
        self._values: frozenset[int] = frozenset()
        self._arrived = b""

    def residue(self, data: bytes) -> None:
        """What stood between two frames."""
        if self._number is not None:
            self._arrived = (self._arrived + data)[:_KEPT_BYTES]

    def frame(self, body: bytes) -> "Sweep | None":
        """The sweep that this frame ends. Raises RemoteProtocolError for a body that is none.

        A sweep of which not even half arrived is none: whoever sent it may have sent nothing.
        """
        if len(body) != 2 + _SET_BYTES:
            raise RemoteProtocolError("the frame of a sweep has the wrong length")
        number, values = body[1], _decode_set(body[2:])
        if not values <= FORBIDDEN[Profile.PRINTABLE]:
            raise RemoteProtocolError("a sweep has values that never change")
        if body[0] == KIND_SWEEP:
            self._number, self._values, self._arrived = number, values, b""
            return None
        if number != self._number or len(self._arrived) < len(self._values):
            return None
        self._number = None
        return Sweep(number, self._values, damaged(self._values, self._arrived), values)


@dataclass(frozen=True, slots=True)
class Sweep:
    """`values` were swept, `found` of them damaged; `reported` is what the peer found."""

    number: int
    values: frozenset[int]
    found: frozenset[int]
    reported: frozenset[int]


def _encode_set(values: frozenset[int]) -> bytes:
    return sum(1 << value for value in values).to_bytes(_SET_BYTES, "little")


def _decode_set(raw: bytes) -> frozenset[int]:
    bits = int.from_bytes(raw, "little")
    return frozenset(value for value in range(256) if bits >> value & 1)
