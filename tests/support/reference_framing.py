"""The framing of docs/protocol.md once more, slowly: the oracle for the C codec.

Written from the document, byte by byte and without tables, so that a mistake in native/
is not made here as well. Never shipped.
"""

import base64
from dataclasses import dataclass, field

BODY_MAX = 65600

FORBIDDEN = {
    0: bytes.fromhex("00"),
    1: bytes.fromhex("00 11 13"),
    2: bytes.fromhex("00 03 04 05 0a 0d 11 13 16 1a 1b 1c 1d 1e 26 7e 7f 91 93 ff"),
}
DELIMITER = {0: 0x00, 1: 0x00, 2: 0x1E, 3: ord("}")}
PRINTABLE = 3
BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

NOT_A_FRAME, BAD_STRUCTURE, BAD_CRC, OVERLONG = -1, -2, -3, -4


def crc32c(data: bytes, state: int) -> int:
    """CRC-32C, a bit at a time, from a register of `state`."""
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = (state >> 1) ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


def alphabet_of(forbidden: bytes) -> list[int]:
    """The code bytes in the order of their index."""
    return [value for value in range(256) if value not in forbidden]


def run_max(forbidden: bytes) -> int:
    """M: the literals of a full block."""
    return (256 - len(forbidden) - 1) // len(forbidden)


def stuff(forbidden: bytes, source: bytes) -> bytes:
    """COBS-k of `source`."""
    k, longest, alphabet = len(forbidden), run_max(forbidden), alphabet_of(forbidden)
    encoded, run = b"", b""
    for byte in source:
        if byte in forbidden:
            encoded += bytes([alphabet[len(run) * k + forbidden.index(byte)]]) + run
            run = b""
            continue
        run += bytes([byte])
        if len(run) == longest:
            encoded += bytes([alphabet[longest * k]]) + run
            run = b""
    if source and not run and source[-1] not in forbidden:
        return encoded  # it ended exactly with a full block
    return encoded + bytes([alphabet[len(run) * k]]) + run


def unstuff(forbidden: bytes, encoded: bytes) -> bytes | None:
    """The source of a stuffed frame without a forbidden byte in it; None if there is none."""
    k, longest, alphabet = len(forbidden), run_max(forbidden), alphabet_of(forbidden)
    source, at, full, which = b"", 0, True, 0
    while at < len(encoded):
        index = alphabet.index(encoded[at])
        run, which = divmod(index, k)
        if index > longest * k or at + 1 + run > len(encoded):
            return None
        source += encoded[at + 1 : at + 1 + run]
        at += 1 + run
        full = run == longest
        if not full:
            source += forbidden[which : which + 1]
    if full:
        return source
    return source[:-1] if which == 0 else None


def encode(profile: int, state: int, body: bytes) -> bytes:
    """One frame with its delimiter."""
    source = body + crc32c(body, state).to_bytes(4, "little")
    if profile == PRINTABLE:
        return b"{" + base64.b64encode(source).rstrip(b"=") + b"}"
    return stuff(FORBIDDEN[profile], source) + bytes([DELIMITER[profile]])


def encoded_max(profile: int, n: int) -> int:
    """Size of the worst frame with a body of `n` bytes."""
    source = n + 4
    if profile == PRINTABLE:
        return 2 + -(-source * 4 // 3)
    return source + max(1, -(-source // run_max(FORBIDDEN[profile]))) + 1


def source_of(profile: int, segment: bytes) -> bytes | int:
    """Body and CRC inside a segment without its delimiter, or why there are none."""
    if profile == PRINTABLE:
        if not segment.startswith(b"{"):
            return NOT_A_FRAME
        letters = bytes(byte for byte in segment if byte in BASE64)
        if len(letters) % 4 == 1:
            return BAD_STRUCTURE
        decoded = base64.b64decode(letters + b"=" * (-len(letters) % 4))
        canonical = base64.b64encode(decoded).rstrip(b"=") == letters
        return decoded if canonical else BAD_STRUCTURE
    kept = bytes(byte for byte in segment if byte not in FORBIDDEN[profile])
    if not kept:
        return NOT_A_FRAME
    source = unstuff(FORBIDDEN[profile], kept)
    return BAD_STRUCTURE if source is None else source


@dataclass
class ReferenceDecoder:
    """Byte by byte; `hold` is the longest segment that may still be a frame."""

    profile: int
    states: tuple[int, ...]
    hold: int
    items: list[tuple[int, bytes]] = field(default_factory=list)
    segment: bytes = b""
    overflowed: bool = False

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """What `data` completes."""
        self.items = []
        for byte in data:
            self._byte(byte)
        return self.items

    def take_pending(self) -> bytes:
        """The unfinished segment."""
        taken, self.segment, self.overflowed = self.segment, b"", False
        return taken

    def _byte(self, byte: int) -> None:
        one = bytes([byte])
        if byte == DELIMITER[self.profile]:
            self._close(one)
        elif self.profile == PRINTABLE and one == b"{" and (self.segment or self.overflowed):
            self._close(b"")
            self.segment = one
        elif self.overflowed:
            self.items.append((OVERLONG, one))
        elif len(self.segment) == self.hold:
            self.items.append((OVERLONG, self.segment + one))
            self.segment, self.overflowed = b"", True
        else:
            self.segment += one

    def _close(self, mark: bytes) -> None:
        text = mark if self.profile == PRINTABLE else b""
        if self.overflowed:
            self.items.append((OVERLONG, text))
        elif self.segment:
            which, body = self._judge(mark)
            self.items.append((which, body if which >= 0 else self.segment + text))
        self.segment, self.overflowed = b"", False

    def _judge(self, mark: bytes) -> tuple[int, bytes]:
        source = source_of(self.profile, self.segment)
        if isinstance(source, int):
            return source, b""
        if mark == b"" or len(source) < 5:
            return BAD_STRUCTURE, b""
        if len(source) > BODY_MAX + 4:
            return OVERLONG, b""
        body, crc = source[:-4], int.from_bytes(source[-4:], "little")
        for which, state in enumerate(self.states):
            if crc32c(body, state) == crc:
                return which, body
        return BAD_CRC, b""


def joined(items: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """The items with the pieces of overlong segments put together: how they are cut may differ."""
    result: list[tuple[int, bytes]] = []
    for which, data in items:
        if which == OVERLONG and result and result[-1][0] == OVERLONG:
            result[-1] = (which, result[-1][1] + data)
        elif which != OVERLONG or data:
            result.append((which, data))
    return result
