"""Which key may do what: the one pure function `decide`, and the permits it reads.

Permits only ever allow; what nothing allows is denied. This file knows no key
and no channel.

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
from guardpost.services.action import Action

__all__ = ["EVERYTHING", "VERBS", "Action", "ForwardRule", "Permits", "Verdict", "decide"]

VERBS: Final = ("monitor", "exec", "forward")
LAST_PORT: Final = 65535

_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")

# A name is a str and an address is not, so that the two are never equal, however they are spelt.
Host = str | ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` is for the audit and for the peer: it says nothing that the peer does not know."""

    allowed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class ForwardRule:
    """Ports `first_port` to `last_port` of `host` (normalised; None is every host)."""

    host: Host | None = None
    first_port: int = 1
    last_port: int = LAST_PORT

    def covers(self, host: Host, port: int) -> bool:
        """Whether it allows `port` of a normalised `host`."""
        return self.host in (None, host) and self.first_port <= port <= self.last_port

    def __str__(self) -> str:
        if self == ForwardRule():
            return "forward"
        host = str(self.host or "*")
        ports = f"{self.first_port}-{self.last_port}"
        if (self.first_port, self.last_port) == (1, LAST_PORT):
            ports = "*"
        elif self.first_port == self.last_port:
            ports = str(self.first_port)
        return f"forward={f'[{host}]' if ':' in host else host}:{ports}"


@dataclass(frozen=True, slots=True)
class Permits:
    """What one key may do."""

    verbs: frozenset[str] = frozenset()
    """Of `monitor` and `exec`; forwarding stands in the rules."""
    forwards: tuple[ForwardRule, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Permits":
        """Permits from `monitor,exec,forward=HOST:PORT,...`; empty text permits nothing.

        HOST is a name, an IPv4 address, an IPv6 address in brackets, or `*`. PORT
        is a number, a range `8000-8080`, or `*`. A bare `forward` is every address.
        Raises UsageError naming the part that is wrong.
        """
        verbs = set()
        forwards = []
        for part in [each.strip() for each in text.split(",")] if text.strip() else []:
            verb, equals, target = part.partition("=")
            if verb == "forward":
                forwards.append(_parse_rule(target) if equals else ForwardRule())
            elif verb in VERBS and not equals:
                verbs.add(verb)
            else:
                raise UsageError(
                    f"{part[:60]!r} is no permit; write monitor, exec, or forward=HOST:PORT"
                )
        return cls(frozenset(verbs), tuple(forwards))

    def __str__(self) -> str:
        verbs = [verb for verb in VERBS if verb in self.verbs]
        return ",".join([*verbs, *map(str, self.forwards)])


EVERYTHING: Final = Permits(frozenset({"monitor", "exec"}), (ForwardRule(),))


def decide(permits: Permits, action: Action) -> Verdict:
    """Whether a key with `permits` may do `action`. Unknown verbs are denied."""
    if action.verb not in VERBS:
        return Verdict(False, "no such action")
    if action.verb != "forward":
        allowed = action.verb in permits.verbs
        return Verdict(allowed, f"{action.verb} is {'' if allowed else 'not '}permitted")
    if not action.host or not 1 <= action.port <= LAST_PORT:
        return Verdict(False, "no such address")
    host = _normalise(action.host)
    if any(rule.covers(host, action.port) for rule in permits.forwards):
        return Verdict(True, "forward to this address is permitted")
    return Verdict(False, "forward to this address is not permitted")


def _normalise(host: str) -> Host:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower().removesuffix(".")
    # ::ffff:127.0.0.1 reaches 127.0.0.1.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _parse_rule(target: str) -> ForwardRule:
    host, colon, ports = target.rpartition(":")
    if not colon:
        raise UsageError(f"forward={target[:60]!r} has no port; write forward=HOST:PORT or HOST:*")
    return ForwardRule(_parse_host(host), *_parse_ports(ports))


def _parse_host(text: str) -> Host | None:
    if text == "*":
        return None
    bracketed = text.startswith("[") and text.endswith("]")
    host = _normalise(text[1:-1] if bracketed else text)
    if isinstance(host, str):
        # "127.0.0.1." would be shown as the address that it never matches.
        shown_as_itself = host == _normalise(host)
        fine = not bracketed and shown_as_itself and _NAME.fullmatch(host) is not None
    else:
        fine = bracketed == (":" in text)
    if not fine:
        raise UsageError(
            f"{text[:60]!r} is no host for forward=; write a name, an address, [IPv6] or *"
        )
    return host


def _parse_ports(text: str) -> tuple[int, int]:
    if text == "*":
        return 1, LAST_PORT
    first, dash, last = text.partition("-")
    numbers = [first, last] if dash else [first, first]
    if all(each.isascii() and each.isdigit() and len(each) <= 5 for each in numbers):
        low, high = int(numbers[0]), int(numbers[1])
        if 1 <= low <= high <= LAST_PORT:
            return low, high
    raise UsageError(f"{text[:60]!r} is no port for forward=; write 1 to 65535, a range a-b, or *")
