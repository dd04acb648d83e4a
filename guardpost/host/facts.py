"""What this host is: name, system, addresses, memory, disks, since when it runs.

No fact waits for the network (no name is resolved), and one that cannot be
read is None (or an empty list), whatever the reason.
"""

import os
import platform
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

__all__ = ["Address", "Disk", "HostFacts", "Memory", "host_name", "read_facts"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Address:
    """One address of one network interface; `prefix` is the length of its network part."""

    interface: str
    address: str
    prefix: int | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """In bytes. `available` is what can be had without swapping."""

    total: int
    available: int
    swap_total: int = 0
    swap_free: int = 0


@dataclass(frozen=True, slots=True)
class Disk:
    """One mounted local file system, in bytes. `free` is what an ordinary user may fill."""

    mount: str
    device: str
    kind: str
    total: int
    used: int
    free: int


@dataclass(frozen=True, slots=True)
class HostFacts:
    """Everything about the host that is worth a screen; times in seconds."""

    agent_version: str
    name: str | None = None
    system: str | None = None
    kernel: str | None = None
    machine: str | None = None
    cpus: int | None = None
    uptime: float | None = None
    boot_id: str | None = None
    load: list[float] | None = None
    memory: Memory | None = None
    addresses: list[Address] = field(default_factory=list)
    disks: list[Disk] = field(default_factory=list)


def read_facts(agent_version: str) -> HostFacts:
    """Read everything now. May take some milliseconds, longer where a disk does not answer."""
    return HostFacts(
        agent_version=agent_version,
        name=host_name(),
        system=_or_none(_system),
        kernel=_or_none(lambda: f"{platform.system()} {platform.release()}".strip() or None),
        machine=_or_none(lambda: platform.machine() or None),
        cpus=_or_none(os.cpu_count),
        uptime=_or_none(_uptime),
        boot_id=_or_none(_boot_id),
        load=_or_none(_load),
        memory=_or_none(_memory),
        addresses=_or_none(_addresses) or [],
        disks=_or_none(_disks) or [],
    )


def host_name() -> str | None:
    """The name the host gives itself; the network is not asked."""
    return _or_none(lambda: socket.gethostname() or None)


def _or_none(read: Callable[[], T]) -> T | None:
    try:
        return read()
    # Facts come from a dozen places that fail in as many ways, and none is worth an error.
    except Exception:
        return None


def _system() -> str | None:
    if sys.platform == "linux":
        return platform.freedesktop_os_release().get("PRETTY_NAME")
    if sys.platform == "win32":
        release, version, *_ = platform.win32_ver()
        return f"Windows {release} ({version})"
    return platform.platform(terse=True)


def _uptime() -> float:
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    import psutil

    return time.time() - psutil.boot_time()


def _boot_id() -> str | None:
    if sys.platform != "linux":
        return None
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def _load() -> list[float] | None:
    if sys.platform == "win32":
        return None
    return list(os.getloadavg())


def _memory() -> Memory:
    import psutil

    memory = psutil.virtual_memory()
    swap = _or_none(psutil.swap_memory)
    return Memory(
        total=memory.total,
        available=memory.available,
        swap_total=swap.total if swap else 0,
        swap_free=swap.free if swap else 0,
    )


def _addresses() -> list[Address]:
    import psutil

    return [
        Address(interface, each.address.partition("%")[0], _prefix(each.netmask))
        for interface, addresses in psutil.net_if_addrs().items()
        for each in addresses
        if each.family in (socket.AF_INET, socket.AF_INET6)
    ]


def _prefix(netmask: str | None) -> int | None:
    """255.255.255.0 -> 24; ffff:ffff:: -> 32."""
    if not netmask:
        return None
    family = socket.AF_INET6 if ":" in netmask else socket.AF_INET
    return sum(byte.bit_count() for byte in socket.inet_pton(family, netmask))


def _disks() -> list[Disk]:
    import psutil

    # Without all=True only file systems on devices: the disks of a dead network would hang us.
    by_device: dict[str, Disk] = {}
    for partition in psutil.disk_partitions(all=False):
        disk = _or_none(partial(_disk, partition.mountpoint, partition.device, partition.fstype))
        if disk is not None and disk.total:
            by_device.setdefault(disk.device, disk)
    return list(by_device.values())


def _disk(mount: str, device: str, kind: str) -> Disk:
    import psutil

    usage = psutil.disk_usage(mount)
    return Disk(
        mount=mount.encode("utf-8", "backslashreplace").decode("utf-8"),
        device=device.encode("utf-8", "backslashreplace").decode("utf-8"),
        kind=kind,
        total=usage.total,
        used=usage.used,
        free=usage.free,
    )
