"""Who has a port on Linux, or will have it: descriptors, locks, gettys. No port is opened."""

import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from guardpost.ports.facts import Use
from guardpost.ports.sysfs import read_text
from guardpost.transports.holders import Holder, holders_among

__all__ = ["uses_of"]

_GETTYS = ("getty", "agetty", "mgetty", "mingetty", "login", "sulogin")
_UNITS = ("etc/systemd/system", "run/systemd/generator", "run/systemd/system")
_MASKS = ("etc/systemd/system", "run/systemd/system")


def uses_of(paths: Iterable[str], root: Path = Path("/")) -> Mapping[str, tuple[Use, ...]]:
    """Path of a device -> what is known; a path that nobody has is left out."""
    paths = list(paths)
    holders = holders_among(paths, proc=str(root / "proc"))
    locks = _kernel_locks(root)
    found: dict[str, tuple[Use, ...]] = {}
    for path in paths:
        uses = [_held(each) for each in holders.get(path, ())]
        pids = {each.pid for each in holders.get(path, ())}
        uses += _locked(path, root, locks, known_pids=pids)
        if not any(each.is_getty for each in uses):
            uses += _getty_to_come(os.path.basename(path), root)
        if uses:
            found[path] = tuple(uses)
    return found


def _held(holder: Holder) -> Use:
    return Use(str(holder), is_getty=holder.name in _GETTYS)


def _locked(
    path: str, root: Path, locks: Mapping[tuple[int, int, int], int], *, known_pids: set[int]
) -> list[Use]:
    """Locks of programs whose descriptors we may not see; ours do not count."""
    pids = [locks.get(_file_of(root / path.lstrip("/")))]
    # The UUCP way: a file that holds the pid, in ten columns.
    text = read_text(root / "var/lock" / f"LCK..{os.path.basename(path)}") or ""
    if text.isdecimal() and len(text) <= 10 and (root / "proc" / str(int(text))).exists():
        pids.append(int(text))
    seen = known_pids | {os.getpid()}
    return [Use(f"pid {pid}, by a lock") for pid in dict.fromkeys(pids) if pid and pid not in seen]


def _file_of(path: Path) -> tuple[int, int, int]:
    """Major and minor number of the file system, and the inode; zeros where there is no file."""
    if sys.platform != "win32":
        try:
            status = path.stat()
            return os.major(status.st_dev), os.minor(status.st_dev), status.st_ino
        except OSError:
            pass
    return 0, 0, 0


def _kernel_locks(root: Path) -> dict[tuple[int, int, int], int]:
    """(major, minor, inode) -> the pid of a lock in /proc/locks."""
    rows = re.findall(
        r"^\d+: \w+ +\w+ +WRITE +(\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) ",
        read_text(root / "proc/locks") or "",
        re.M | re.A,
    )
    return {(int(a, 16), int(b, 16), int(inode)): int(pid) for pid, a, b, inode in rows}


def _getty_to_come(name: str, root: Path) -> list[Use]:
    """A getty that systemd or init starts there, if it does not run at this moment."""
    for unit in (f"serial-getty@{name}.service", f"getty@{name}.service"):
        wanted = any((root / at / "getty.target.wants" / unit).is_symlink() for at in _UNITS)
        masked = any(_leads_nowhere(root / at / unit) for at in _MASKS)
        if wanted and not masked:
            return [Use(f"a getty to come ({unit})", is_getty=True)]
    for line in (read_text(root / "etc/inittab") or "").splitlines():
        words = line.split("#")[0].replace(":", " ").split()
        is_getty = any(os.path.basename(word) in _GETTYS for word in words)
        if is_getty and {name, f"/dev/{name}"} & {*words}:
            return [Use("a getty to come (/etc/inittab)", is_getty=True)]
    return []


def _leads_nowhere(link: Path) -> bool:
    try:
        return os.readlink(link) == "/dev/null"
    except OSError:
        return False
