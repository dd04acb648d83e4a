"""ACPI's Serial Port Console Redirection table: the port that the firmware itself talks on.

"Serial Port Console Redirection Table", Microsoft, revisions 1 to 4; the GAS is ACPI's. All
numbers are little-endian. Firmware writes it, so nothing in it is believed before it is checked.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum

__all__ = ["AddressSpace", "Spcr", "parse_spcr"]

_HEADER_BYTES = 36
_CLOCK_AT, _PRECISE_BAUD_AT, _NAME_LENGTH_AT = 76, 80, 84
_SHORTEST = 76  # up to the segment; revision 1 and 2 have 80 bytes
_NOT_PCI = 0xFFFF
_BAUDS = {3: 9600, 4: 19200, 6: 57600, 7: 115200}
_LONGEST_NAME = 256

INTERFACES = {
    **{0: "16550", 1: "16450", 2: "MAX311xE SPI", 3: "PL011", 4: "MSM8x60", 5: "16550 (NVIDIA)"},
    **{6: "OMAP", 8: "APM88xxxx", 9: "MSM8974", 10: "SAM5250", 12: "i.MX6"},
    **{13: "SBSA (32 bit)", 14: "SBSA", 15: "ARM DCC", 16: "BCM2835", 17: "SDM845"},
    **{18: "16550", 19: "SDM845", 20: "Intel LPSS"},
}
"""Interface type -> what kind of UART; of revision 2 on, the numbers of the DBG2 table."""


class AddressSpace(IntEnum):
    MEMORY = 0
    IO = 1


@dataclass(frozen=True, slots=True)
class Spcr:
    """`baud` None: as the firmware left it. `space` None: neither memory nor I/O."""

    revision: int
    interface: str
    space: AddressSpace | None
    address: int
    pci: tuple[int, int, int, int] | None
    """Segment, bus, device, function."""
    baud: int | None
    acpi_path: str = ""
    """Of the device, in revision 4."""

    @property
    def place(self) -> str:
        if self.space is AddressSpace.IO:
            return f"I/O {self.address:#x}"
        if self.space is AddressSpace.MEMORY:
            return f"memory {self.address:#x}"
        return "an address of another kind"


def parse_spcr(table: bytes) -> Spcr | None:
    """None when this is no such table, a damaged one, or one that says "no redirection"."""
    if len(table) < _SHORTEST or table[:4] != b"SPCR":
        return None
    length, revision = struct.unpack_from("<IB", table, 4)
    if not _SHORTEST <= length <= len(table) or sum(table[:length]) & 0xFF:
        return None
    table = table[:length]
    kind, space, width, address = struct.unpack_from("<B3xBB2xQ", table, _HEADER_BYTES)
    pci = _pci(table)
    if not (address or width or space or pci):
        return None  # a table of zeros: redirection is switched off
    return Spcr(
        revision,
        INTERFACES.get(kind, f"kind {kind}"),
        AddressSpace(space) if space in (0, 1) else None,
        address,
        pci,
        _baud(table, revision),
        _acpi_path(table) if revision >= 4 else "",
    )


def _pci(table: bytes) -> tuple[int, int, int, int] | None:
    device_id, vendor_id, bus, device, function = struct.unpack_from("<HHBBB", table, 64)
    if _NOT_PCI in (device_id, vendor_id) or not vendor_id or device > 31 or function > 7:
        return None
    return table[75], bus, device, function


def _baud(table: bytes, revision: int) -> int | None:
    if revision >= 4 and len(table) >= _NAME_LENGTH_AT:
        (precise,) = struct.unpack_from("<I", table, _PRECISE_BAUD_AT)
        if precise:
            return int(precise)
    return _BAUDS.get(table[58])


def _acpi_path(table: bytes) -> str:
    if len(table) < _NAME_LENGTH_AT + 4:
        return ""
    length, offset = struct.unpack_from("<HH", table, _NAME_LENGTH_AT)
    if not 0 < length <= _LONGEST_NAME or offset + length > len(table):
        return ""
    text = table[offset : offset + length].split(b"\0")[0]
    name = text.decode("ascii", "replace")
    return name if name.isprintable() and name != "." else ""
