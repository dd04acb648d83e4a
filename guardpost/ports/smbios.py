"""SMBIOS: who made this machine, and whether a management controller (BMC) sits in it.

DMTF DSP0134: structures of type, length, handle, their fields, then strings that end in two NULs.
Firmware writes it: a structure that does not fit ends the walk, and what was found so far counts.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Smbios", "parse_smbios", "structures"]

_SYSTEM, _BOARD, _IPMI, _END = 1, 2, 38, 127
_INTERFACES = {1: "KCS", 2: "SMIC", 3: "BT", 4: "SSIF"}
_STRUCTURES_MAX = 4096


@dataclass(frozen=True, slots=True)
class Smbios:
    """`bmc` is the IPMI interface's kind (KCS, ...), empty where there is none."""

    vendor: str = ""
    product: str = ""
    board_vendor: str = ""
    board: str = ""
    bmc: str = ""


@dataclass(frozen=True, slots=True)
class Structure:
    kind: int
    body: bytes
    """From the type byte on, without the strings."""
    strings: tuple[str, ...]

    def text(self, offset: int) -> str:
        """The string that the number at `offset` names."""
        number = self.body[offset] if offset < len(self.body) else 0
        return self.strings[number - 1] if 0 < number <= len(self.strings) else ""


def parse_smbios(table: bytes) -> Smbios:
    """What the structures say; empty fields where they say nothing."""
    vendor = product = board_vendor = board = bmc = ""
    for each in structures(table):
        if each.kind == _SYSTEM:
            vendor, product = each.text(4), each.text(5)
        elif each.kind == _BOARD and not board_vendor:
            board_vendor, board = each.text(4), each.text(5)
        elif each.kind == _IPMI and len(each.body) > 4:
            bmc = _INTERFACES.get(each.body[4], "of an unknown kind")
    return Smbios(vendor, product, board_vendor, board, bmc)


def structures(table: bytes) -> Iterator[Structure]:
    at = 0
    for _ in range(_STRUCTURES_MAX):
        if at + 4 > len(table):
            return
        kind, length = struct.unpack_from("<BB", table, at)
        end = table.find(b"\0\0", at + length)
        if length < 4 or end < 0:
            return
        strings = table[at + length : end].split(b"\0") if end > at + length else []
        yield Structure(kind, table[at : at + length], tuple(map(_printable, strings)))
        if kind == _END:
            return
        at = end + 2


def _printable(raw: bytes) -> str:
    return "".join(c for c in raw.decode("utf-8", "replace") if c.isprintable()).strip()
