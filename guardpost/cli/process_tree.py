"""A process list as a tree: children under their parents, whatever the list claims."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from guardpost.services.processes import Process

__all__ = ["Branches", "branches_for", "kin", "tree"]

DEPTH_MAX = 40
"""Deeper ones are drawn as if they were this deep: a line has only so many columns."""


class Branches(NamedTuple):
    """What a tree is drawn with; each takes the same columns."""

    inner: str
    last: str
    bar: str
    blank: str = "   "


_UNICODE = Branches("├─ ", "└─ ", "│  ")
_ASCII = Branches("|- ", "`- ", "|  ")


def branches_for(encoding: str | None) -> Branches:
    """Lines where `encoding` has them, otherwise ASCII."""
    try:
        "".join(_UNICODE).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return _ASCII
    return _UNICODE


def kin(table: "Sequence[Process]", chosen: "Sequence[Process]") -> "list[Process]":
    """`chosen` and all their ancestors, in the order of `table`."""
    parents = {each.pid: each.ppid for each in table}
    wanted: set[int] = set()
    for each in chosen:
        pid: int | None = each.pid
        while pid is not None and pid in parents and pid not in wanted:
            wanted.add(pid)
            pid = parents[pid]
    return [each for each in table if each.pid in wanted]


def tree(table: "Sequence[Process]", branches: Branches) -> "list[tuple[str, Process]]":
    """Each process with what is drawn before it; siblings keep the order of `table`.

    A process whose parent is unknown or not there is a root; one that is its own ancestor is
    broken off somewhere, so that every process comes exactly once.
    """
    pids = {each.pid for each in table}
    children: dict[int, list[Process]] = {}
    roots = []
    for each in table:
        if each.ppid is None or each.ppid not in pids or each.ppid == each.pid:
            roots.append(each)
        else:
            children.setdefault(each.ppid, []).append(each)
    drawn: list[tuple[str, Process]] = []
    seen: set[int] = set()
    for root in [*roots, *table]:
        _draw(root, children, branches, seen, drawn)
    return drawn


def _draw(
    root: "Process",
    children: "dict[int, list[Process]]",
    branches: Branches,
    seen: set[int],
    drawn: "list[tuple[str, Process]]",
) -> None:
    # A list and no recursion: how deep it goes is for the host to say.
    waiting = [(root, "", "", 0)]
    while waiting:
        process, before, branch, depth = waiting.pop()
        if process.pid in seen:
            continue
        seen.add(process.pid)
        drawn.append((before + branch, process))
        below = before
        if branch and depth < DEPTH_MAX:
            below += branches.blank if branch == branches.last else branches.bar
        own = [each for each in children.get(process.pid, ()) if each.pid not in seen]
        for place, child in enumerate(reversed(own)):
            mark = branches.inner if place else branches.last
            waiting.append((child, below, mark, depth + 1))
