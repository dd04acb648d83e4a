"""Integers and byte strings, there and back; nothing but RemoteProtocolError for what is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.errors import LocalProtocolError, RemoteProtocolError
from guardpost.protocol.fields import Reader, u32, varint

LARGEST = (1 << 63) - 1


@pytest.mark.parametrize(
    "value, raw",
    [
        (0, "00"),
        (127, "7f"),
        (128, "8001"),
        (300, "ac02"),
        (16383, "ff7f"),
        (16384, "808001"),
        (LARGEST, "ffffffffffffffff7f"),
    ],
)
def test_a_varint_is_leb128(value: int, raw: str) -> None:
    assert varint(value).hex() == raw
    assert Reader(bytes.fromhex(raw)).varint() == value


@given(st.lists(st.integers(0, LARGEST), max_size=8))
def test_varints_stand_one_behind_the_other(values: list[int]) -> None:
    reader = Reader(b"".join(map(varint, values)))
    assert [reader.varint() for _ in values] == values
    assert not reader


@pytest.mark.parametrize("value", [-1, LARGEST + 1])
def test_what_is_no_varint_is_our_own_fault(value: int) -> None:
    with pytest.raises(LocalProtocolError):
        varint(value)


def test_a_tenth_octet_is_refused() -> None:
    with pytest.raises(RemoteProtocolError):
        Reader(b"\x80" * 9 + b"\x01").varint()


@given(st.integers(0, LARGEST))
def test_every_cut_varint_is_refused(value: int) -> None:
    raw = varint(value)
    for size in range(len(raw)):
        with pytest.raises(RemoteProtocolError):
            Reader(raw[:size]).varint()


def test_a_u32_wraps_and_is_little_endian() -> None:
    assert u32(0x1_0203_0405) == bytes((5, 4, 3, 2))
    assert Reader(u32(0xFFFFFFFF)).u32() == 0xFFFFFFFF


def test_fields_end_early() -> None:
    for take in (Reader.u8, Reader.u32, lambda reader: Reader.take(reader, 1)):
        with pytest.raises(RemoteProtocolError):
            take(Reader(b""))
    with pytest.raises(RemoteProtocolError):
        Reader(b"\x05abcd").text(80)


def test_the_rest_is_everything_that_is_left() -> None:
    reader = Reader(b"abcdef")
    assert (reader.take(2), reader.rest(), reader.rest()) == (b"ab", b"cdef", b"")
    assert not reader


def test_a_text_has_a_limit_and_what_is_not_utf_8_is_replaced() -> None:
    assert Reader(b"\x03a\xc3\xa4").text(3) == "aä"
    assert Reader(b"\x02\xff!").text(80) == "\ufffd!"
    with pytest.raises(RemoteProtocolError):
        Reader(b"\x04abcd").text(3)
