"""Action and Verdict: what a request wants to do, and what the policy answers.

The words are those in which a key's permits are written. Paths are compared here, and
only here, so that policy and services mean the same by "under /srv/in".
"""

import re
from typing import Final, NamedTuple

__all__ = ["HARMLESS_VARIABLES", "Action", "Verdict", "components", "is_harmless", "is_within"]

# What a console may set for a program that only a list permits: much else (LD_PRELOAD, PAGER,
# PATH, PYTHONPATH, ...) makes it run what is not on the list, or (LANGUAGE, TZ) read what the
# console may have written.
HARMLESS_VARIABLES: Final = frozenset({b"TERM", b"LANG", b"COLUMNS", b"LINES"})

_DRIVE = re.compile(rb"[A-Za-z]:[\\/]")


class Action(NamedTuple):
    """One thing a console asks for. Each service names its own; the agent's policy decides."""

    verb: str
    """monitor, exec, shell, file-read, file-write, forward, listen or admin."""

    host: str = ""
    """Of a forward: where to, as the console named it. Of a listen: the address to bind."""

    port: int = 0
    """Of a forward or listen; a listen on 0 lets the system choose."""

    argv: tuple[bytes, ...] = ()
    """Of an exec. The first is the absolute path of what will run: found before judging."""

    path: bytes = b""
    """Of file-read, file-write; of forward or listen when it is a unix socket. Absolute."""

    user: str = ""
    """Of an exec or shell: as whom, where not as the agent."""

    env: tuple[bytes, ...] = ()
    """Of an exec: the names of the variables that the console sets."""


class Verdict(NamedTuple):
    """`reason` is for the audit and for the peer: it says nothing that the peer does not know."""

    allowed: bool
    reason: str

    roots: tuple[bytes, ...] | None = None
    """Of file-*, and of unix sockets: what the path that is really reached must lie under,
    all links resolved. None is everywhere."""

    is_listed: bool = False
    """Of exec: the program is allowed by name, so this key may run no other."""


def components(path: bytes) -> tuple[bytes, ...] | None:
    r"""The parts of an absolute path; None for one that no rule should match.

    That is a relative one, one with `..` (where it leads depends on links), one with a NUL.
    `C:\srv` and `C:/srv` are parts of Windows, where case does not count and a name that ends
    in a dot or a space, or has a colon, is an alias of another.
    """
    if b"\0" in path:
        return None
    if _DRIVE.match(path):
        parts = path.lower().replace(b"\\", b"/").split(b"/")
        named = [each for each in parts[1:] if each not in (b"", b".")]
        if any(each.endswith((b".", b" ")) or b":" in each for each in named):
            return None
        return (parts[0], *named)
    if not path.startswith(b"/"):
        return None
    named = [each for each in path.split(b"/") if each not in (b"", b".")]
    return None if b".." in named else (b"/", *named)


def is_within(path: bytes, roots: tuple[bytes, ...] | None) -> bool:
    """Whether `path` is one of `roots` or lies under one, by name alone."""
    if roots is None:
        return True
    parts = components(path)
    if parts is None:
        return False
    ours = [components(root) for root in roots]
    return any(root is not None and parts[: len(root)] == root for root in ours)


def is_harmless(variable: bytes) -> bool:
    """Whether a program that only a list permits may be given `variable`."""
    return variable in HARMLESS_VARIABLES or re.fullmatch(rb"LC_[A-Z]+", variable) is not None
