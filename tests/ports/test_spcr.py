"""The firmware's table of its console: every revision, and every way of being damaged."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.spcr import spcr_table

from guardpost.ports.spcr import AddressSpace, Spcr, parse_spcr

REVISIONS = [1, 2, 3, 4]


def with_checksum(table: bytes) -> bytes:
    """The same with byte 9 such that all add up to zero."""
    head, tail = table[:9], table[10:]
    return head + bytes([-sum(head + tail) & 0xFF]) + tail


def changed(table: bytes, offset: int, data: bytes) -> bytes:
    return with_checksum(table[:offset] + data + table[offset + len(data) :])


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_port_by_io_address(revision: int) -> None:
    found = parse_spcr(spcr_table(0x2F8, irq=3, revision=revision))
    assert found == Spcr(revision, "16550", AddressSpace.IO, 0x2F8, None, 115200)
    assert found.place == "I/O 0x2f8"


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_port_in_memory(revision: int) -> None:
    found = parse_spcr(spcr_table(0x9000000, io=False, interface=3, revision=revision))
    assert found is not None
    assert (found.interface, found.place) == ("PL011", "memory 0x9000000")


def test_a_pci_device_by_its_place() -> None:
    found = parse_spcr(spcr_table(0xF0A0, pci=(0x8086, 0x9D3D, 0, 0x16, 3)))
    assert found is not None
    assert found.pci == (0, 0, 0x16, 3)


@pytest.mark.parametrize(
    "vendor, device, slot, function",
    [(0xFFFF, 0xFFFF, 0, 0), (0, 0, 0, 0), (0x8086, 0x9D3D, 32, 0), (0x8086, 0x9D3D, 0, 8)],
)
def test_what_cannot_be_a_place_on_the_bus_is_none(
    vendor: int, device: int, slot: int, function: int
) -> None:
    found = parse_spcr(spcr_table(0x3F8, pci=(vendor, device, 0, slot, function)))
    assert found is not None
    assert found.pci is None


@pytest.mark.parametrize("baud, said", [(9600, 9600), (19200, 19200), (57600, 57600), (0, None)])
def test_the_speed_by_its_number(baud: int, said: int | None) -> None:
    found = parse_spcr(spcr_table(0x3F8, baud=baud))
    assert found is not None
    assert found.baud == said


def test_the_exact_speed_of_revision_4_goes_before_the_number() -> None:
    found = parse_spcr(spcr_table(0x3F8, revision=4, baud=1_500_000))
    assert found is not None
    assert found.baud == 1_500_000


@pytest.mark.parametrize("path, said", [("\\_SB.PC00.UAR1", "\\_SB.PC00.UAR1"), (".", "")])
def test_the_devices_path_of_revision_4(path: str, said: str) -> None:
    found = parse_spcr(spcr_table(0x3F8, revision=4, acpi_path=path))
    assert found is not None
    assert found.acpi_path == said


@pytest.mark.parametrize("length, offset", [(0, 88), (20, 84), (9, 0xFFF0), (0xFFFF, 88)])
def test_a_path_that_points_outside_is_none(length: int, offset: int) -> None:
    table = spcr_table(0x3F8, revision=4, acpi_path="\\_SB.UAR1")[:90]
    table = changed(table, 4, struct.pack("<I", len(table)))
    found = parse_spcr(changed(table, 84, struct.pack("<HH", length, offset)))
    assert found is not None
    assert len(found.acpi_path) < 8


def test_a_table_of_zeros_means_that_redirection_is_off() -> None:
    table = spcr_table(0)
    assert parse_spcr(changed(table, 40, bytes(12))) is None


@pytest.mark.parametrize(
    "table",
    [
        b"",
        b"SPCR",
        spcr_table(0x3F8)[:75],
        b"SSDT" + spcr_table(0x3F8)[4:],
        spcr_table(0x3F8)[:-1] + b"\1",
        changed(spcr_table(0x3F8), 4, struct.pack("<I", 4096)),
        changed(spcr_table(0x3F8), 4, struct.pack("<I", 40)),
    ],
    ids=["nothing", "a name", "cut", "another table", "a bad sum", "too long", "too short"],
)
def test_what_is_no_such_table_is_none(table: bytes) -> None:
    assert parse_spcr(table) is None


def test_bytes_after_the_table_do_not_count() -> None:
    assert parse_spcr(spcr_table(0x3F8) + b"\xff" * 9) == parse_spcr(spcr_table(0x3F8))


@given(
    st.sampled_from(REVISIONS),
    st.lists(st.tuples(st.integers(8, 120), st.integers(0, 255)), max_size=12),
    st.integers(0, 140),
)
def test_no_table_is_an_error(revision: int, flips: list[tuple[int, int]], length: int) -> None:
    """Whatever firmware writes, with a right sum and a right length, gives a Spcr or None."""
    table = bytearray(spcr_table(0x3F8, revision=revision, acpi_path="\\_SB.PC00.LPC0.UAR1"))
    for offset, value in flips:
        if offset < len(table):
            table[offset] = value
    table = table[:length].ljust(min(length, 80), b"\0")
    if len(table) >= 10:
        table[4:8] = struct.pack("<I", len(table))
        table = bytearray(with_checksum(bytes(table)))
    found = parse_spcr(bytes(table))
    assert found is None or (found.place and found.acpi_path.isprintable())


@given(st.binary(max_size=200))
def test_no_bytes_are_an_error(data: bytes) -> None:
    assert parse_spcr(data) is None or data.startswith(b"SPCR")
