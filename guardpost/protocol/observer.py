"""Names everything that crosses a line, for whoever watches beside a console's connection.

It decodes on its own, from the bytes: what it says a connection heard is what stood on the line.
It never answers, and touches no state of the sessions whose packets it opens.
"""

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from guardpost.errors import RemoteProtocolError
from guardpost.protocol.association import Association
from guardpost.protocol.framing import CRC_STATES_MAX, Decoder, Encoder, Profile, Residue
from guardpost.protocol.hello import Hello, HelloScanner, epoch, handshake_states, known_profile
from guardpost.protocol.messages import (
    Data,
    GoAway,
    Message,
    Rekey,
    Reset,
    Speed,
    Welcome,
    decode_messages,
)
from guardpost.protocol.readable import readable

__all__ = ["Observer", "Unit", "UnitKind", "withheld"]

_QUIET_SECONDS = 0.5  # text without a delimiter behind it is told after this


class UnitKind(enum.IntEnum):
    """What a piece of the line is; the numbers stand in captures (docs/trace.md)."""

    TEXT = 0
    NOISE = 1
    HELLO = 2
    HANDSHAKE = 3
    PACKET = 4
    BAD_FRAME = 5  # a frame by its shape, of no session known here
    NOTE = 6  # not from the line: a sentence about it


@dataclass(frozen=True, slots=True)
class Unit:
    """`body`: the hello, the frame's body, or the bytes of text and noise as they stood there.

    `line_bytes` is what it took on the line. `number` and `messages` (the packet's plain body)
    are None unless the packet was opened; `is_withheld` says that contents are zeros.
    """

    kind: UnitKind
    from_agent: bool
    body: bytes
    line_bytes: int
    profile: Profile | None = None
    number: int | None = None
    messages: bytes | None = None
    is_withheld: bool = False


def withheld(unit: Unit) -> Unit:
    """`unit` without the contents of its messages: their kinds, channels and lengths stay."""
    if unit.messages is None:
        return unit
    try:
        messages = decode_messages(unit.messages)
    except RemoteProtocolError:
        return replace(unit, messages=None)
    bare = b"".join(_without_contents(each).encode() for each in messages)
    return replace(unit, messages=bare, is_withheld=True)


def _without_contents(message: Message) -> Message:
    match message:
        case Data(data=data):
            return replace(message, data=bytes(len(data)))
        case Welcome(settings=settings):
            return Welcome(bytes(len(settings)))
        case Rekey(noise=noise):
            return replace(message, noise=bytes(len(noise)))
        case Reset() | GoAway() | Speed():
            return replace(message, text="")
        case _:
            return message


@dataclass(frozen=True, slots=True)
class _Expected:
    """What frames of one direction look like now: an owner (None: handshake) by CRC state."""

    profile: Profile
    states: tuple[int, ...]
    owners: tuple[Association | None, ...]


class _Direction:
    def __init__(self) -> None:
        self.scanner = HelloScanner()
        self.expected = _Expected(Profile.CLEAN, (), ())
        self.decoder = Decoder(Profile.CLEAN, (0,))
        self.quiet_at: float | None = None


class Observer:
    """Sans-IO; both directions of one line."""

    def __init__(self, sessions: Callable[[], Sequence[Association]]) -> None:
        """`sessions`: those of the connection beside it, which open their own packets."""
        self._sessions = sessions
        self._directions = {False: _Direction(), True: _Direction()}
        self._console_hello = b""
        self._profiles = (Profile.CLEAN, Profile.CLEAN)
        self._handshake: tuple[int, int] | None = None

    def receive_data(self, data: bytes, from_agent: bool, now: float) -> list[Unit]:
        """What `data` completes, in the order of the line. No bytes make it raise."""
        direction = self._directions[from_agent]
        units: list[Unit] = []
        for text, candidate in direction.scanner.feed(data):
            if text:
                units += self._frames(direction, text, from_agent)
            if candidate is not None:
                units += self._rest(direction, from_agent)
                self._hear_hello(candidate)
                units.append(Unit(UnitKind.HELLO, from_agent, candidate, len(candidate)))
        waits = direction.scanner.held or direction.decoder.pending
        direction.quiet_at = now + _QUIET_SECONDS if waits else None
        return units

    def next_deadline(self) -> float | None:
        times = [each.quiet_at for each in self._directions.values()]
        return min((each for each in times if each is not None), default=None)

    def handle_timeout(self, now: float) -> list[Unit]:
        """What nothing followed."""
        units: list[Unit] = []
        for from_agent, direction in self._directions.items():
            if direction.quiet_at is not None and now >= direction.quiet_at:
                direction.quiet_at = None
                units += self._frames(direction, direction.scanner.release(), from_agent)
                units += self._rest(direction, from_agent)
        return units

    # --- hellos ---

    def _hear_hello(self, candidate: bytes) -> None:
        hello = Hello.decode(candidate)
        if hello is not None and not hello.agent:
            self._console_hello = candidate
            return
        hello = (
            Hello.decode(candidate, answers=self._console_hello) if self._console_hello else None
        )
        if hello is not None and hello.agent:
            self._profiles = (known_profile(hello.to_agent), known_profile(hello.to_console))
            self._handshake = handshake_states(epoch(self._console_hello, candidate))

    # --- frames ---

    def _expect(self, direction: _Direction, from_agent: bool) -> list[Unit]:
        """Make the decoder fit what may come; what waited in another profile's comes out."""
        which = int(from_agent)
        sessions = self._sessions()
        states = [each.crc_states[which] for each in sessions]
        owners: list[Association | None] = list(sessions)
        if self._handshake is not None:
            states.append(self._handshake[which])
            owners.append(None)
        profile = self._profiles[which]
        if sessions:  # which may be on its way to other profiles
            framer = sessions[0].framer
            profile = framer.decoder.profile if from_agent else framer.encoding
        expected = _Expected(profile, tuple(states[:CRC_STATES_MAX]), tuple(owners))
        before = direction.expected
        if (profile, expected.states) == (before.profile, before.states):
            return []
        direction.expected = expected
        if profile is before.profile:
            direction.decoder.set_crc(expected.states or (0,))
            return []
        units = self._rest(direction, from_agent)
        direction.decoder = Decoder(profile, expected.states or (0,))
        return units

    def _frames(self, direction: _Direction, data: bytes, from_agent: bool) -> list[Unit]:
        units = self._expect(direction, from_agent)
        for which, body in direction.decoder.feed(data):
            if which >= 0 and direction.expected.states:
                units.append(self._frame(direction.expected, which, body, from_agent))
            elif which >= 0 or which == Residue.BAD_CRC:
                units.append(self._residue(body, from_agent, UnitKind.BAD_FRAME))
            else:
                units.append(self._residue(body, from_agent, UnitKind.NOISE))
        return units

    def _rest(self, direction: _Direction, from_agent: bool) -> list[Unit]:
        waiting = direction.decoder.take_pending()
        return [self._residue(waiting, from_agent, UnitKind.NOISE)] if waiting else []

    def _residue(self, raw: bytes, from_agent: bool, otherwise: UnitKind) -> Unit:
        return Unit(UnitKind.TEXT if readable(raw) else otherwise, from_agent, raw, len(raw))

    def _frame(self, expected: _Expected, which: int, body: bytes, from_agent: bool) -> Unit:
        size = len(Encoder(expected.profile, expected.states[which]).encode(body))
        owner = expected.owners[which]
        if owner is None:
            return Unit(UnitKind.HANDSHAKE, from_agent, body, size, expected.profile)
        opened = owner.session.peek(body, sent=not from_agent)
        number, messages = opened if opened is not None else (None, None)
        return Unit(UnitKind.PACKET, from_agent, body, size, expected.profile, number, messages)
