"""Who else has a device open: what Linux tells in /proc. Elsewhere nobody is found."""

import os
from dataclasses import dataclass

__all__ = ["Holder", "holders_of"]

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
    try:
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []
    ours = os.getpid()
    found = []
    for pid in pids:
        opened = _opened_by(pid) if pid != ours else set()
        if device in opened and not (
            device.startswith("/dev/pts/") and opened.intersection(PTY_MASTERS)
        ):
            found.append(Holder(pid, _name_of(pid)))
    return found


def _opened_by(pid: int) -> set[str]:
    paths: set[str] = set()
    try:
        for entry in os.listdir(f"/proc/{pid}/fd"):
            paths.add(os.readlink(f"/proc/{pid}/fd/{entry}"))
    except OSError:
        pass  # not ours to look into, or gone meanwhile: what was seen so far counts
    return paths


def _name_of(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            name = file.read().strip()
    except OSError:
        name = ""
    return "".join(c for c in name if c.isprintable()) or "a process"
