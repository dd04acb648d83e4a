"""Frames on a dirty byte stream: docs/protocol.md, "Frames". The work is done in C.

The only importer of the extension; native/framing.h is its manual. Knows nothing of
packets, keys or time. An Encoder or a Decoder belongs to one thread at a time; different
ones may run in different threads at once.
"""

import enum
from array import array

from guardpost._framing import ffi, lib
from guardpost.errors import LocalProtocolError

__all__ = [
    "BODY_MAX_BYTES",
    "CRC_STATES_MAX",
    "Decoder",
    "Encoder",
    "FORBIDDEN",
    "HEADER_MAX_BYTES",
    "Profile",
    "Residue",
    "crc32c",
    "encoded_max",
]

BODY_MAX_BYTES = lib.GP_BODY_MAX
HEADER_MAX_BYTES = lib.GP_HEADER_MAX
CRC_STATES_MAX = lib.GP_CRC_STATES_MAX

_ARENA_BYTES = 65536  # what most reads and flights come to; at least twice any hold, see gp_decode
_ARENA_ITEMS = 1024


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


class _Arena:
    """Where one call of ours puts what it found; made once, because that costs more than a call."""

    __slots__ = ("bytes", "count", "descs", "ints", "lengths", "out", "taken", "words")

    def __init__(self) -> None:
        self.out = ffi.new("uint8_t[]", _ARENA_BYTES)
        self.bytes = ffi.buffer(self.out)
        self.descs = ffi.new("gp_desc[]", _ARENA_ITEMS)
        self.ints = memoryview(ffi.buffer(self.descs)).cast("B").cast("i")
        self.lengths = ffi.new("uint32_t[]", _ARENA_ITEMS)
        self.words = memoryview(ffi.buffer(self.lengths)).cast("B").cast("I")
        self.count = ffi.new("size_t *")
        self.taken = ffi.new("size_t *")


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

    __slots__ = ("_buffer", "_cap", "_out", "_profile", "_state")

    def __init__(self, profile: Profile, crc_state: int) -> None:
        self._profile = int(profile)
        self._state = _check_crc_state(crc_state)
        self._make_room(1024)

    def _make_room(self, body_bytes: int) -> None:
        self._cap = lib.gp_encoded_max(self._profile, body_bytes)
        self._out = ffi.new("uint8_t[]", self._cap)
        self._buffer = ffi.buffer(self._out)

    def encode(self, body: bytes) -> bytes:
        """One whole frame, delimiter included.

        Raises LocalProtocolError unless `body` is 1 to BODY_MAX_BYTES long.
        """
        size = lib.gp_encode_one(
            self._profile, self._state, ffi.NULL, 0, body, len(body), self._out, self._cap
        )
        if size < 0:
            if size != lib.GP_ERR_CAPACITY:
                raise _encoding_error(size)
            self._make_room(BODY_MAX_BYTES)
            return self.encode(body)
        return self._buffer[:size]

    def encode_many(self, bodies: list[bytes]) -> bytes:
        """The frames of all bodies, one behind the other; cheaper than one by one.

        Raises LocalProtocolError as `encode` does.
        """
        arena = _take_arena()
        parts: list[bytes] = []
        done = 0
        while done < len(bodies):
            batch = bodies[done : done + _ARENA_ITEMS]
            arena.words[: len(batch)] = array("I", map(len, batch))
            size = lib.gp_encode_many(
                self._profile,
                self._state,
                b"".join(batch),
                arena.lengths,
                len(batch),
                arena.out,
                _ARENA_BYTES,
                arena.count,
            )
            if size < 0:
                raise _encoding_error(size)
            parts.append(arena.bytes[:size])
            done += arena.count[0]
        _arenas.append(arena)
        return b"".join(parts)

    def encode_segments(self, header: bytes, counter_at: int, data: bytes, segment: int) -> bytes:
        """Frames of `header` and `segment` bytes of `data` each; the last may be shorter.

        The 16-bit little-endian counter at `header[counter_at]` is one more in each next
        frame. Raises LocalProtocolError when the counter does not lie in the header, the
        header is longer than HEADER_MAX_BYTES or a body longer than BODY_MAX_BYTES.
        """
        if counter_at < 0 or segment < 1:
            raise _encoding_error(lib.GP_ERR_COUNTER)
        arena = _take_arena()
        parts: list[bytes] = []
        while data:
            size = lib.gp_encode_segments(
                self._profile,
                self._state,
                header,
                len(header),
                counter_at,
                data,
                len(data),
                segment,
                arena.out,
                _ARENA_BYTES,
                arena.count,
                arena.taken,
            )
            if size < 0:
                raise _encoding_error(size)
            parts.append(arena.bytes[:size])
            data = data[arena.taken[0] :]
            header = _counted_on(header, counter_at, arena.count[0])
        _arenas.append(arena)
        return b"".join(parts)


def _counted_on(header: bytes, counter_at: int, frames: int) -> bytes:
    counter = int.from_bytes(header[counter_at : counter_at + 2], "little") + frames
    return header[:counter_at] + (counter & 0xFFFF).to_bytes(2, "little") + header[counter_at + 2 :]


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
        self._hold = ffi.new("uint8_t[]", cap)
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
        c, raw, ints, count = self._c, arena.bytes, arena.ints, arena.count
        items: list[tuple[int, bytes]] = []
        while data:
            found = lib.gp_decode(
                c, data, len(data), arena.out, _ARENA_BYTES, arena.descs, _ARENA_ITEMS, count
            )
            numbers = iter(ints[: 3 * found].tolist())
            # strict=True and a comprehension each cost as much as the frame.
            for offset, length, which in zip(numbers, numbers, numbers):  # noqa: B905
                items.append((which, raw[offset : offset + length]))
            data = data[count[0] :]
        _arenas.append(arena)
        return items

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
