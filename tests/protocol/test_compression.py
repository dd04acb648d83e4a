"""Compressed streams: whole again however cut, and no bomb, damage or flood gets through."""

import random
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardpost.errors import RemoteProtocolError
from guardpost.protocol.compression import Deflater, Inflater
from guardpost.protocol.fields import varint
from guardpost.protocol.limits import BLOCK_MAX_BYTES, BLOCK_PLAIN_MAX_BYTES

PLENTY = 1 << 30
LINE = b"Nov 23 12:00:00 host sshd[4711]: Accepted publickey for root from 192.0.2.7\n"
NOISE = random.Random(1).randbytes(20 * 1024)


def deflated_block(plain: bytes, flush: int = zlib.Z_SYNC_FLUSH) -> bytes:
    """One block on its own, as a peer could make it."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    raw = deflate.compress(plain) + deflate.flush(flush)
    if flush == zlib.Z_SYNC_FLUSH:
        raw = raw[:-4]
    return varint(len(raw) * 2 + 1) + raw


def stored_block(plain: bytes) -> bytes:
    return varint(len(plain) * 2) + plain


PIECES = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=400),
        st.integers(1, 30).map(lambda count: LINE * count),
        st.integers(0, 3000).map(lambda at: NOISE[at : at + 300]),
    ),
    max_size=12,
)


@given(PIECES, st.lists(st.integers(0, 6000), max_size=10))
@settings(max_examples=60)
def test_a_stream_may_be_cut_anywhere(pieces: list[bytes], cuts: list[int]) -> None:
    deflater, inflater = Deflater(), Inflater()
    wire = b"".join(map(deflater.block, pieces))
    got, done = b"", 0
    for cut in [*sorted(cuts), len(wire)]:
        if cut >= done:
            got += inflater.feed(wire[done:cut], PLENTY)
            done = min(cut, len(wire))
    assert got == b"".join(pieces)
    assert not inflater.holding


def test_a_stream_may_be_cut_at_every_byte() -> None:
    deflater, inflater = Deflater(), Inflater()
    wire = deflater.block(LINE) + deflater.block(b"!") + deflater.block(LINE * 3)
    got = b""
    for octet in wire:
        got += inflater.feed(bytes((octet,)), PLENTY)
    assert got == LINE + b"!" + LINE * 3


def test_what_came_before_helps() -> None:
    deflater = Deflater()
    first, second = len(deflater.block(LINE * 3)), len(deflater.block(LINE * 3))
    assert second < first / 4


def test_what_does_not_shrink_is_stored_and_then_not_even_tried() -> None:
    deflater = Deflater()
    assert deflater.block(NOISE[:1000]) == stored_block(NOISE[:1000])
    blocks = [deflater.block(LINE * 10) for _ in range(16)]
    assert blocks[:15] == [stored_block(LINE * 10)] * 15
    assert len(blocks[15]) < 200


def test_a_keystroke_that_does_not_shrink_stops_no_deflating() -> None:
    deflater = Deflater()
    assert deflater.block(b"x") == stored_block(b"x")
    assert len(deflater.block(LINE * 10)) < 200


def test_stored_blocks_do_not_enter_the_context() -> None:
    deflater, inflater = Deflater(), Inflater()
    for plain in (LINE, NOISE[:1000], *[LINE] * 16, NOISE[1000:2000], LINE):
        assert inflater.feed(deflater.block(plain), PLENTY) == plain


@pytest.mark.parametrize("plain", [b"x", LINE, NOISE[:BLOCK_MAX_BYTES], b"a" * BLOCK_MAX_BYTES])
def test_a_block_is_never_much_longer_than_what_is_in_it(plain: bytes) -> None:
    """A short one may grow by 7 bytes, which the next one like it pays back; none ever doubles."""
    size = len(Deflater().block(plain))
    lesson = 7 if 16 <= len(plain) < 256 else 0
    assert size <= len(plain) + len(varint(2 * len(plain))) + lesson
    assert size <= 2 * len(plain)


def test_single_short_lines_learn_from_each_other() -> None:
    deflater = Deflater()
    lines = [
        b"Nov 23 12:%02d:00 web01 sshd[%d]: session opened\n" % (n, 4000 + n) for n in range(60)
    ]
    assert sum(len(deflater.block(line)) for line in lines) * 3 < sum(map(len, lines))


def test_a_bomb_is_found_before_it_expands() -> None:
    bomb = deflated_block(bytes(10 << 20))
    assert len(bomb) < BLOCK_MAX_BYTES
    with pytest.raises(RemoteProtocolError, match="too far"):
        Inflater().feed(bomb, PLENTY)


def test_a_block_may_use_exactly_the_room_there_is() -> None:
    for make in (deflated_block, stored_block):
        assert Inflater().feed(make(LINE), len(LINE)) == LINE
        with pytest.raises(RemoteProtocolError):
            Inflater().feed(make(LINE), len(LINE) - 1)


def test_many_blocks_share_one_room() -> None:
    inflater = Inflater()
    with pytest.raises(RemoteProtocolError):
        inflater.feed(stored_block(b"abc") * 4, 11)


def test_a_block_expands_to_64_kib_at_most() -> None:
    most = bytes(BLOCK_PLAIN_MAX_BYTES)
    assert Inflater().feed(deflated_block(most), PLENTY) == most
    with pytest.raises(RemoteProtocolError):
        Inflater().feed(deflated_block(most + b"\0"), PLENTY)


@pytest.mark.parametrize(
    "wire",
    [varint(0), varint(1), varint(2 * BLOCK_MAX_BYTES + 2), b"\x80" * 4, b"\xff" * 9],
    ids=["stored nothing", "deflated nothing", "too long", "endless", "huge"],
)
def test_a_bad_length_is_a_violation(wire: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        Inflater().feed(wire, PLENTY)


def test_deflate_may_not_end_itself() -> None:
    with pytest.raises(RemoteProtocolError):
        Inflater().feed(deflated_block(LINE, zlib.Z_FINISH), PLENTY)


@given(st.binary(max_size=200), st.integers(0, 1000))
def test_any_bytes_are_a_stream_or_a_violation(wire: bytes, room: int) -> None:
    inflater = Inflater()
    try:
        assert len(inflater.feed(wire, room)) <= room
    except RemoteProtocolError:
        pass


@given(st.integers(0, 250), st.integers(1, 255))
def test_damage_is_a_violation_or_other_bytes_within_the_room(at: int, change: int) -> None:
    wire = bytearray(deflated_block(LINE * 3 + NOISE[:200]))
    wire[at % len(wire)] ^= change
    try:
        assert len(Inflater().feed(bytes(wire), 1000)) <= 1000
    except RemoteProtocolError:
        pass


def test_an_unfinished_block_is_held() -> None:
    inflater = Inflater()
    assert inflater.feed(stored_block(b"abc")[:-1], PLENTY) == b""
    assert inflater.holding
    assert inflater.feed(b"c", PLENTY) == b"abc"
    assert not inflater.holding
