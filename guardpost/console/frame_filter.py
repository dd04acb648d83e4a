"""Takes hellos and frames out of what a line says, for whoever only wants to read its text.

It needs no key and no CRC, since a frame shows in its first two bytes what it is: behind a
delimiter stands a code byte and then a kind (docs/protocol.md sections 3 to 5), which no text
does. What a session sends in pieces is hidden in pieces; text that runs into a frame that was cut
off (a host that restarts) is shown again as soon as it looks like text. While frames come, what is
no text is a frame that a kernel wrote into, or one without a delimiter before it.
"""

import re

from guardpost.protocol.framing import BODY_MAX_BYTES, Encoder, Profile, encoded_max
from guardpost.protocol.hello import HelloScanner

__all__ = ["FrameFilter"]

_KINDS = b"\x01\x02\x03\x04\x05\x06\x10\x11"  # handshake, the path, sealed packets
_EVERY = 4  # holds every byte value in a row, and so looks like text
_DELIMITERS = {Profile.CLEAN.delimiter[0], Profile.CONSOLE.delimiter[0]}
_START = re.compile(rb"[\x00\x1e{}]")
_RUN_BYTES = 24
_RUN = re.compile(rb"[\x20-\x7e\r\n\t\x1b]{%d}" % _RUN_BYTES)  # by chance: never
# Neither text nor UTF-8, so a piece of a frame that text was written into.
_STRAY = re.compile(
    rb"[\x01-\x06\x0b\x10\x12\x14-\x1a\x1c\x1d\x1f\xc0\xc1\xf5-\xff]"
    rb"|(?<=[\x20-\x7e\r\n])[\x80-\xbf]|[\xc2-\xf4](?=[\x00-\x7f\xc0-\xff])"
)
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/\r\n]")
_PRINTABLE_FRONTS = (b"{A", b"{B", b"{E")  # what base64 makes of the kinds
_SHORTEST_PRINTABLE = 30  # a packet of no messages
_LONGEST_PRINTABLE = encoded_max(Profile.PRINTABLE, BODY_MAX_BYTES)
_HOLD_SECONDS = 0.1
_GUESS_SECONDS = 0.25
_FRAME_SECONDS = 2.0  # in the middle of a frame; then it does not go on


def _code_bytes() -> dict[int, dict[int, int]]:
    """By delimiter: which kind, forbidden itself, a code byte stands for."""
    found: dict[int, dict[int, int]] = {each: {} for each in _DELIMITERS}
    for profile in (Profile.CLEAN, Profile.XONXOFF, Profile.CONSOLE):
        encoder = Encoder(profile, 0)
        for kind in _KINDS:
            frame = encoder.encode(bytes((kind,)) + bytes(18))
            if frame[1] != kind:
                found[profile.delimiter[0]][frame[0]] = kind
    return found


_CODES = _code_bytes()


class FrameFilter:
    """Sans-IO. Counts `frames`, and `hidden_bytes` of them and of hellos."""

    def __init__(self, cut: Profile | None = None) -> None:
        """`cut`: the line may be in the middle of a frame of that profile now."""
        self.frames = 0
        self.hidden_bytes = 0
        self._scanner = HelloScanner()
        self._held = b""
        self._in_frame = cut is not None and cut is not Profile.PRINTABLE
        self._delimiter = cut.delimiter[0] if self._in_frame and cut is not None else None
        self._is_every = False
        self._is_guess = False  # that this is a frame
        self._now = 0.0
        self._last_delimiter: int | None = None
        self._framed_until = float("-inf")
        self._searched = 0  # of a printable frame
        self._deadline: float | None = None

    def feed(self, data: bytes, now: float) -> bytes:
        """The text in `data`, as far as it is known to be text."""
        out = bytearray()
        self._now = now
        for text, hello in self._scanner.feed(data):
            self._feed(text, out)
            if hello is not None:
                self.hidden_bytes += len(hello)
        if self._in_frame and self._is_guess:
            self._deadline = now + _GUESS_SECONDS
        elif self._in_frame or self._searched >= _SHORTEST_PRINTABLE:
            self._deadline = now + _FRAME_SECONDS
        elif self._held or self._scanner.held:
            self._deadline = now + _HOLD_SECONDS
        else:
            self._deadline = None
        return bytes(out)

    def next_deadline(self) -> float | None:
        """When handle_timeout() is due if nothing comes before."""
        return self._deadline

    def handle_timeout(self, now: float) -> bytes:
        """What was held: nothing followed, so it is text, or the front of a frame (hidden)."""
        if self._deadline is None or now < self._deadline:
            return b""
        self._deadline = None
        held = self._scanner.release()
        if self._in_frame and not self._is_guess:
            self.hidden_bytes += len(self._held)
        else:
            held = self._held + held
        self._become_text()
        return held

    def _become_text(self) -> None:
        self._held = b""
        self._delimiter = None
        self._in_frame = self._is_guess = False
        self._searched = 0

    def _feed(self, data: bytes, out: bytearray) -> None:
        rest = self._held + data
        self._held = b""
        while rest:
            if self._in_frame:
                step = self._frame(rest)
            elif self._delimiter is not None:
                step = self._segment(rest)
            elif self._searched:
                step = self._printable(rest, out)
            else:
                step = self._text(rest, out)
            if step is None:
                return
            rest = rest[step:]

    def _text(self, rest: bytes, out: bytearray) -> int:
        start = _START.search(rest)
        end = start.start() if start is not None else len(rest)
        if self._now < self._framed_until and (stray := _STRAY.search(rest, 0, end)) is not None:
            out += rest[: stray.start()]
            self._in_frame, self._is_guess, self._is_every = True, True, False
            self._delimiter = self._last_delimiter
            return stray.start()
        out += rest[:end]
        if start is None:
            return end
        at = end
        if rest[at] in _DELIMITERS:
            self._delimiter = rest[at]
            self.hidden_bytes += 1
            return at + 1
        self._searched = 1
        return at

    def _segment(self, rest: bytes) -> int | None:
        """Behind a delimiter: a frame, or text."""
        assert self._delimiter is not None
        if rest[0] == self._delimiter:
            self.hidden_bytes += 1
            return 1
        if len(rest) < 2:
            self._held = rest
            return None
        kind = rest[1] if rest[1] in _KINDS else _CODES[self._delimiter].get(rest[0])
        if kind is not None:
            self._in_frame = True
            self._is_every = kind == _EVERY
        elif rest[0] in _DELIMITERS:
            self._delimiter = rest[0]
            self.hidden_bytes += 1
            return 1
        else:
            self._delimiter = None
        return 0

    def _frame(self, rest: bytes) -> int | None:
        assert self._delimiter is not None
        found = rest.find(self._delimiter)
        end = found if found >= 0 else len(rest)
        if not self._is_every and (text := _RUN.search(rest, 0, end)) is not None:
            self.hidden_bytes += text.start()
            self._become_text()
            return text.start()
        if found < 0:
            # A run may be cut by the end of what is here.
            self._held = rest[-(_RUN_BYTES - 1) :]
            self.hidden_bytes += len(rest) - len(self._held)
            return None
        self.frames += 1
        self.hidden_bytes += end + 1
        self._in_frame = self._is_guess = False
        self._delimiter = self._last_delimiter = rest[end]
        self._framed_until = self._now + _FRAME_SECONDS
        return end + 1

    def _printable(self, rest: bytes, out: bytearray) -> int | None:
        """From a brace on: `{` opens, and `}` may be the guard before it."""
        start = 1 if rest[:1] == b"}" else 0
        front = rest[start : start + 2]
        if front in (b"", b"{"):
            self._held = rest
            return None
        end = 1
        if front in _PRINTABLE_FRONTS:
            other = _NOT_BASE64.search(rest, max(self._searched, start + 2))
            if other is None and len(rest) <= _LONGEST_PRINTABLE:
                self._held = rest
                self._searched = len(rest)
                return None
            end = other.start() if other is not None else len(rest)
            if rest[end : end + 1] == b"}" and end - start >= _SHORTEST_PRINTABLE:
                self.frames += 1
                self.hidden_bytes += end + 1
                self._searched = 0
                return end + 1
        out += rest[:end]
        self._searched = 0
        return end
