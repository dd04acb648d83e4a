"""What a path that somebody typed says of the copy: its name there, and how it is shown."""

import os
import sys
from collections.abc import Callable, Sequence

from guardpost.errors import UsageError
from guardpost.host.paths import start
from guardpost.services.files.sources import Source

__all__ = ["local_path", "shown_below", "shown_in", "source_of", "top_name", "top_names"]

_SEPARATORS = "/\\" if sys.platform == "win32" else "/"


def top_name(typed: bytes) -> bytes:
    """What it is called where it goes; empty when it is the contents of a folder that go there.

    As rsync has it: `dir/`, `.` and `..` are contents, `dir` is the folder.
    """
    name = typed.replace(b"\\", b"/") if sys.platform == "win32" else typed
    last = name.rpartition(b"/")[2]
    return b"" if last in (b"", b".", b"..") else last


def top_names(typed: Sequence[bytes]) -> list[bytes]:
    """Of each source. Raises UsageError when two have one: the second would replace the first."""
    first: dict[bytes, bytes] = {}
    for each in typed:
        name = top_name(each)
        if name and name in first:
            both = f"{os.fsdecode(first[name])} and {os.fsdecode(each)}"
            raise UsageError(f"{both} would both become {os.fsdecode(name)}; copy them apart")
        first[name] = each
    return [top_name(each) for each in typed]


def local_path(typed: bytes) -> bytes:
    """Absolute, on this side; a shell has seen to `~` already."""
    return os.path.join(os.getcwdb(), typed)


def source_of(number: int, typed: bytes, base: bytes | None = None) -> Source:
    """`base` is where a relative path begins on the agent; None is on the console's side.

    Raises FileFailure for a path that cannot be one.
    """
    path = local_path(typed) if base is None else start(typed, base)
    return Source(number, path, typed if base is None else path, not top_name(typed))


def shown_in(typed: Sequence[bytes]) -> Callable[[int, bytes], bytes]:
    """How the entries of these sources are shown, whatever a peer says of them."""

    def shown(source: int, path: bytes) -> bytes:
        return shown_below(typed[source] if source < len(typed) else b"?", path)

    return shown


def shown_below(top: bytes, path: bytes) -> bytes:
    if not path:
        return top
    return top + path if top.endswith(b"/") else top + b"/" + path
