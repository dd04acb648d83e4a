"""The hello: 41 printable characters, frozen for ever (docs/protocol.md section 2).

Finds hellos in what arrives; knows nothing of sessions.
"""

import hashlib
from dataclasses import dataclass

from guardpost.protocol.framing import Profile, crc32c

__all__ = ["HELLO_BYTES", "MAJOR", "MARK", "Hello", "HelloScanner", "epoch", "handshake_states"]

MARK = b"#7180"
HELLO_BYTES = 41
MAJOR = 1
_CRC_AT = 30
_FRESH = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Hello:
    """`agent`: the role of who sent it. `nonce`: 64 bits. Profiles by direction, as on the line.

    `profiles` holds what stands there, which may be a profile we do not know.
    """

    agent: bool
    nonce: int
    to_agent: int
    to_console: int
    major: int = MAJOR

    def encode(self, answers: bytes | None = None) -> bytes:
        """The 41 characters; an agent's hello names the console hello it `answers`."""
        head = b"%s%02d%d%d%d%020d" % (
            MARK,
            self.major,
            1 if self.agent else 0,
            self.to_agent,
            self.to_console,
            self.nonce,
        )
        return head + b"%010d#" % crc32c(head, _state(answers))

    @classmethod
    def decode(cls, raw: bytes, answers: bytes | None = None) -> "Hello | None":
        """None unless `raw` is a hello whose CRC is right for what it `answers`."""
        digits = raw[len(MARK) : -1]
        if len(raw) != HELLO_BYTES or not raw.startswith(MARK) or raw[-1:] != b"#":
            return None
        if not digits.isdigit() or int(raw[_CRC_AT:-1]) != crc32c(raw[:_CRC_AT], _state(answers)):
            return None
        nonce = int(raw[10:_CRC_AT])
        if nonce >> 64 or raw[7] not in b"01":
            return None
        return cls(raw[7] == 0x31, nonce, raw[8] - 0x30, raw[9] - 0x30, int(raw[5:7]))


def _state(answers: bytes | None) -> int:
    return _FRESH if answers is None else int(answers[_CRC_AT:-1])


def known_profile(number: int) -> Profile:
    """The profile of that number, PRINTABLE for one we do not have."""
    try:
        return Profile(number)
    except ValueError:
        return Profile.PRINTABLE


def epoch(console_hello: bytes, agent_hello: bytes) -> bytes:
    """32 bytes that name this pair of hellos."""
    return hashlib.blake2s(console_hello + agent_hello).digest()


def handshake_states(epoch_bytes: bytes) -> tuple[int, int]:
    """CRC starting states of handshake frames: (console -> agent, agent -> console)."""
    first, second = epoch_bytes[:4], epoch_bytes[4:8]
    return int.from_bytes(first, "little"), int.from_bytes(second, "little")


class HelloScanner:
    """Takes what looks like a hello out of a stream of bytes, wherever the reads cut it.

    `feed` returns [(text, hello or None)]: text to pass on, then a candidate of HELLO_BYTES
    characters whose digits are right; whether its CRC is, the caller must ask Hello.decode.
    While the stream ends in what may become a hello, those bytes are held back: `held`, given
    out by `release`.
    """

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = b""

    @property
    def held(self) -> bool:
        return bool(self._held)

    def feed(self, data: bytes) -> list[tuple[bytes, bytes | None]]:
        if self._held:
            data = self._held + data
            self._held = b""
        at = _front(data, 0)
        if at < 0:  # nearly always
            return [(data, None)]
        out: list[tuple[bytes, bytes | None]] = []
        done = 0
        while at >= 0:
            candidate = data[at : at + HELLO_BYTES]
            if not _may_be(candidate):
                at = _front(data, at + 1)
            elif len(candidate) == HELLO_BYTES:
                out.append((data[done:at], candidate))
                done = at + HELLO_BYTES
                at = _front(data, done)
            else:
                self._held = candidate
                out.append((data[done:at], None))
                return out
        out.append((data[done:], None))
        return out

    def release(self) -> bytes:
        """What was held back, after all."""
        held, self._held = self._held, b""
        return held


def _front(data: bytes, start: int) -> int:
    """Where from `start` on the mark stands next, or its front at the very end; -1: nowhere.

    In sealed frames one byte in 256 is a '#', and looking at each would cost more than the frame.
    """
    at = data.find(MARK, start)
    return at if at >= 0 else data.find(MARK[:1], max(start, len(data) - len(MARK) + 1))


def _may_be(candidate: bytes) -> bool:
    """`candidate`, up to HELLO_BYTES long, is the front of a hello."""
    size = len(candidate)
    if candidate[: len(MARK)] != MARK[:size]:
        return False
    digits = candidate[len(MARK) : HELLO_BYTES - 1]
    return (not digits or digits.isdigit()) and (size < HELLO_BYTES or candidate[-1:] == b"#")
