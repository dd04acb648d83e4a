"""What a path leads to, held open: judged, and then used, without anybody's exchanging it between.

A name is looked up each time it is used, and whoever may write to a folder on the way may let it
lead elsewhere from one time to the next. A descriptor stays what it is.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Held", "held"]


class Held(NamedTuple):
    real: bytes
    """Where it is, all links resolved."""
    via: bytes
    """Another name of it, which leads nowhere else while it is held."""


@contextlib.contextmanager
def held(path: bytes) -> Iterator[Held]:
    """Follows links, and opens nothing but the name (O_PATH, open(2)). Raises OSError, ValueError.

    Where there is no O_PATH or no /proc, both names are the resolved path.
    """
    if not sys.platform.startswith("linux") or not os.path.isdir("/proc/self/fd"):
        real = os.path.realpath(path)
        os.stat(real)
        yield Held(real, real)
        return
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        via = b"/proc/self/fd/%d" % fd
        yield Held(os.readlink(via), via)
    finally:
        os.close(fd)
