"""Which file a program's name leads to, as execvp(3) and CreateProcess look for it."""

import os
import sys
from typing import Final

__all__ = ["DEFAULT_PATH", "find_program"]

# An init system may start the agent without one; administrators' programs are in sbin.
DEFAULT_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def find_program(name: bytes, path: bytes | None = None) -> bytes:
    """The absolute path of `name`, looked for in `path` (None is the agent's PATH).

    What is not found, and a relative path, come back as they are: whoever judges by absolute
    paths then refuses them.
    """
    wanted = os.fsdecode(name)
    if os.path.dirname(wanted):
        return name
    folders = os.fsdecode(path) if path is not None else os.environ.get("PATH", DEFAULT_PATH)
    for folder in folders.split(os.pathsep):
        # An empty or relative folder means wherever one stands: not where a judge can look.
        if not os.path.isabs(folder):
            continue
        for ending in _endings(wanted):
            found = os.path.join(folder, wanted + ending)
            if os.path.isfile(found) and os.access(found, os.X_OK):
                return os.fsencode(found)
    return name


def _endings(name: str) -> list[str]:
    if sys.platform != "win32" or os.path.splitext(name)[1]:
        return [""]
    return os.environ.get("PATHEXT", ".COM;.EXE;.BAT;.CMD").split(";")
