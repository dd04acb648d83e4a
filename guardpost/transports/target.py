"""Targets: how a person names a line.

    /dev/ttyUSB0   COM3   serial:/dev/ttyUSB0     unix:/path            tcp:HOST:PORT
    rfc2217:HOST:PORT     telnet:HOST[:PORT]      exec:COMMAND LINE
    amt:[USER@]HOST[:PORT]     amts:...           ipmi:[USER@]HOST[:PORT]
    on a host also             tcp-listen:[HOST:]PORT                   unix-listen:/path

IPv6 addresses stand in brackets. Options follow a `?` on every form but `exec:`
(`?baud=57600&profile=console`). Names from hosts.toml are resolved before this.
"""

import os
import re
import shlex
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from guardpost.errors import NoSuchTarget, UsageError

__all__ = ["NO_CABLE", "PROFILES", "WITH_PASSWORD", "Target", "canonical", "parse_target"]
__all__ += ["split_host_port"]

PROFILES = ("clean", "xonxoff", "console", "printable")

NO_CABLE = "the speed can be raised on a cable between two serial ports only, never over SOL"
"""Nor through any program or network: what is in between keeps its own."""

LOOPBACK = "127.0.0.1"

WITH_PASSWORD = ("amt", "amts", "ipmi")
"""The lines that a name and a password open."""

DEFAULT_PORTS: Mapping[str, int] = {"telnet": 23, "amt": 16994, "amts": 16995, "ipmi": 623}


class Target(NamedTuple):
    """`address` is a path, a COM port, `HOST:PORT` (complete, IPv6 in brackets) or a command."""

    scheme: str
    address: str
    options: Mapping[str, str] = MappingProxyType({})
    user: str = ""

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        return f"{self.scheme}:{user}{self.address}"


def parse_target(text: str) -> Target:
    """Raises UsageError (malformed) or NoSuchTarget (nothing that could be a target)."""
    if not text.replace("\t", " ").isprintable():
        raise UsageError(f"{text!r}: a target holds no control characters")
    scheme, colon, rest = text.partition(":")
    if "/" in scheme or _is_com_port(text.partition("?")[0]):
        scheme, rest = "serial", text
    elif not colon:
        raise NoSuchTarget(
            f"{text!r} is no target; give a port (/dev/ttyS0, COM3), tcp:HOST:PORT, unix:/path, "
            "exec:COMMAND or a name from hosts.toml"
        )
    form = _FORMS.get(scheme)
    if form is None:
        known = ", ".join(_FORMS)
        raise UsageError(f"{text!r}: {scheme!r} is no kind of line; there are {known}")
    if scheme == "exec":
        return form(scheme, rest)
    address, options = _split_options(text, rest)
    target = form(scheme, address)
    for name, value in options.items():
        _check_option(text, scheme, name, value)
    return Target(scheme, target.address, options, target.user)


def canonical(target: Target) -> str:
    """One text for one line, however it was named: what a lock or a pin is kept under.

    Users and options are left out: they change how a line is used, not which one it is.
    Symbolic links are resolved, so /dev/serial/by-id/x and /dev/ttyUSB0 are the same.
    """
    address = target.address
    if target.scheme == "serial" and _is_com_port(address):
        address = address.removeprefix("\\\\.\\").upper()
    elif target.scheme in ("serial", "unix", "unix-listen"):
        address = os.path.realpath(address)
    elif target.scheme == "exec":
        address = shlex.join(shlex.split(address))
    else:
        address = address.lower()
    return f"{target.scheme}:{address}"


def split_host_port(address: str) -> tuple[str, int]:
    """("::1", 23) of "[::1]:23"; the address is one that parse_target made."""
    host, _, port = address.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _is_com_port(address: str) -> bool:
    name = address.removeprefix("\\\\.\\")
    return name[:3].lower() == "com" and name[3:].isdecimal()


# -- options


def _split_options(text: str, rest: str) -> tuple[str, dict[str, str]]:
    address, mark, tail = rest.partition("?")
    options: dict[str, str] = {}
    for part in tail.split("&") if mark else ():
        name, equals, value = part.partition("=")
        if not (name and equals and value):
            raise UsageError(f"{text!r}: an option is NAME=VALUE, and {part!r} is not")
        if name in options:
            raise UsageError(f"{text!r}: option {name!r} stands twice")
        options[name] = value
    return address, options


def _number(low: int, high: int) -> Callable[[str], bool]:
    return lambda value: (
        value.isascii() and value.isdigit() and len(value) < 10 and low <= int(value) <= high
    )


def _is_fingerprint(value: str) -> bool:
    digits = value.replace(":", "")
    return len(digits) == 64 and all(digit in "0123456789abcdefABCDEF" for digit in digits)


_OPTIONS: Mapping[str, tuple[str, Callable[[str], bool]]] = {
    "profile": ("one of " + ", ".join(PROFILES), PROFILES.__contains__),
    "baud": ("a speed in bit/s, 50 to 20000000", _number(50, 20_000_000)),
    "raise-baud": ("a speed in bit/s, 50 to 20000000", _number(50, 20_000_000)),
    "parity": ("none, even or odd", ("none", "even", "odd").__contains__),
    "rtscts": ("0 or 1", ("0", "1").__contains__),
    "cipher": ("an IPMI cipher suite, 3 or 17", ("3", "17").__contains__),
    "take-over": ("0 or 1", ("0", "1").__contains__),
    "auth": ("digest or plain", ("digest", "plain").__contains__),
    "gather": ("milliseconds, 1 to 1000", _number(1, 1000)),
    "fingerprint": ("a certificate's SHA-256, 64 hex digits", _is_fingerprint),
    "ca": ("a file of certificates", bool),
}

_OPTIONS_OF: Mapping[str, tuple[str, ...]] = {
    "serial": ("baud", "parity", "rtscts", "profile", "raise-baud"),
    "rfc2217": ("baud", "parity", "rtscts", "profile"),
    "ipmi": ("cipher", "take-over", "profile"),
    "amt": ("auth", "gather", "profile"),
    "amts": ("fingerprint", "ca", "auth", "gather", "profile"),
}


def _check_option(text: str, scheme: str, name: str, value: str) -> None:
    allowed = _OPTIONS_OF.get(scheme, ("profile",))
    if name == "raise-baud" and name not in allowed:
        raise UsageError(f"{text!r}: {NO_CABLE}")
    if name not in allowed:
        raise UsageError(f"{text!r}: {scheme}: has no option {name!r}, only {', '.join(allowed)}")
    meaning, valid = _OPTIONS[name]
    if not valid(value):
        raise UsageError(f"{text!r}: {name}= is {meaning}, and {value!r} is not")


# -- addresses


def _path(scheme: str, address: str) -> Target:
    if not address:
        raise UsageError(f"'{scheme}:' names no port; write {scheme}:/path")
    return Target(scheme, os.path.expanduser(address))


def _command(scheme: str, address: str) -> Target:
    try:
        words = shlex.split(address)
    except ValueError as error:
        raise UsageError(f"exec:{address!r}: {str(error).lower()}") from None
    if not words:
        raise UsageError("'exec:' names no command; write exec:COMMAND LINE")
    return Target(scheme, address)


def _host_port(scheme: str, address: str) -> Target:
    match = re.fullmatch(_HOST_PORT, address, re.ASCII)
    if match is None or not match["host"]:
        raise UsageError(f"'{scheme}:{address}' is not {scheme}:HOST:PORT (IPv6 in brackets)")
    port = match["port"] or DEFAULT_PORTS.get(scheme)
    if port is None:
        raise UsageError(f"'{scheme}:{address}' names no port; write {scheme}:HOST:PORT")
    return Target(scheme, f"{match['host']}:{_port(scheme, address, port)}")


def _user_host_port(scheme: str, address: str) -> Target:
    user, _, place = address.rpartition("@")
    if ":" in user:
        raise UsageError(
            f"{scheme}: takes no password on the command line; set GUARDPOST_PASSWORD instead"
        )
    return Target(scheme, _host_port(scheme, place).address, user=user)


def _listen_port(scheme: str, address: str) -> Target:
    if address.isdigit():
        address = f":{address}"
    match = re.fullmatch(_HOST_PORT, address, re.ASCII)
    if match is None or match["port"] is None:
        raise UsageError(f"'{scheme}:{address}' is not {scheme}:[HOST:]PORT (IPv6 in brackets)")
    port = _port(scheme, address, match["port"], lowest=0)
    return Target(scheme, f"{match['host'] or LOOPBACK}:{port}")


def _port(scheme: str, address: str, port: str | int, lowest: int = 1) -> int:
    if not lowest <= int(port) <= 65535:
        raise UsageError(f"'{scheme}:{address}': a port number is {lowest} to 65535")
    return int(port)


# Not compiled before it is needed: that takes longer than all else this module does.
_HOST_PORT = r"(?P<host>\[[0-9A-Fa-f:.%\w]+\]|[^\s:\[\]@/]*)(?::(?P<port>[0-9]{1,6}))?"

_FORMS: Mapping[str, Callable[[str, str], Target]] = {
    "serial": _path,
    "tcp": _host_port,
    "unix": _path,
    "exec": _command,
    "rfc2217": _host_port,
    "telnet": _host_port,
    "amt": _user_host_port,
    "amts": _user_host_port,
    "ipmi": _user_host_port,
    "tcp-listen": _listen_port,
    "unix-listen": _path,
}
