"""Permits: what one key may do, and how that is written.

    monitor,exec=/usr/bin/systemctl,file-read=/var/log,forward=127.0.0.1:*,listen=[::1]:8000-8100

A verb alone allows all of its kind, but for `listen`: alone it is the loopback addresses, so
that nobody opens a port to a network by leaving something out. In a path `%2C` is a comma.

A rule and an action name a host in one of two ways, an address or a name, and
**a name never matches an address**: resolving happens after the decision, and a
name that the peer's DNS server points at 127.0.0.1 must not pass as 127.0.0.1.
Whoever wants both permits both. `*` alone matches either.
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from guardpost.errors import UsageError
from guardpost.services.action import components

__all__ = ["EVERYTHING", "LAST_PORT", "VERBS", "Address", "Grant", "Host", "Permits", "normalise"]

LAST_PORT: Final = 65535

_PATH, _ADDRESS, _PROGRAM = "a path", "HOST:PORT", "a program's path"
# What may stand behind the = of each verb.
VERBS: Final[dict[str, tuple[str, ...]]] = {
    "monitor": (),
    "exec": (_PROGRAM,),
    "shell": (),
    "file-read": (_PATH,),
    "file-write": (_PATH,),
    "forward": (_ADDRESS, _PATH),
    "listen": (_ADDRESS, _PATH),
    "admin": (),
}

_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_ABSOLUTE = re.compile(r"/|[A-Za-z]:[\\/]")

# A name is a str and an address is not, so that the two are never equal, however they are spelt.
Host = str | ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Address:
    """Ports `first_port` to `last_port` of `host` (normalised; None is every host)."""

    host: Host | None = None
    first_port: int = 1
    last_port: int = LAST_PORT

    def covers(self, host: Host, port: int) -> bool:
        """Whether it allows `port` of a normalised `host`; port 0 is any that is free."""
        if self.host not in (None, host):
            return False
        if port == 0:
            return (self.first_port, self.last_port) == (1, LAST_PORT)
        return self.first_port <= port <= self.last_port

    def __str__(self) -> str:
        host = str(self.host or "*")
        ports = f"{self.first_port}-{self.last_port}"
        if (self.first_port, self.last_port) == (1, LAST_PORT):
            ports = "*"
        elif self.first_port == self.last_port:
            ports = str(self.first_port)
        return f"{f'[{host}]' if ':' in host else host}:{ports}"


@dataclass(frozen=True, slots=True)
class Grant:
    """A verb, and what it is limited to: an address, an absolute path, or (None) nothing."""

    verb: str
    target: Address | bytes | None = None

    def __str__(self) -> str:
        match self.target:
            case None:
                return self.verb
            case bytes(path):
                return f"{self.verb}={_quoted(path)}"
            case address:
                return f"{self.verb}={address}"


@dataclass(frozen=True, slots=True)
class Permits:
    """What one key may do: the sum of `grants`."""

    grants: tuple[Grant, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Permits":
        """Permits from `VERB,VERB=TARGET,...`; empty text permits nothing.

        HOST is a name, an IPv4 address, an IPv6 address in brackets, or `*`; PORT a number, a
        range `8000-8080`, or `*`. Raises UsageError naming the part that is wrong.
        """
        parts = [each.strip() for each in text.split(",")] if text.strip() else []
        return cls(tuple(_parse_grant(part) for part in parts))

    def of(self, verb: str) -> tuple[Grant, ...]:
        """Those of one verb."""
        return tuple(grant for grant in self.grants if grant.verb == verb)

    def __str__(self) -> str:
        return ",".join(map(str, self.grants))


# Not listen=*:*: who opens a port to a network says so.
EVERYTHING: Final = Permits((*map(Grant, VERBS), Grant("listen", b"/")))


def normalise(host: str) -> Host:
    """An address if it is one; else a name without case and final dot."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower().removesuffix(".")
    # ::ffff:127.0.0.1 reaches 127.0.0.1.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _parse_grant(part: str) -> Grant:
    verb, equals, target = part.partition("=")
    kinds = VERBS.get(verb)
    if kinds is None or (equals and not kinds):
        known = ", ".join(f"{each}=..." if VERBS[each] else each for each in VERBS)
        raise UsageError(f"{part[:60]!r} is no permit; there are {known}")
    if not equals:
        return Grant(verb)
    if _ADDRESS in kinds and not _ABSOLUTE.match(target):
        return Grant(verb, _parse_address(verb, target))
    return Grant(verb, _parse_path(verb, target))


def _parse_path(verb: str, text: str) -> bytes:
    path = _unquoted(text)
    if components(path) is None:
        what = _PROGRAM if verb == "exec" else _PATH
        raise UsageError(f"{text[:60]!r} is no target for {verb}=; write {what}, from / on")
    return path


def _quoted(path: bytes) -> str:
    """The comma ends a permit, the quote all of them, and % begins a byte."""
    return "".join(
        chr(each) if 0x20 < each < 0x7F and each not in b',"%' else f"%{each:02X}" for each in path
    )


def _unquoted(text: str) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    return re.sub(rb"%([0-9A-Fa-f]{2})", lambda found: bytes.fromhex(found[1].decode()), data)


def _parse_address(verb: str, target: str) -> Address:
    host, colon, ports = target.rpartition(":")
    if not colon:
        raise UsageError(f"{verb}={target[:60]!r} has no port; write {verb}=HOST:PORT or HOST:*")
    return Address(_parse_host(verb, host), *_parse_ports(verb, ports))


def _parse_host(verb: str, text: str) -> Host | None:
    if text == "*":
        return None
    bracketed = text.startswith("[") and text.endswith("]")
    host = normalise(text[1:-1] if bracketed else text)
    if isinstance(host, str):
        # "127.0.0.1." would be shown as the address that it never matches.
        shown_as_itself = host == normalise(host)
        fine = not bracketed and shown_as_itself and _NAME.fullmatch(host) is not None
    else:
        fine = bracketed == (":" in text)
    if not fine:
        raise UsageError(
            f"{text[:60]!r} is no host for {verb}=; write a name, an address, [IPv6] or *"
        )
    return host


def _parse_ports(verb: str, text: str) -> tuple[int, int]:
    if text == "*":
        return 1, LAST_PORT
    first, dash, last = text.partition("-")
    numbers = [first, last] if dash else [first, first]
    if all(each.isascii() and each.isdigit() and len(each) <= 5 for each in numbers):
        low, high = int(numbers[0]), int(numbers[1])
        if 1 <= low <= high <= LAST_PORT:
            return low, high
    raise UsageError(f"{text[:60]!r} is no port for {verb}=; write 1 to 65535, a range a-b, or *")
