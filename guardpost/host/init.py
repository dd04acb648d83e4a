"""Process 1: an init, which ends its host in order, or what a rescue system has in its place."""

import os
from pathlib import Path
from typing import Final

__all__ = ["is_real"]

_SHELLS: Final = frozenset({"sh", "ash", "bash", "dash", "hush", "ksh", "mksh", "zsh"})


def is_real(proc: str = "/proc") -> bool:
    """Whether process 1 was made to be that: not a script or a shell, nor we ourselves.

    The kernel starts a script as its interpreter with the script's name after it (execve(2)), so
    the first words tell. What cannot be read is taken for an init.
    """
    if os.getpid() == 1:
        return False
    try:
        words = Path(proc, "1", "cmdline").read_bytes().split(b"\0")
    except OSError:
        return True
    names = [os.path.basename(os.fsdecode(word)).removeprefix("-") for word in words]
    if names[0] == "busybox":
        del names[0]
    return names[0] not in _SHELLS
