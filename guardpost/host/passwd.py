"""Accounts of this host as /etc/passwd has them (passwd(5)), and running a program as one.

POSIX only: Windows would want the account's password.
"""

import os
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from guardpost.errors import ResetCode
from guardpost.host.spawning import NO_TERMINALS, SpawnError

__all__ = ["Account", "account_for", "login_variables", "own_account", "run_as"]


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
    return _account(found)


def _account(found: Any) -> Account:
    """`found` is a pwd.struct_passwd, which a type checker for Windows does not know."""
    name, gid = found.pw_name, found.pw_gid
    groups: tuple[int, ...] = ()
    if sys.platform != "win32":
        groups = tuple(os.getgrouplist(name, gid))
    return Account(name, found.pw_uid, gid, groups, found.pw_dir, found.pw_shell or "/bin/sh")


def own_account() -> Account:
    """Ours. A rescue system may know nobody by name: then a shell at / is all there is to say.

    Raises SpawnError on Windows.
    """
    if sys.platform == "win32":
        raise SpawnError(ResetCode.UNSUPPORTED, NO_TERMINALS)
    import pwd

    uid = os.geteuid()
    try:
        found = pwd.getpwuid(uid)
    except KeyError:
        name = "root" if uid == 0 else str(uid)
        return Account(name, uid, os.getegid(), (), os.environ.get("HOME", "/"), "/bin/sh")
    return _account(found)


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
