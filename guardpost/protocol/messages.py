"""The messages of a packet: encode and decode of each, side by side (docs/protocol.md section 6).

A message object is also the record of what a packet carried: recovery hands it back to
its owner as acked or lost.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass

from guardpost.errors import RemoteProtocolError
from guardpost.protocol.fields import Reader, u32, varint
from guardpost.protocol.limits import (
    ACK_RANGES_MAX,
    CONTROL_MESSAGE_MAX_BYTES,
    SERVICE_NAME_MAX_BYTES,
    SPEED_MAX,
    TEXT_MAX_BYTES,
)

__all__ = [
    "Accept",
    "Ack",
    "ConnectionCredit",
    "Credit",
    "Data",
    "GoAway",
    "Message",
    "Open",
    "Ping",
    "Profiles",
    "Rekey",
    "Reset",
    "Speed",
    "SpeedStep",
    "Welcome",
    "decode_messages",
]

_FIN = 1
_LENGTH = 2


def _text(text: str) -> bytes:
    raw = text.encode("utf-8", "replace")
    if len(raw) > TEXT_MAX_BYTES:  # cut between two characters
        raw = raw[:TEXT_MAX_BYTES].decode("utf-8", "ignore").encode()
    return bytes((len(raw),)) + raw


def _counted(raw: bytes) -> bytes:
    return varint(len(raw)) + raw


def _read_counted(fields: Reader) -> bytes:
    length = fields.varint()
    if length > CONTROL_MESSAGE_MAX_BYTES:
        raise RemoteProtocolError("a control message is too long")
    return fields.take(length)


@dataclass(slots=True, eq=True)
class Ack:
    """Ranges of opened packets, newest first, and the receiver's clock for the largest.

    `ranges` are half-open, descending; `clock` and `delay` are microseconds.
    """

    ranges: tuple[tuple[int, int], ...]
    clock: int
    delay: int

    def encode(self) -> bytes:
        start, stop = self.ranges[0]
        parts = [b"\x01", varint(stop - 1), u32(self.clock), varint(self.delay)]
        parts += [varint(len(self.ranges) - 1), varint(stop - 1 - start)]
        for below, above in self.ranges[1:]:
            parts += [varint(start - above - 1), varint(above - below - 1)]
            start = below
        return b"".join(parts)

    @classmethod
    def decode(cls, fields: Reader) -> "Ack":
        largest, clock, delay = fields.varint(), fields.u32(), fields.varint()
        count, first = fields.varint(), fields.varint()
        if count >= ACK_RANGES_MAX or first > largest:
            raise RemoteProtocolError("an ack makes no sense")
        ranges = [(largest - first, largest + 1)]
        start = largest - first
        for _ in range(count):
            above = start - fields.varint() - 1
            start = above - fields.varint() - 1
            if start < 0:
                raise RemoteProtocolError("an ack makes no sense")
            ranges.append((start, above))
        return cls(tuple(ranges), clock, delay)


@dataclass(slots=True)
class Ping:
    def encode(self) -> bytes:
        return b"\x02"


@dataclass(slots=True)
class Welcome:
    """The agent's first message, and the console's answer: a msgpack map."""

    settings: bytes

    def encode(self) -> bytes:
        return b"\x03" + _counted(self.settings)

    @classmethod
    def decode(cls, fields: Reader) -> "Welcome":
        return cls(_read_counted(fields))


@dataclass(slots=True)
class GoAway:
    code: int
    text: str = ""

    def encode(self) -> bytes:
        return b"\x04" + varint(self.code) + _text(self.text)

    @classmethod
    def decode(cls, fields: Reader) -> "GoAway":
        return cls(fields.varint(), fields.text(TEXT_MAX_BYTES))


@dataclass(slots=True)
class Rekey:
    """One Noise message of a fresh XX inside the session."""

    step: int
    noise: bytes

    def encode(self) -> bytes:
        return b"\x05" + bytes((self.step,)) + _counted(self.noise)

    @classmethod
    def decode(cls, fields: Reader) -> "Rekey":
        return cls(fields.u8(), _read_counted(fields))


@dataclass(slots=True)
class Profiles:
    """The console wants these profiles from now on, as numbered in a hello."""

    to_agent: int
    to_console: int

    def encode(self) -> bytes:
        return bytes((6, self.to_agent, self.to_console))

    @classmethod
    def decode(cls, fields: Reader) -> "Profiles":
        profiles = cls(fields.u8(), fields.u8())
        if max(profiles.to_agent, profiles.to_console) > 3:
            raise RemoteProtocolError("there is no such profile")
        return profiles


class SpeedStep(enum.IntEnum):
    """What a SPEED message says (docs/protocol.md section 9, "Another speed")."""

    ASK = 1
    REFUSE = 2
    AGREE = 3
    HERE = 4
    PROBE = 5
    PASSED = 6
    BACK = 7


@dataclass(slots=True)
class Speed:
    """About the speed of a cable. `value` is bit/s; of a PROBE its number, from 0."""

    step: SpeedStep
    value: int = 0
    text: str = ""

    def encode(self) -> bytes:
        return b"\x07" + bytes((self.step,)) + varint(self.value) + _text(self.text)

    @classmethod
    def decode(cls, fields: Reader) -> "Speed":
        step, value = fields.u8(), fields.varint()
        text = fields.text(TEXT_MAX_BYTES)
        if step not in SpeedStep.__members__.values() or value > SPEED_MAX:
            raise RemoteProtocolError("a speed makes no sense")
        return cls(SpeedStep(step), value, text)


@dataclass(slots=True)
class Data:
    """`data` at `offset` of the channel's stream; `fin` says that it ends there."""

    channel: int
    offset: int
    data: bytes
    fin: bool = False

    @staticmethod
    def overhead(channel: int, offset: int, room: int) -> int:
        """Bytes that stand before the data when `room` bytes are left in the packet."""
        return 1 + len(varint(channel)) + len(varint(offset)) + len(varint(room))

    def encode(self, last: bool = False) -> bytes:
        """`last`: nothing follows in the packet, so the length need not be said."""
        head = 8 | (_FIN if self.fin else 0)
        if last:
            return b"".join((bytes((head,)), varint(self.channel), varint(self.offset), self.data))
        return b"".join(
            (
                bytes((head | _LENGTH,)),
                varint(self.channel),
                varint(self.offset),
                varint(len(self.data)),
                self.data,
            )
        )

    @classmethod
    def decode(cls, fields: Reader, head: int) -> "Data":
        channel, offset = fields.varint(), fields.varint()
        data = fields.take(fields.varint()) if head & _LENGTH else fields.rest()
        return cls(channel, offset, data, bool(head & _FIN))


@dataclass(slots=True)
class Open:
    channel: int
    service: str
    request_length: int
    interactive: bool = False
    compressed: bool = False

    def encode(self) -> bytes:
        flags = (1 if self.interactive else 0) | (2 if self.compressed else 0)
        head = b"\x10" + varint(self.channel) + bytes((flags,)) + varint(self.request_length)
        return head + _text(self.service)

    @classmethod
    def decode(cls, fields: Reader) -> "Open":
        channel, flags, length = fields.varint(), fields.u8(), fields.varint()
        service = fields.text(SERVICE_NAME_MAX_BYTES)
        return cls(channel, service, length, bool(flags & 1), bool(flags & 2))


@dataclass(slots=True)
class Accept:
    channel: int
    reply_length: int

    def encode(self) -> bytes:
        return b"\x11" + varint(self.channel) + varint(self.reply_length)

    @classmethod
    def decode(cls, fields: Reader) -> "Accept":
        return cls(fields.varint(), fields.varint())


@dataclass(slots=True)
class Reset:
    channel: int
    code: int
    final: int
    text: str = ""

    def encode(self) -> bytes:
        head = b"\x12" + varint(self.channel) + varint(self.code) + varint(self.final)
        return head + _text(self.text)

    @classmethod
    def decode(cls, fields: Reader) -> "Reset":
        return cls(fields.varint(), fields.varint(), fields.varint(), fields.text(TEXT_MAX_BYTES))


@dataclass(slots=True)
class Credit:
    channel: int
    limit: int

    def encode(self) -> bytes:
        return b"\x13" + varint(self.channel) + varint(self.limit)

    @classmethod
    def decode(cls, fields: Reader) -> "Credit":
        return cls(fields.varint(), fields.varint())


@dataclass(slots=True)
class ConnectionCredit:
    limit: int

    def encode(self) -> bytes:
        return b"\x14" + varint(self.limit)

    @classmethod
    def decode(cls, fields: Reader) -> "ConnectionCredit":
        return cls(fields.varint())


Message = (
    Ack
    | Ping
    | Welcome
    | GoAway
    | Rekey
    | Profiles
    | Speed
    | Data
    | Open
    | Accept
    | Reset
    | Credit
    | ConnectionCredit
)

_DECODE: dict[int, Callable[[Reader], Message]] = {
    0x01: Ack.decode,
    0x02: lambda _: Ping(),
    0x03: Welcome.decode,
    0x04: GoAway.decode,
    0x05: Rekey.decode,
    0x06: Profiles.decode,
    0x07: Speed.decode,
    0x10: Open.decode,
    0x11: Accept.decode,
    0x12: Reset.decode,
    0x13: Credit.decode,
    0x14: ConnectionCredit.decode,
}


def decode_messages(body: bytes) -> list[Message]:
    """The messages of one opened packet, PAD left out. Raises RemoteProtocolError."""
    fields = Reader(body)
    messages: list[Message] = []
    while fields:
        head = fields.u8()
        if head & 0xFC == 8:
            messages.append(Data.decode(fields, head))
        elif head:
            decode = _DECODE.get(head)
            if decode is None:
                raise RemoteProtocolError(f"unknown message {head:#04x}")
            messages.append(decode(fields))
    return messages
