"""With what a login shell starts: as login(1) and sshd(8) do it, not as a daemon's child would.

POSIX only: on Windows nobody has an entry in a passwd(5).
"""

import os
import re
from collections.abc import Mapping
from typing import Final

from guardpost.host.passwd import Account, login_variables
from guardpost.host.programs import DEFAULT_PATH

__all__ = ["argv_of_shell", "is_carried", "login_environment"]

_FALLBACK_SHELL: Final = "/bin/sh"
_USER_PATH: Final = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
_MAIL_FOLDERS: Final = ("/var/mail", "/var/spool/mail")
_CARRIED: Final = re.compile(rb"LANG|LANGUAGE|LC_[A-Z]{1,32}|COLORTERM|NO_COLOR")
_FROM_AGENT: Final = ("TZ",)


def argv_of_shell(account: Account) -> tuple[str, str]:
    """The shell's file and its argv[0], whose dash tells it that this is a login."""
    shell = account.shell or _FALLBACK_SHELL
    name = shell.rpartition("/")[2]
    # An image may lack the shell that its passwd names; nologin means what it says.
    if name not in ("nologin", "false") and not os.path.exists(shell):
        shell, name = _FALLBACK_SHELL, "sh"
    return shell, f"-{name}"


def is_carried(variable: bytes) -> bool:
    """Whether a console may set `variable` for a shell: its language and colours, nothing else."""
    return _CARRIED.fullmatch(variable) is not None


def login_environment(account: Account, more: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """All that a login shell of `account` starts with; `more` comes on top."""
    ours = {"PATH": DEFAULT_PATH if account.uid == 0 else _USER_PATH}
    boxes = [f"{folder}/{account.name}" for folder in _MAIL_FOLDERS]
    if box := next(filter(os.path.exists, boxes), ""):
        ours["MAIL"] = box
    ours |= {name: os.environ[name] for name in _FROM_AGENT if name in os.environ}
    words = {os.fsencode(name): os.fsencode(value) for name, value in ours.items()}
    return {**words, **login_variables(account), **more}
