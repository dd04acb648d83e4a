"""What starting a program for a peer takes: its environment, its folder, words for why not."""

import errno
import os
import sys
from collections.abc import Mapping
from typing import Final

from guardpost.errors import ResetCode
from guardpost.host.programs import DEFAULT_PATH

__all__ = ["NO_TERMINALS", "SpawnError", "environment_for", "spawn_error", "starting_folder"]

NO_TERMINALS: Final = "unsupported: no terminal can be made on Windows; use exec"

_NO_RESOURCES = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)


class SpawnError(Exception):
    """The program did not start: `code` and `text` are what the peer is told."""

    def __init__(self, code: ResetCode, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


def environment_for(extra: Mapping[bytes, bytes]) -> dict[str, str]:
    """Our own environment, less what is ours alone, with `extra` on top."""
    # Ours may hold a password (GUARDPOST_PASSWORD), and would confuse a guardpost started there.
    ours = {name: value for name, value in os.environ.items() if not name.startswith("GUARDPOST_")}
    if sys.platform != "win32":
        ours.setdefault("PATH", DEFAULT_PATH)
    return ours | {os.fsdecode(name): os.fsdecode(value) for name, value in extra.items()}


def starting_folder(cwd: bytes | None, environment: Mapping[str, str]) -> str | None:
    """`cwd`, or else the home folder, or else None. Raises SpawnError: NOT_FOUND for `cwd`."""
    folder = os.fsdecode(cwd) if cwd is not None else environment.get("HOME")
    if folder is None or os.path.isdir(folder):
        return folder
    if cwd is not None:
        raise SpawnError(ResetCode.NOT_FOUND, f"no such folder: {folder}")
    return None


def spawn_error(error: OSError, program: str) -> SpawnError:
    """What to tell a peer whose `program` did not start."""
    if isinstance(error, FileNotFoundError):
        return SpawnError(ResetCode.NOT_FOUND, f"no such program: {program}")
    code = ResetCode.LIMIT if error.errno in _NO_RESOURCES else ResetCode.FAILED
    return SpawnError(code, f"{error.strerror or error}: {program}")
