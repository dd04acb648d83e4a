"""Commands with a mount table of their own, so that what a test mounts is nobody else's."""

import os
import subprocess
from collections.abc import Sequence

import pytest
from support.tools import need

__all__ = ["mounting"]


def mounting(script: str, *argv: str) -> Sequence[str]:
    """The words that run `argv` after `script` has mounted. Skips where nothing can be mounted."""
    unshare = need("unshare")
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("needs root, to mount")
    words = [unshare, "--mount", "--propagation", "private", "sh", "-ec"]
    probe = subprocess.run([*words, "mount -t tmpfs none /mnt"], capture_output=True)
    if probe.returncode:
        pytest.skip("nothing can be mounted here")
    return [*words, f'{script}\nexec "$@"', "sh", *argv]
