"""When the last BREAK went out on a line, for other commands of this user.

After a BREAK a kernel takes the next byte within 5 s for a SysRq command, and a hello is bytes:
whoever is about to say hello asks here first (docs/protocol.md, section 2).
"""

import contextlib
import os
import time

from guardpost.console.linelock import path_beside
from guardpost.errors import TransportError

__all__ = ["note_break", "seconds_since_break"]


def note_break(name: str) -> None:
    """A BREAK went out on the line of that name now. A file that cannot be written is no error."""
    with contextlib.suppress(OSError, TransportError):
        path = path_beside(name, ".break")
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        os.utime(path)


def seconds_since_break(name: str) -> float | None:
    """None when none is known of."""
    try:
        age = time.time() - os.stat(path_beside(name, ".break")).st_mtime
    except (OSError, TransportError):
        return None
    return max(age, 0.0)
