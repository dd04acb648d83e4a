"""Who else has a device open: what Linux tells in /proc. Elsewhere nobody is found."""

import os
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Holder", "holders_among", "holders_of"]

PTY_MASTERS = ("/dev/ptmx", "/dev/pts/ptmx")


@dataclass(frozen=True)
class Holder:
    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})"


def holders_of(path: str) -> list[Holder]:
    """The other processes that have `path` open, as far as we may look into them.

    Whoever holds the master side of a pty is left out: it is the line, not its user.
    """
    device = os.path.realpath(path)
    return holders_among([device]).get(device, [])


def holders_among(devices: Iterable[str], *, proc: str = "/proc") -> dict[str, list[Holder]]:
    """holders_of for many at once, by the devices' own paths; who has none is left out."""
    asked = frozenset(devices)
    found: dict[str, list[Holder]] = {}
    try:
        pids = [int(name) for name in os.listdir(proc) if name.isdigit()]
    except OSError:
        return found
    ours = os.getpid()
    for pid in pids:
        opened = _opened_by(pid, proc) if pid != ours else set()
        for device in opened & asked:
            if not (device.startswith("/dev/pts/") and opened.intersection(PTY_MASTERS)):
                found.setdefault(device, []).append(Holder(pid, _name_of(pid, proc)))
    return found


def _opened_by(pid: int, proc: str) -> set[str]:
    paths: set[str] = set()
    try:
        for entry in os.listdir(f"{proc}/{pid}/fd"):
            path = os.readlink(f"{proc}/{pid}/fd/{entry}")
            if not _is_a_container_s(f"{proc}/{pid}/fd/{entry}", path):
                paths.add(path)
    except OSError:
        pass  # not ours to look into, or gone meanwhile: what was seen so far counts
    return paths


def _is_a_container_s(opened: str, path: str) -> bool:
    """A container has ptys of its own, in a devpts of its own, and numbers them as we do ours."""
    if not path.startswith("/dev/pts/"):
        return False
    try:
        return os.stat(opened).st_dev != os.stat(path).st_dev
    except OSError:
        return False


def _name_of(pid: int, proc: str) -> str:
    try:
        with open(f"{proc}/{pid}/comm", encoding="utf-8", errors="replace") as file:
            name = file.read().strip()
    except OSError:
        name = ""
    return "".join(c for c in name if c.isprintable()) or "a process"
