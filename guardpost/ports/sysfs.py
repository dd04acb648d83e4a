"""Linux: the terminal devices and virtio ports of /sys, each followed to its hardware.

A port's device is some levels above its tty: one until Linux 6.4, three since (the "serial-base"
devices in between), and others for USB adapters. So the walk climbs until a real bus is reached.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from guardpost.ports.facts import Pci, Port

__all__ = ["read_text", "terminal_ports", "virtio_channels"]

_BETWEEN = {"", "tty", "serial-base", "usb-serial"}
_PCI_NAME = re.compile(r"([0-9a-f]{4,}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])", re.ASCII)
_NO_PORT = re.compile(r"tty\d*|console|ptmx|ttyprintk|[pt]ty[a-ep-z][0-9a-f]")
_CLIMB_MAX = 32


def terminal_ports(sys: Path, active_consoles: Iterable[str]) -> tuple[list[Port], list[str]]:
    """The serial ports among the ttys, and the names behind which there is no UART."""
    ports, empty = [], []
    for name in _names(sys / "class/tty"):
        if _NO_PORT.fullmatch(name):
            continue
        entry = sys / "class/tty" / name
        if read_text(entry / "type") == "0":
            empty.append(name)
        elif (entry / "device").exists():
            ports.append(_port(entry))
        elif name.startswith("ttyGS"):
            ports.append(Port(name, _path(name), bus="gadget"))
        elif name in active_consoles or name in _hypervisor_consoles(sys):
            ports.append(Port(name, _path(name), bus="virtual"))
    return ports, empty


def virtio_channels(sys: Path) -> list[Port]:
    """The virtio ports that are byte channels: those with a name."""
    found = []
    for name in _names(sys / "class/virtio-ports"):
        entry = sys / "class/virtio-ports" / name
        channel = read_text(entry / "name") or ""
        if channel:
            node = _parent_name(entry / "device")
            found.append(Port(name, _path(name), bus="virtio", node=node, channel=channel))
    return found


def read_text(path: Path) -> str | None:
    """A small file without its line end; None when it is not there, or not for us."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip().strip("\0")
    except OSError:
        return None


def _names(folder: Path) -> list[str]:
    """ttyS2 before ttyS10."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return sorted(names, key=lambda name: [(len(p), p) for p in re.findall(r"\d+|\D+", name)])


def _path(name: str) -> str:
    return "/dev/" + name.replace("!", "/")


def _hypervisor_consoles(sys: Path) -> set[str]:
    """hvc0 to hvc7 exist always. As many are real as there are virtio ports without a name."""
    if read_text(sys / "hypervisor/type") == "xen":
        return {"hvc0"}
    ports = sys / "class/virtio-ports"
    nameless = [each for each in _names(ports) if not read_text(ports / each / "name")]
    return {f"hvc{number}" for number in range(len(nameless))}


def _parent_name(link: Path) -> str:
    return os.path.basename(os.path.realpath(link)) if link.exists() else ""


def _port(entry: Path) -> Port:
    node, bus, kernel_name = _climb(entry / "device")
    return Port(
        entry.name,
        _path(entry.name),
        bus=bus,
        node=node.name,
        label=_label(node, bus),
        pci=_pci(node) if bus == "pci" else None,
        io_address=_number(entry / "port"),
        memory_address=_number(entry / "iomem_base"),
        is_uart=(entry / "type").exists(),
        uart=_number(entry / "type"),
        acpi_path=read_text(node / "firmware_node/path") or "",
        kernel_name=kernel_name,
    )


def _climb(device: Path) -> tuple[Path, str, str]:
    """The hardware's node, its bus, and the name of the serial-base port below it."""
    first = node = Path(os.path.realpath(device))
    kernel_name = first.name if _subsystem(first) == "serial-base" else ""
    for _ in range(_CLIMB_MAX):
        bus = _subsystem(node)
        if bus not in _BETWEEN:
            return node, bus, kernel_name
        if node.parent == node:
            break
        node = node.parent
    return first, "", kernel_name


def _subsystem(node: Path) -> str:
    try:
        return os.path.basename(os.readlink(node / "subsystem"))
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    """A positive number; sysfs writes 0 for what a port does not have."""
    try:
        return int(read_text(path) or "", 0) or None
    except ValueError:
        return None


def _pci(node: Path) -> Pci | None:
    place = _PCI_NAME.fullmatch(node.name)
    ids = [_number(node / each) for each in ("vendor", "device", "class")]
    if place is None or ids[0] is None or ids[1] is None:
        return None
    segment, bus, device, function = (int(part, 16) for part in place.groups())
    return Pci(segment, bus, device, function, ids[0], ids[1], ids[2] or 0)


def _label(node: Path, bus: str) -> str:
    """What the device calls itself, or failing that its driver."""
    if bus == "usb":
        device = node.parent if ":" in node.name else node
        words = [read_text(device / each) or "" for each in ("manufacturer", "product")]
        ids = [read_text(device / each) or "" for each in ("idVendor", "idProduct")]
        return _printable(f"{' '.join(filter(None, words))} ({':'.join(ids)})".strip())
    if bus == "pnp":
        return _printable((read_text(node / "id") or "").split("\n")[0])
    try:
        return os.path.basename(os.readlink(node / "driver"))
    except OSError:
        return ""


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable())
