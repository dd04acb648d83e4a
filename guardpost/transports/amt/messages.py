"""The messages of AMT's redirection protocol: what we send, and what the host's firmware sends.

Little endian throughout. There is no common length field: who does not know a message's type cannot
find its end, so an unknown one ends the session. Names are those of the protocol's public header
(RedirectionConstants.h); docs/amt.md has the table.
"""

import enum
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from guardpost.errors import RemoteProtocolError

__all__ = [
    "DATA_MAX_BYTES",
    "AuthenticateReply",
    "Controls",
    "EndSolReply",
    "Heartbeat",
    "Login",
    "Message",
    "Parser",
    "SolData",
    "SolReply",
    "StartReply",
    "authenticate",
    "end_session",
    "end_sol",
    "fields",
    "heartbeat",
    "packed",
    "pong",
    "sol_data",
    "start_session",
    "start_sol",
]

DATA_MAX_BYTES = 1000
"""What one message to the host carries; the oldest firmware was made for a buffer of that size."""

AUTHENTICATION_MAX_BYTES = 2048
"""Eight fields of 255 bytes at most; a length beyond that is no length."""


class Login(enum.IntEnum):
    """Ways to prove who one is; the firmware lists those it takes in its reply to QUERY."""

    QUERY = 0
    PLAIN = 1
    KERBEROS = 2
    DIGEST_WITHOUT_CNONCE = 3
    DIGEST = 4


# -- what we send


def start_session() -> bytes:
    """START_REDIRECTION_SESSION for Serial-over-LAN."""
    return b"\x10\0\0\0SOL "


def end_session() -> bytes:
    return b"\x12\0\0\0"


def authenticate(how: Login, data: bytes = b"") -> bytes:
    """AUTHENTICATE_SESSION."""
    return struct.pack("<BBHBI", 0x13, 0, 0, how, len(data)) + data


def start_sol(
    sequence: int,
    *,
    max_tx_bytes: int,
    tx_timeout_ms: int,
    tx_overflow_ms: int,
    rx_timeout_ms: int,
    rx_flush_ms: int,
    heartbeat_ms: int,
) -> bytes:
    """START_SOL_REDIRECTION; "tx" is from the host to us, "rx" from us to the host."""
    tx = (max_tx_bytes, tx_timeout_ms, tx_overflow_ms)
    return struct.pack("<II6HI", 0x20, sequence, *tx, rx_timeout_ms, rx_flush_ms, heartbeat_ms, 0)


def end_sol(sequence: int) -> bytes:
    return struct.pack("<II", 0x22, sequence)


def heartbeat(sequence: int) -> bytes:
    return struct.pack("<II", 0x2B, sequence)


def pong(sequence: int) -> bytes:
    """SOL_KEEP_ALIVE_PONG."""
    return struct.pack("<II", 0x25, sequence)


def sol_data(sequence: int, data: bytes) -> bytes:
    """SOL_DATA_TO_HOST."""
    return struct.pack("<IIH", 0x28, sequence, len(data)) + data


def packed(*values: bytes) -> bytes:
    """Each value behind its length in one byte. Raises ValueError beyond 255."""
    return b"".join(bytes([len(value)]) + value for value in values)


# -- what the host sends


@dataclass(frozen=True, slots=True)
class StartReply:
    """To START_REDIRECTION_SESSION. `status` 0 is success; `firmware` only then."""

    status: int
    firmware: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class AuthenticateReply:
    """`status` 0 success, 1 failure (or: here is the challenge), 2 not supported."""

    status: int
    how: int
    data: bytes


@dataclass(frozen=True, slots=True)
class SolReply:
    status: int


@dataclass(frozen=True, slots=True)
class EndSolReply:
    pass


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The firmware lives; `is_ping`: it wants an answer."""

    sequence: int
    is_ping: bool = False


@dataclass(frozen=True, slots=True)
class Controls:
    """What the host's COM port and the firmware's buffers are at."""

    rts: bool
    dtr: bool
    is_break: bool
    tx_overflow: bool
    loopback: bool
    power_on: bool
    rx_flushed: bool
    test_mode: bool

    def __str__(self) -> str:
        said = [f"the host {_on_off(self.power_on)}"]
        said += [f"its port's DTR {_on_off(self.dtr)}", f"RTS {_on_off(self.rts)}"]
        events = {
            "BREAK": self.is_break,
            "loopback": self.loopback,
            "test mode": self.test_mode,
            "output dropped, its buffer was full": self.tx_overflow,
            "input dropped, nobody on the host read it": self.rx_flushed,
        }
        return ", ".join(said + [name for name, is_set in events.items() if is_set])


@dataclass(frozen=True, slots=True)
class SolData:
    data: bytes


def _on_off(is_on: bool) -> str:
    return "on" if is_on else "off"


Message = StartReply | AuthenticateReply | SolReply | EndSolReply | Heartbeat | Controls | SolData


def _start_reply(data: bytes) -> StartReply:
    return StartReply(data[1], (data[6], data[7]) if data[1] == 0 else (0, 0))


def _controls(data: bytes) -> Controls:
    lines, status = data[8], data[9]
    return Controls(
        *(bool(lines & bit) for bit in (1, 2, 4)), *(bool(status & bit) for bit in (1, 2, 4, 8, 16))
    )


def _sequence(data: bytes) -> int:
    return int.from_bytes(data[4:8], "little")


def _is_refusal(data: bytes) -> bool:
    """A refusal may end anywhere behind its status, and nothing comes after it."""
    return data[1:2] > b"\0"


def _start_reply_length(data: bytes) -> int:
    if _is_refusal(data):
        return 2
    return 13 + data[12] if len(data) > 12 else 13


def _authenticate_reply_length(data: bytes) -> int:
    if len(data) < 9:
        return 9
    length = int.from_bytes(data[5:9], "little")
    if length > AUTHENTICATION_MAX_BYTES:
        raise RemoteProtocolError(f"authentication data of {length} bytes")
    return 9 + length


def _data_length(data: bytes) -> int:
    return 10 + int.from_bytes(data[8:10], "little") if len(data) >= 10 else 10


# Type -> how long the message that begins with these bytes is, as far as they tell (asked again
# until it fits), and what it means.
_MESSAGES: Mapping[int, tuple[Callable[[bytes], int], Callable[[bytes], Message | None]]] = {
    0x11: (_start_reply_length, _start_reply),
    0x14: (_authenticate_reply_length, lambda data: AuthenticateReply(data[1], data[4], data[9:])),
    0x21: (lambda data: 2 if _is_refusal(data) else 23, lambda data: SolReply(data[1])),
    0x23: (lambda _: 8, lambda _: EndSolReply()),
    0x24: (lambda _: 8, lambda data: Heartbeat(_sequence(data), is_ping=True)),
    0x25: (lambda _: 8, lambda data: Heartbeat(_sequence(data))),
    0x29: (lambda _: 10, _controls),
    0x2A: (_data_length, lambda data: SolData(data[10:])),
    0x2B: (lambda _: 8, lambda data: Heartbeat(_sequence(data))),
    # Not AMT's: a relay in between (MeshCentral) says that it records the session.
    0xF0: (lambda _: 1, lambda _: None),
}


class Parser:
    """Bytes to messages, however they are cut; holds no more than it was fed and has not given."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> None:
        self._data += data

    def next_message(self) -> Message | None:
        """The next one that is complete.

        Raises RemoteProtocolError, from then on each time, at a message whose end nobody knows.
        """
        while self._data:
            head = bytes(self._data[:13])
            if head[0] not in _MESSAGES:
                raise RemoteProtocolError(f"a message of unknown type {head[0]:#04x}")
            length_of, meaning_of = _MESSAGES[head[0]]
            length = length_of(head)
            if len(self._data) < length:
                return None
            message = meaning_of(bytes(self._data[:length]))
            del self._data[:length]
            if message is not None:
                return message
        return None


def fields(data: bytes, count: int) -> tuple[bytes, ...]:
    """`count` values that stand behind their lengths. Raises RemoteProtocolError if they do not."""
    found = []
    for _ in range(count):
        if not data or len(data) < 1 + data[0]:
            raise RemoteProtocolError("a challenge that ends early")
        found.append(data[1 : 1 + data[0]])
        data = data[1 + data[0] :]
    return tuple(found)
