"""Trees as Linux shows them in /sys, /proc, /dev and /etc, made from a few words about a machine.

    tree = MachineTree(folder, kernel=(6, 12))
    tree.uart("ttyS4", pci("0000:00:16.3", "8086:9d3d"), io=0xF0A0)
    survey(tree.root)

The layouts are the kernel's: Documentation/ABI/testing/sysfs-tty, drivers/tty/serial (from 6.5 on
with two "serial-base" devices between the hardware and its tty), virtio_console, usb-serial.
"""

import os
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

__all__ = ["Hardware", "MachineTree", "dmi_table", "pci", "platform", "pnp"]

SERIAL_BASE_SINCE = (6, 5)


class Hardware(NamedTuple):
    """A device below /sys/devices, with the bus it sits on and what its files say."""

    path: str
    bus: str
    files: dict[str, str]


def pci(address: str, ids: str, class_code: int = 0x070002) -> Hardware:
    vendor, device = ids.split(":")
    files = {"vendor": f"0x{vendor}", "device": f"0x{device}", "class": f"{class_code:#08x}"}
    return Hardware(f"pci0000:00/{address}", "pci", files)


def pnp(address: str, kind: str = "PNP0501", acpi_path: str = "") -> Hardware:
    files = {"id": kind} | ({"firmware_node/path": acpi_path} if acpi_path else {})
    return Hardware(f"pnp0/{address}", "pnp", files)


def platform(name: str, bus: str = "platform", acpi_path: str = "") -> Hardware:
    files = {"firmware_node/path": acpi_path} if acpi_path else {}
    return Hardware(f"platform/{name}", bus, files)


class MachineTree:
    """`root` holds sys, proc, dev and etc. Every tty gets its file in dev."""

    def __init__(self, root: Path, kernel: tuple[int, int] = (6, 12)) -> None:
        self.root = root
        self._has_serial_base = kernel >= SERIAL_BASE_SINCE
        self.write("proc/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro quiet")
        for name in ("console", "tty", "tty0", "tty1", "ptmx"):
            self._virtual(name)
        self.active_consoles("tty0")

    # -- ports

    def uart(
        self, name: str, hardware: Hardware, *, io: int = 0, memory: int = 0, kind: int = 4
    ) -> None:
        """A port of the kernel's serial core; `kind` 4 is a 16550A, 0 none."""
        node = self._device(hardware)
        below = node
        if self._has_serial_base:
            for part in (f"{node.name}:0", f"{node.name}:0.0"):
                below = below / part
                self._link(below / "subsystem", "sys/bus/serial-base")
        tty = below / "tty" / name
        files = {"port": f"0x{io:X}", "iomem_base": f"0x{memory:X}", "type": str(kind)}
        self._tty(tty, below, files)

    def without_uart(self, *names: str) -> None:
        """The names that the 8250 driver keeps free."""
        for name in names:
            self.uart(name, platform("serial8250"), kind=0)

    def usb_adapter(self, name: str, ids: str, product: str) -> None:
        vendor_id, product_id = ids.split(":")
        port = Path("pci0000:00/0000:00:14.0/usb1/1-2")
        device = {"idVendor": vendor_id, "idProduct": product_id, "product": product}
        self._device(Hardware(str(port), "usb", device))
        self._device(Hardware(str(port / "1-2:1.0"), "usb", {}))
        below = self._device(Hardware(str(port / "1-2:1.0" / name), "usb-serial", {}))
        self._tty(below / "tty" / name, below, {})

    def virtio_port(self, name: str, channel: str = "") -> None:
        """With a `channel` it is one; without, the kernel makes a console (hvc) of it."""
        node = self._device(Hardware("pci0000:00/0000:00:03.0/virtio0", "virtio", {}))
        port = node / "virtio-ports" / name
        self._link(port / "device", str(node.relative_to(self.root)))
        if channel:
            self._write(port / "name", channel)
        self._link(self.root / "sys/class/virtio-ports" / name, str(port.relative_to(self.root)))
        self.write(f"dev/{name}", "")

    def hypervisor_consoles(self, count: int = 8) -> None:
        """hvc0 and on: all there, whether anything is behind them or not."""
        for number in range(count):
            self._virtual(f"hvc{number}")

    # -- what is known and who is there

    def active_consoles(self, *names: str) -> None:
        self.write("sys/class/tty/console/active", " ".join(names))

    def command_line(self, text: str) -> None:
        self.write("proc/cmdline", text)

    def acpi_table(self, name: str, table: bytes) -> None:
        path = self.root / "sys/firmware/acpi/tables" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(table)

    def dmi(self, vendor: str, product: str, *, bmc: bool = False) -> None:
        """The SMBIOS table, which only root reads, and the names beside it."""
        path = self.root / "sys/firmware/dmi/tables/DMI"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(dmi_table(vendor, product, bmc=bmc))
        self.write("sys/class/dmi/id/sys_vendor", vendor)
        self.write("sys/class/dmi/id/product_name", product)

    def process(self, pid: int, name: str, *, has_open: Sequence[str] = ()) -> None:
        self.write(f"proc/{pid}/comm", name)
        for fd, path in enumerate(has_open):
            link = self.root / f"proc/{pid}/fd/{fd}"
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)

    def flock(self, pid: int, path: str) -> None:
        """A line of /proc/locks, for a process whose descriptors are not to be seen."""
        if sys.platform != "win32":
            status = (self.root / path.lstrip("/")).stat()
            device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
            self.write("proc/locks", f"1: FLOCK  ADVISORY  WRITE {pid} {device} 0 EOF")

    def link(self, path: str, target: str) -> None:
        """A symbolic link to a path of the machine's own."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).symlink_to(target)

    def write(self, path: str, text: str) -> None:
        self._write(self.root / path, text)

    # -- how sysfs is made

    def _device(self, hardware: Hardware) -> Path:
        node = self.root / "sys/devices" / hardware.path
        node.mkdir(parents=True, exist_ok=True)
        for name, text in hardware.files.items():
            self._write(node / name, text)
        self._link(node / "subsystem", f"sys/bus/{hardware.bus}")
        return node

    def _virtual(self, name: str) -> None:
        self._tty(self.root / "sys/devices/virtual/tty" / name, None, {})

    def _tty(self, tty: Path, device: Path | None, files: dict[str, str]) -> None:
        tty.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            self._write(tty / name, text)
        self._link(tty / "subsystem", "sys/class/tty")
        if device is not None:
            self._link(tty / "device", str(device.relative_to(self.root)))
        self._link(self.root / "sys/class/tty" / tty.name, str(tty.relative_to(self.root)))
        self.write(f"dev/{tty.name}", "")

    def _link(self, link: Path, target: str) -> None:
        """Relative, as in sysfs. What is there already stays."""
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(os.path.relpath(self.root / target, link.parent))

    def _write(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")


def dmi_table(vendor: str, product: str, *, bmc: bool = False) -> bytes:
    """DSP0134: System Information, IPMI Device Information if `bmc`, End-of-Table."""
    system = struct.pack("<BBHBBBB16xB", 1, 25, 1, 1, 2, 0, 0, 6)
    table = system + vendor.encode() + b"\0" + product.encode() + b"\0\0"
    if bmc:
        kcs, version_2_0, io_0xca2 = 1, 0x20, 0xCA2 | 1
        ipmi = struct.pack("<BBHBBBBQBB", 38, 18, 2, kcs, version_2_0, 0x20, 0xFF, io_0xca2, 0, 0)
        table += ipmi + b"\0\0"
    return table + struct.pack("<BBH", 127, 4, 3) + b"\0\0"
