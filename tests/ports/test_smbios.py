"""What SMBIOS says of a machine, and what damaged tables cannot do."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.machine_tree import dmi_table

from guardpost.ports.smbios import Smbios, parse_smbios, structures

END = struct.pack("<BBH", 127, 4, 9) + b"\0\0"


def test_a_server_with_a_bmc() -> None:
    found = parse_smbios(dmi_table("Dell Inc.", "PowerEdge R740", bmc=True))
    assert found == Smbios(vendor="Dell Inc.", product="PowerEdge R740", bmc="KCS")


def test_a_laptop_without_one() -> None:
    assert parse_smbios(dmi_table("LENOVO", "20HES0")).bmc == ""


@pytest.mark.parametrize("kind, said", [(2, "SMIC"), (3, "BT"), (4, "SSIF"), (9, "of an unknown")])
def test_every_interface_of_a_bmc(kind: int, said: str) -> None:
    table = struct.pack("<BBHB13x", 38, 18, 1, kind) + b"\0\0" + END
    assert parse_smbios(table).bmc.startswith(said)


def test_the_board_when_the_system_has_no_name() -> None:
    board = struct.pack("<BBHBB", 2, 6, 1, 1, 2) + b"Supermicro\0X11DPi\0\0"
    found = parse_smbios(board + END)
    assert (found.vendor, found.board_vendor, found.board) == ("", "Supermicro", "X11DPi")


def test_nothing_after_the_end_counts() -> None:
    assert parse_smbios(END + dmi_table("Dell Inc.", "R740")) == Smbios()


@pytest.mark.parametrize("number", [0, 3, 255])
def test_a_string_that_is_not_there_is_empty(number: int) -> None:
    table = struct.pack("<BBHBB", 1, 6, 1, number, 2) + b"A\0B\0\0" + END
    found = parse_smbios(table)
    assert (found.vendor, found.product) == ("", "B")


def test_a_table_that_breaks_off_keeps_what_was_before() -> None:
    whole = dmi_table("Dell Inc.", "PowerEdge R740", bmc=True)
    for length in range(len(whole)):
        found = parse_smbios(whole[:length])
        assert found.vendor in ("", "Dell Inc.")
    assert parse_smbios(whole[:-7]).vendor == "Dell Inc."


def test_a_structure_shorter_than_its_head_ends_the_walk() -> None:
    assert list(structures(struct.pack("<BBH", 1, 0, 0) * 8 + b"\0\0")) == []


def test_what_is_no_text_is_left_out_of_names() -> None:
    assert parse_smbios(dmi_table("Dell\x1b[31m Inc.", "R\t740")).vendor == "Dell[31m Inc."


@given(st.binary(max_size=300))
def test_no_bytes_are_an_error(data: bytes) -> None:
    found = parse_smbios(data)
    assert all(text.isprintable() for text in (found.vendor, found.product, found.board))


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 255)), max_size=8))
def test_no_damage_is_an_error(flips: list[tuple[int, int]]) -> None:
    table = bytearray(dmi_table("Dell Inc.", "PowerEdge R740", bmc=True))
    for offset, value in flips:
        table[offset % len(table)] = value
    assert parse_smbios(bytes(table)).vendor.isprintable()
