"""Captures: what was written is read back, by us and (test_cmd_trace.py) by tshark."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.console.pcapng import MAGIC, blocks_of, header, packet, packets


def read(data: bytes) -> list[tuple[float, bytes]]:
    return list(packets(io.BytesIO(data)))


def test_packets_come_back_with_their_times() -> None:
    file = header("serial:/dev/ttyS0", "guardpost 1")
    sent = [(1_700_000_000.123456, b""), (1_700_000_001.5, b"abc"), (0.0, bytes(range(256)))]
    for when, data in sent:
        file += packet(when, data, inbound=True)
    assert file.startswith(MAGIC)
    assert [kind for kind, _, _ in blocks_of(io.BytesIO(file))] == [0x0A0D0D0A, 1, 6, 6, 6]
    assert read(file) == [(pytest.approx(when, abs=1e-6), data) for when, data in sent]


def test_the_bytes_are_those_of_the_draft() -> None:
    assert packet(1.0, b"abcde", inbound=False).hex() == (
        "06000000" "34000000" "00000000" "00000000" "00ca9a3b" "05000000" "05000000"
        "6162636465000000" "0200040002000000" "00000000" "34000000"
    )  # fmt: skip


def test_another_byte_order_and_foreign_interfaces_are_read_past() -> None:
    def block(kind: int, body: bytes) -> bytes:
        length = struct.pack(">I", len(body) + 12)
        return struct.pack(">I", kind) + length + body + length

    file = block(0x0A0D0D0A, struct.pack(">IHHq", 0x1A2B3C4D, 1, 0, -1))
    file += block(1, struct.pack(">HHI", 1, 0, 0)) + block(1, struct.pack(">HHI", 147, 0, 0))
    file += block(0x0BAD, b"\0" * 8)
    file += block(6, struct.pack(">5I", 0, 0, 5, 4, 4) + b"ether"[:4])
    file += block(6, struct.pack(">5I", 1, 0, 2_000_000, 4, 4) + b"ours")
    assert read(file) == [(2.0, b"ours")]


def test_a_capture_that_was_cut_ends_with_its_last_whole_packet() -> None:
    file = header("x", "y") + packet(1.0, b"one", inbound=True)
    whole = len(file)
    file += packet(2.0, b"two", inbound=True)
    for cut in range(whole, len(file)):
        assert [data for _, data in read(file[:cut])] == [b"one"]


def test_a_time_that_nobody_could_show_is_refused() -> None:
    in_seconds = header("x", "y").replace(b"\x09\0\x01\0\x09", b"\x09\0\x01\0\0")
    late = bytearray(packet(1.0, b"one", inbound=True))
    late[12:20] = b"\xff" * 8
    with pytest.raises(ValueError, match="no clock"):
        read(in_seconds + late)


@given(st.binary(max_size=200), st.integers(0, 120), st.integers(0, 255))
def test_any_file_is_read_or_refused(tail: bytes, at: int, value: int) -> None:
    file = bytearray(header("x", "y") + packet(1.0, b"one", inbound=True) + tail)
    file[at % len(file)] = value
    for data in (tail, bytes(file)):
        try:
            read(data)
        except ValueError:
            pass
