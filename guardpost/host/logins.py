"""Accounts of this host as /etc/passwd has them (passwd(5)), and running a program as one.

POSIX only: Windows would want the account's password.
"""

import os
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from guardpost.errors import ResetCode
from guardpost.host.spawning import SpawnError

__all__ = ["Account", "account_for", "login_variables", "run_as"]


class Account(NamedTuple):
    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str
    shell: str


def account_for(user: str) -> Account | None:
    """The account called `user`; None for an empty name, which is whoever we are.

    Raises SpawnError: NOT_FOUND; NOT_ALLOWED where we could not become that one.
    """
    if not user:
        return None
    if sys.platform == "win32":
        text = "on Windows a program runs only as the agent's own user"
        raise SpawnError(ResetCode.UNSUPPORTED, text)
    import pwd

    try:
        found = pwd.getpwnam(user)
    except (KeyError, ValueError):
        raise SpawnError(ResetCode.NOT_FOUND, f"no such user on this host: {user}") from None
    if os.geteuid() not in (0, found.pw_uid):
        text = f"the agent is not root, so it can run nothing as {user}"
        raise SpawnError(ResetCode.NOT_ALLOWED, text)
    groups = tuple(os.getgrouplist(found.pw_name, found.pw_gid))
    return Account(
        found.pw_name, found.pw_uid, found.pw_gid, groups, found.pw_dir, found.pw_shell or "/bin/sh"
    )


def login_variables(account: Account | None) -> Mapping[bytes, bytes]:
    """What tells a program whose it is (environ(7)); nothing when it is ours."""
    if account is None:
        return {}
    words = {
        "HOME": account.home,
        "LOGNAME": account.name,
        "SHELL": account.shell,
        "USER": account.name,
    }
    return {os.fsencode(name): os.fsencode(value) for name, value in words.items()}


def run_as(account: Account | None) -> dict[str, Any]:
    """Arguments for subprocess: who the program is to be."""
    if sys.platform == "win32" or account is None or os.geteuid() != 0:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": list(account.groups)}
