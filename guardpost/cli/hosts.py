"""hosts.toml: names for targets, a table per host, the user's file before the system's.

[web01]
line = "ipmi:admin@bmc-web01"                       # required; any address
agent_key = "…"                                     # the only key to accept
identity = "~/.config/guardpost/web.key"
forwards = ["8080:127.0.0.1:80"]                    # ssh's -L syntax
profile = "console"
password_command = "pass show bmc/web01"           # for amt: and ipmi: lines
"""

import os
from collections.abc import Iterable
from typing import Any, NamedTuple

from guardpost.cli.grammar import nearest
from guardpost.errors import NoSuchTarget, UsageError

__all__ = ["Host", "is_address", "load", "lookup", "resolve"]

SYSTEM_FILE = "/etc/guardpost/hosts.toml"

# Every command of this and of later versions: a host of that name could never be reached.
RESERVED_NAMES = {
    *("agent", "bootstrap", "demo", "exec", "forward", "get", "help", "info", "jobs", "key"),
    *(
        "kill",
        "line",
        "nc",
        "nice",
        "owner",
        "owner-process",
        "policy",
        "ports",
        "ps",
        "put",
        "shell",
    ),
    *("terminal", "top", "trace", "watch"),
}
FileName = str | os.PathLike[str]

TEXT_FIELDS = ("line", "agent_key", "identity", "profile", "password_command")


class Host(NamedTuple):
    """One target. `identity` is a path as written (with `~`); None means "not said"."""

    name: str
    line: str
    agent_key: str | None = None
    identity: str | None = None
    forwards: tuple[str, ...] = ()
    profile: str | None = None
    password_command: str | None = None


def is_address(word: str) -> bool:
    """Whether `word` is an address by its form: it holds `:` or `/`, or is COMn."""
    return ":" in word or "/" in word or (word[:3].upper() == "COM" and word[3:].isdecimal())


def lookup(name: str, files: Iterable[FileName] | None = None) -> Host | None:
    """The host of that name, or None; raises UsageError for a file that cannot be used."""
    return load(files).get(name)


def resolve(target: str, files: Iterable[FileName] | None = None) -> Host:
    """The host that TARGET means: a name of hosts.toml, or an address as it stands.

    Raises NoSuchTarget when it is neither, UsageError for a file that cannot be used.
    """
    if is_address(target):
        return Host(target, target)
    known = load(files)
    if target not in known:
        raise NoSuchTarget(
            f"'{target}' is no address and not in hosts.toml{nearest(target, known)};"
            " 'guardpost help targets' lists the forms"
        )
    return known[target]


def standard_files() -> tuple[FileName, ...]:
    """The user's file, beside the user's keys, and the system's."""
    from guardpost.identity import places

    return (places.console_folder(os.environ) / "hosts.toml", SYSTEM_FILE)


def load(files: Iterable[FileName] | None = None) -> dict[str, Host]:
    """Every host by name; a file that is not there is an empty one. Raises UsageError."""
    found: dict[str, Host] = {}
    for path in standard_files() if files is None else files:
        for host in read(os.path.expanduser(path)):
            found.setdefault(host.name, host)
    return found


def read(path: FileName) -> list[Host]:
    import tomllib

    try:
        with open(path, "rb") as file:
            tables = tomllib.load(file)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except ValueError as error:  # TOML and UTF-8 errors both are
        raise UsageError(f"{path}: {error}") from error
    return [read_table(name, table, f"{path}: [{name}]") for name, table in tables.items()]


def read_table(name: str, table: Any, where: str) -> Host:
    if not isinstance(table, dict):
        raise UsageError(f"{where} stands outside a table; write [HOST] above it")
    if name in RESERVED_NAMES:
        raise UsageError(f"{where}: a host may not bear a command's name; call it otherwise")
    if is_address(name) or name.startswith("-"):
        raise UsageError(f"{where}: a host's name holds no ':' or '/', and is not COMn")
    for field, value in table.items():
        if field == "forwards":
            valid = isinstance(value, list) and all(isinstance(each, str) for each in value)
        elif field in TEXT_FIELDS:
            valid = isinstance(value, str)
        else:
            known = [*TEXT_FIELDS, "forwards"]
            raise UsageError(f"{where}: unknown field '{field}'{nearest(field, known)}")
        if not valid:
            wanted = "a list of texts" if field == "forwards" else "a text"
            raise UsageError(f"{where}: {field} must be {wanted}")
    if not is_address(table.get("line", "")):
        raise UsageError(f'{where}: line must be an address, as in line = "/dev/ttyUSB0"')
    return Host(name, **(table | {"forwards": tuple(table.get("forwards", ()))}))
