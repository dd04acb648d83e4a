"""An ACPI SPCR table, which tells an operating system where its serial console is.

Written from Microsoft's "Serial Port Console Redirection Table", revisions 1 to 4.
QEMU's machines have none of their own; `-acpitable file=` gives them this one.
"""

import struct

__all__ = ["spcr_table"]

SYSTEM_MEMORY, SYSTEM_IO = 0, 1
NO_PCI = (0xFFFF, 0xFFFF, 0, 0, 0)
BAUDS = {9600: 3, 19200: 4, 57600: 6, 115200: 7}


def spcr_table(
    address: int,
    *,
    io: bool = True,
    irq: int = 0,
    revision: int = 2,
    interface: int = 0,
    pci: tuple[int, int, int, int, int] = NO_PCI,
    baud: int = 115200,
    acpi_path: str = ".",
) -> bytes:
    """The whole table, header and checksum included.

    `address`: the UART's first register, an I/O port or (`io` False) in memory; `irq`: of an
    8259; `interface`: the UART's kind, 0 is a 16550; `pci`: vendor, device, bus, slot, function;
    `baud`: exactly from revision 3 on, else of those the table has a number for; `acpi_path`: of
    the device, in revision 4, "." where the firmware has no name for it.
    """
    space = SYSTEM_IO if io else SYSTEM_MEMORY
    body = struct.pack("<B3x", interface)
    body += struct.pack("<BBBBQ", space, 8, 0, 1, address)
    none, one_stop_bit, no_flow_control, vt100 = 0, 1, 0, 0
    body += struct.pack("<BBI", 1 if irq else 0, irq, irq)
    body += struct.pack(
        "<BBBBBB", BAUDS.get(baud, 0), none, one_stop_bit, no_flow_control, vt100, 0
    )
    body += struct.pack("<HHBBBIB", *pci, 0, 0)
    body += struct.pack("<I", 1843200 if revision >= 3 else 0)
    if revision >= 3:
        body += struct.pack("<I", baud)
    if revision >= 4:
        name = acpi_path.encode() + b"\0"
        body += struct.pack("<HH", len(name), 36 + len(body) + 4) + name
    head = _head(36 + len(body), revision, 0)
    return _head(36 + len(body), revision, -sum(head + body) & 0xFF) + body


def _head(length: int, revision: int, checksum: int) -> bytes:
    names = (b"GUARDP", b"GPSPCR  ", 1, b"GPST", 1)
    return struct.pack("<4sIBB6s8sI4sI", b"SPCR", length, revision, checksum, *names)
