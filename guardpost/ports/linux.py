"""Linux: one survey of a host, out of /sys, /proc, /dev and /etc below `root`.

A recorded tree of another machine is a `root` as well. Nothing is opened but files that tell.
"""

import os
from dataclasses import replace
from pathlib import Path

from guardpost.ports.facts import Machine, Port
from guardpost.ports.kernel_arguments import console_arguments, wanted_port
from guardpost.ports.smbios import Smbios, parse_smbios
from guardpost.ports.spcr import parse_spcr
from guardpost.ports.sysfs import read_text, terminal_ports, virtio_channels
from guardpost.ports.usage import uses_of

__all__ = ["survey"]

_TABLE_BYTES_MAX = 1 << 20


def survey(root: Path = Path("/")) -> Machine:
    """Raises nothing; what exists and cannot be read is named in `unread`."""
    sys, unread = root / "sys", list[str]()
    command_line = read_text(root / "proc/cmdline") or ""
    wanted, wanted_baud = wanted_port(command_line)
    active = (read_text(sys / "class/tty/console/active") or "").split()
    ports, empty = terminal_ports(sys, active)
    ports = _with_nodes([*ports, *virtio_channels(sys)], root, unread)
    uses = uses_of([port.path for port in ports], root)
    spcr = _table(sys / "firmware/acpi/tables/SPCR", unread)
    return Machine(
        ports=tuple(replace(port, uses=uses.get(port.path, ())) for port in ports),
        empty_names=tuple(empty),
        spcr=parse_spcr(spcr),
        smbios=_smbios(sys, unread),
        has_bmc=_has_bmc(root),
        console_arguments=console_arguments(command_line),
        active_consoles=tuple(active),
        wanted=_kernel_name(wanted, root),
        wanted_baud=wanted_baud,
        unread=tuple(unread),
    )


def _kernel_name(name: str, root: Path) -> str:
    """A name that udev gave (serial/by-id/...) is a link to the kernel's."""
    try:
        return os.path.basename(os.readlink(root / "dev" / name))
    except OSError:
        return name


def _with_nodes(ports: list[Port], root: Path, unread: list[str]) -> list[Port]:
    """Those that have a file in /dev: without one nobody can open them."""
    found = []
    for port in ports:
        if (root / port.path.lstrip("/")).exists():
            found.append(port)
        else:
            unread.append(f"{port.path}: the kernel has this port, and there is no such file")
    return found


def _table(path: Path, unread: list[str]) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_TABLE_BYTES_MAX)
    except FileNotFoundError:
        return b""
    except OSError as error:
        unread.append(f"/{path.relative_to(path.parents[4])}: {(error.strerror or '').lower()}")
        return b""


def _smbios(sys: Path, unread: list[str]) -> Smbios:
    """The whole table is root's; the names in it are everybody's."""
    smbios = parse_smbios(_table(sys / "firmware/dmi/tables/DMI", unread))
    if smbios.vendor:
        return smbios
    names = sys / "class/dmi/id"
    return replace(
        smbios,
        vendor=read_text(names / "sys_vendor") or "",
        product=read_text(names / "product_name") or "",
        board_vendor=read_text(names / "board_vendor") or "",
        board=read_text(names / "board_name") or "",
    )


def _has_bmc(root: Path) -> bool:
    places = ("dev/ipmi0", "dev/ipmi/0", "sys/firmware/acpi/tables/SPMI", "sys/class/ipmi/ipmi0")
    return any((root / place).exists() for place in places)
