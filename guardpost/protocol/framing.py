"""Frames on a dirty byte stream: docs/protocol.md, "Frames". The work is done in C.

native/framing.h is the manual of the extension. Knows nothing of packets, keys or time. An
Encoder or a Decoder belongs to one thread at a time; different ones may run in different
threads at once.
"""

import enum
from array import array
from typing import TYPE_CHECKING, NamedTuple

from guardpost._framing import ffi, lib
from guardpost.errors import LocalProtocolError

if TYPE_CHECKING:
    from guardpost._framing import CData

__all__ = [
    "BODY_MAX_BYTES",
    "CRC_STATES_MAX",
    "Decoder",
    "Encoder",
    "FORBIDDEN",
    "HEADER_MAX_BYTES",
    "Profile",
    "Residue",
    "Run",
    "crc32c",
    "encoded_max",
]

BODY_MAX_BYTES = lib.GP_BODY_MAX
HEADER_MAX_BYTES = lib.GP_HEADER_MAX
CRC_STATES_MAX = lib.GP_CRC_STATES_MAX

# A read or a flight of 64 KiB is one call into C; at least twice any hold, see gp_decode.
_ARENA_BYTES = 1 << 18
_ARENA_ITEMS = 1024
_SHORT_BODY_BYTES = 1024  # on average: below, copying costs less than a call
_SLACK_BYTES = 32  # behind the worst case, with which the codec is faster: native/framing.h

# Looking a function up in `lib` costs a fifth of the call.
_encode_one, _encode_next = lib.gp_encode_one, lib.gp_encode_next
_decode, _decode_runs = lib.gp_decode, lib.gp_decode_runs


class Profile(enum.IntEnum):
    """Which byte values a path carries, by the number they have in a hello."""

    CLEAN = lib.GP_CLEAN
    XONXOFF = lib.GP_XONXOFF
    CONSOLE = lib.GP_CONSOLE
    PRINTABLE = lib.GP_PRINTABLE

    @property
    def delimiter(self) -> bytes:
        """The byte that ends every frame."""
        return _DELIMITERS[self]


_DELIMITERS = {
    Profile.CLEAN: b"\x00",
    Profile.XONXOFF: b"\x00",
    Profile.CONSOLE: b"\x1e",
    Profile.PRINTABLE: b"}",
}
_CONSOLE = "00 03 04 05 0a 0d 11 13 16 1a 1b 1c 1d 1e 26 7e 7f 91 93 ff"
_PRINTABLE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/{}"

FORBIDDEN: dict[Profile, frozenset[int]] = {
    Profile.CLEAN: frozenset(b"\x00"),
    Profile.XONXOFF: frozenset(b"\x00\x11\x13"),
    Profile.CONSOLE: frozenset(bytes.fromhex(_CONSOLE)),
    Profile.PRINTABLE: frozenset(range(256)) - frozenset(_PRINTABLE),
}
"""The values that never stand inside a frame (the delimiter of the first three is one)."""


class Residue(enum.IntEnum):
    """Why a piece of the line is not a good frame: negative, where a frame has its CRC state."""

    NOT_A_FRAME = lib.GP_NOT_A_FRAME
    BAD_STRUCTURE = lib.GP_BAD_STRUCTURE
    BAD_CRC = lib.GP_BAD_CRC
    OVERLONG = lib.GP_OVERLONG


def crc32c(data: bytes, state: int = 0xFFFFFFFF) -> int:
    """CRC-32C of `data` with the register starting at `state` (RFC 3720, appendix B.4).

    The default state gives the published CRC; `crc32c(b, ~crc32c(a) & 0xFFFFFFFF)` goes on
    after `a`.
    """
    return lib.gp_crc32c(state, data, len(data))


def encoded_max(profile: Profile, n: int) -> int:
    """Size on the line, delimiter included, of the worst body of `n` bytes.

    Raises LocalProtocolError when no frame carries `n` bytes.
    """
    if not 0 <= n <= BODY_MAX_BYTES:
        raise LocalProtocolError(f"a frame cannot carry {n} bytes; send at most {BODY_MAX_BYTES}")
    return lib.gp_encoded_max(profile, n)


# Not filled with zeros first, so that memory nobody uses stays untouched.
_new_bytes = ffi.new_allocator(should_clear_after_alloc=False)


class _Arena:
    """Where one call of ours puts what it found; made once, because that costs more than a call."""

    __slots__ = ("bytes", "count", "descs", "for_runs", "ints", "joined", "out")

    def __init__(self) -> None:
        self.out = _new_bytes("uint8_t[]", _ARENA_BYTES)
        self.bytes = ffi.buffer(self.out)
        self.descs = ffi.new("gp_desc[]", _ARENA_ITEMS)
        self.ints = memoryview(ffi.buffer(self.descs)).cast("B").cast("i")
        self.count = ffi.new("size_t *")
        frames = ffi.new("uint32_t[]", _ARENA_ITEMS)
        self.joined = memoryview(ffi.buffer(frames)).cast("B").cast("I")
        self.for_runs = (self.out, _ARENA_BYTES, self.descs, frames, _ARENA_ITEMS, self.count)


# A call takes one and puts it back, so threads never share one (cffi lets the others run
# during a call) and there are as many as calls were ever running at once.
_arenas: list[_Arena] = []


def _take_arena() -> _Arena:
    try:
        return _arenas.pop()
    except IndexError:
        return _Arena()


def _check_crc_state(state: int) -> int:
    if not 0 <= state <= 0xFFFFFFFF:
        raise LocalProtocolError(f"{state} is not a CRC state; pass 32 bits")
    return state


def _encoding_error(size: int) -> LocalProtocolError:
    if size == lib.GP_ERR_LENGTH:
        return LocalProtocolError(
            f"a frame carries 1 to {BODY_MAX_BYTES} bytes; cut the body into pieces of that size"
        )
    return LocalProtocolError(f"the codec refused to encode ({size}); check counter and segment")


class Encoder:
    """Makes frames of one profile under one CRC state."""

    __slots__ = ("_buffer", "_c", "_frames", "_out", "_taken")

    def __init__(self, profile: Profile, crc_state: int) -> None:
        self._c = ffi.new("gp_encoder *")
        self._c.profile = profile
        self._c.crc_state = _check_crc_state(crc_state)
        self._frames = ffi.new("size_t *")
        self._taken = ffi.new("size_t *")
        self._make_room(lib.gp_encoded_max(profile, 1024) + _SLACK_BYTES)

    def _make_room(self, cap: int) -> None:
        self._out = _new_bytes("uint8_t[]", cap)
        self._buffer = ffi.buffer(self._out)
        self._c.out = self._out
        self._c.cap = cap

    def encode(self, body: bytes) -> bytes:
        """One whole frame, delimiter included.

        Raises LocalProtocolError unless `body` is 1 to BODY_MAX_BYTES long.
        """
        size = _encode_one(self._c, body, len(body))
        if size > 0:
            return self._buffer[:size]
        if size != lib.GP_ERR_CAPACITY:
            raise _encoding_error(size)
        self._make_room(_ARENA_BYTES)
        return self.encode(body)

    def encode_many(self, bodies: list[bytes]) -> bytes:
        """The frames of all bodies, one behind the other; cheaper than one by one.

        Raises LocalProtocolError as `encode` does.
        """
        if self._c.cap < _ARENA_BYTES:
            self._make_room(_ARENA_BYTES)
        lengths = list(map(len, bodies))
        if sum(lengths) < _SHORT_BODY_BYTES * len(bodies):
            return self._encode_short(bodies, lengths)
        parts: list[bytes] = []
        self._c.used = 0
        for body in bodies:
            size = _encode_next(self._c, body, len(body))
            if size == lib.GP_ERR_CAPACITY:
                parts.append(self._buffer[: self._c.used])
                size = _encode_one(self._c, body, len(body))
            if size < 0:
                raise _encoding_error(size)
        parts.append(self._buffer[: self._c.used])
        return b"".join(parts)

    def _encode_short(self, bodies: list[bytes], lengths: list[int]) -> bytes:
        """As one piece of memory in one call."""
        data = ffi.from_buffer(b"".join(bodies))
        in_c = ffi.from_buffer("uint32_t[]", array("I", lengths))
        parts: list[bytes] = []
        done = taken = 0
        while done < len(bodies):
            size = lib.gp_encode_many(
                self._c, data + taken, in_c + done, len(bodies) - done, self._frames
            )
            if size < 0:
                raise _encoding_error(size)
            parts.append(self._buffer[:size])
            taken += sum(lengths[done : done + self._frames[0]])
            done += self._frames[0]
        return b"".join(parts)

    def encode_segments(self, header: bytes, counter_at: int, data: bytes, segment: int) -> bytes:
        """Frames of `header` and `segment` bytes of `data` each; the last may be shorter.

        The 16-bit little-endian counter at `header[counter_at]` is one more in each next
        frame. Raises LocalProtocolError when the counter does not lie in the header, the
        header is longer than HEADER_MAX_BYTES or a body longer than BODY_MAX_BYTES.
        """
        if counter_at < 0 or segment < 1:
            raise _encoding_error(lib.GP_ERR_COUNTER)
        if self._c.cap < _ARENA_BYTES:
            self._make_room(_ARENA_BYTES)
        parts: list[bytes] = []
        taken = 0
        while taken < len(data):
            size = lib.gp_encode_segments(
                self._c,
                header,
                len(header),
                counter_at,
                ffi.from_buffer(data) + taken,
                len(data) - taken,
                segment,
                self._frames,
                self._taken,
            )
            if size < 0:
                raise _encoding_error(size)
            parts.append(self._buffer[:size])
            taken += self._taken[0]
            header = _counted_on(header, counter_at, self._frames[0])
        return b"".join(parts)


def _counted_on(header: bytes, counter_at: int, frames: int) -> bytes:
    counter = int.from_bytes(header[counter_at : counter_at + 2], "little") + frames
    return header[:counter_at] + (counter & 0xFFFF).to_bytes(2, "little") + header[counter_at + 2 :]


class Run(NamedTuple):
    """Frames that go on from each other, or one piece of residue: what `feed_runs` gives.

    `which` is as in `feed`. `header` is that of the first of so many `frames`, and `payload` is
    what they all have behind their headers, in one piece; a frame shorter than a header is all
    `header`, and alone. Residue is a payload of 0 frames.
    """

    which: int
    header: bytes
    frames: int
    payload: bytes


class Decoder:
    """Finds the good frames of one direction; whatever else is there comes out as residue.

    Its memory is bounded: it holds at most one unfinished segment, a little longer than the
    longest frame.
    """

    __slots__ = ("_c", "_hold", "profile")

    def __init__(self, profile: Profile, crc_states: tuple[int, ...]) -> None:
        self.profile = profile
        longest = lib.gp_encoded_max(profile, BODY_MAX_BYTES)
        cap = longest + longest // 32  # room for what paths insert: CR LF every 80 characters
        self._hold = _new_bytes("uint8_t[]", cap)
        self._c = ffi.new("gp_decoder *")
        lib.gp_decoder_init(self._c, profile, self._hold, cap)
        self.set_crc(crc_states)

    def set_crc(self, crc_states: tuple[int, ...]) -> None:
        """From now on a frame is good if its CRC fits one of these states, tried in order.

        Raises LocalProtocolError unless there are 1 to CRC_STATES_MAX of 32 bits.
        """
        if not 1 <= len(crc_states) <= CRC_STATES_MAX:
            raise LocalProtocolError(
                f"{len(crc_states)} CRC states; a decoder takes 1 to {CRC_STATES_MAX}"
            )
        for state in crc_states:
            _check_crc_state(state)
        lib.gp_decoder_set_crc(self._c, ffi.new("uint32_t[]", crc_states), len(crc_states))

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """What `data` completes, in the order of the line.

        (which, body) with which >= 0 is a good frame and the index of its CRC state;
        (reason, raw) with a negative Residue is a piece of text or noise as it stood on the
        line, without delimiters (in PRINTABLE with them, as they are text there). An
        overlong segment comes in several pieces. No bytes make it raise.
        """
        arena = _take_arena()
        raw, count = arena.bytes, arena.count
        items: list[tuple[int, bytes]] = []
        at, end = 0, len(data)
        rest: bytes | CData = data
        while at < end:
            found = _decode(
                self._c, rest, end - at, arena.out, _ARENA_BYTES, arena.descs, _ARENA_ITEMS, count
            )
            numbers = iter(arena.ints[: 3 * found].tolist())
            # strict=True costs as much as the frame.
            for offset, length, which in zip(numbers, numbers, numbers):  # noqa: B905
                items.append((which, raw[offset : offset + length]))
            at += count[0]
            if at < end:
                rest = ffi.from_buffer(data) + at
        _arenas.append(arena)
        return items

    def feed_runs(self, data: bytes, header_bytes: int, counter_at: int) -> list[Run]:
        """As `feed`, with what `encode_segments` cut in pieces put together again.

        Good frames under one CRC state whose first `header_bytes` bytes are the same but for a
        16-bit little-endian counter at `counter_at` that goes up by one are one Run. Whatever does
        not go on from the item before begins a new one; so does the first frame of each call, and
        of each 64 KiB or so.

        Raises LocalProtocolError when the counter does not lie in the header or that is longer
        than HEADER_MAX_BYTES; no bytes make it raise.
        """
        if not 0 <= counter_at <= header_bytes - 2 <= HEADER_MAX_BYTES - 2:
            raise LocalProtocolError(
                f"a counter at {counter_at} does not lie in a header of {header_bytes} bytes, "
                f"of which there are 2 to {HEADER_MAX_BYTES}"
            )
        arena = _take_arena()
        raw = arena.bytes
        runs: list[Run] = []
        at, end = 0, len(data)
        rest: bytes | CData = data
        while at < end:
            found = _decode_runs(self._c, header_bytes, counter_at, rest, end - at, *arena.for_runs)
            numbers = iter(arena.ints[: 3 * found].tolist())
            joined = arena.joined[:found].tolist()
            for frames, start, length, which in zip(joined, numbers, numbers, numbers, strict=True):
                body = start + min(header_bytes, length) if frames else start
                runs.append(Run(which, raw[start:body], frames, raw[body : start + length]))
            at += arena.count[0]
            if at < end:
                rest = ffi.from_buffer(data) + at
        _arenas.append(arena)
        return runs

    @property
    def pending(self) -> int:
        """How many bytes wait for the delimiter of their segment."""
        return lib.gp_decoder_pending(self._c)

    def take_pending(self) -> bytes:
        """Takes the waiting bytes out as residue: text that no delimiter follows.

        What comes next starts a new segment.
        """
        arena = _take_arena()
        taken = arena.bytes[: lib.gp_decoder_take(self._c, arena.out, _ARENA_BYTES)]
        _arenas.append(arena)
        return taken

    @property
    def frames(self) -> int:
        """Good frames so far."""
        return self._c.frames

    @property
    def bad_frames(self) -> int:
        """Segments so far that tried to be a frame and were not good."""
        return self._c.bad_frames

    @property
    def residue_bytes(self) -> int:
        """Bytes handed out so far that were not part of a good frame."""
        return self._c.residue_bytes
