"""Which key may do what: the one pure function `decide`.

Permits only ever allow; what nothing allows is denied. This file knows no key
and no channel.

A list of programs judges the program's path and nothing behind it: what arguments mean only
the program knows (`systemctl status` pages through a program that has a shell), so a rule on
them would promise what it cannot keep.
"""

from guardpost.agent.permits import LAST_PORT, Address, Host, Permits, normalise
from guardpost.services.action import Action, Verdict, components, is_harmless, is_within

__all__ = ["Action", "Verdict", "decide"]


def decide(permits: Permits, action: Action) -> Verdict:
    """Whether a key with `permits` may do `action`. Unknown verbs are denied."""
    match action.verb:
        case "monitor" | "shell" | "admin" as verb:
            allowed = bool(permits.of(verb))
            return Verdict(allowed, f"{verb} is {'' if allowed else 'not '}permitted")
        case "accept":
            # Each connection was judged when it came, as its "listen" was.
            allowed = bool(permits.of("listen"))
            return Verdict(allowed, f"listen is {'' if allowed else 'not '}permitted")
        case "jobs":
            # Those of the same key: to see and end what it may start is no further power.
            allowed = any(permits.of(verb) for verb in ("exec", "shell", "admin"))
            return Verdict(allowed, f"jobs are {'' if allowed else 'not '}permitted")
        case "exec":
            return _run(permits, action)
        case "file-read" | "file-write":
            return _path(permits, action, f"{action.verb} of this path")
        case "forward" | "listen" if action.path:
            return _path(permits, action, f"{action.verb} to this socket")
        case "forward" | "listen":
            return _address(permits, action)
    return Verdict(False, "no such action")


def _run(permits: Permits, action: Action) -> Verdict:
    grants = permits.of("exec")
    if any(grant.target is None for grant in grants):
        return Verdict(True, "exec is permitted")
    if not grants:
        return Verdict(False, "exec is not permitted")
    program = components(action.argv[0]) if action.argv else None
    programs = [components(each.target) for each in grants if isinstance(each.target, bytes)]
    if program is None or program not in programs:
        return Verdict(False, "exec of this program is not permitted")
    if not all(map(is_harmless, action.env)):
        return Verdict(False, "exec with these variables is not permitted", is_listed=True)
    return Verdict(True, "exec of this program is permitted", is_listed=True)


def _path(permits: Permits, action: Action, what: str) -> Verdict:
    """A path, or a socket that has one, by the names in it; the service looks where it leads."""
    grants = permits.of(action.verb)
    if not action.path or b"\0" in action.path:
        return Verdict(False, "no such path")
    # A socket is a name in a folder, which the loopback addresses of a bare `listen` are not.
    if action.verb != "listen" and any(grant.target is None for grant in grants):
        return Verdict(True, f"{what} is permitted")
    roots = tuple(grant.target for grant in grants if isinstance(grant.target, bytes))
    if is_within(action.path, roots):
        return Verdict(True, f"{what} is permitted", roots)
    return Verdict(False, f"{what} is not permitted")


def _address(permits: Permits, action: Action) -> Verdict:
    lowest = 0 if action.verb == "listen" else 1
    if not action.host or not lowest <= action.port <= LAST_PORT:
        return Verdict(False, "no such address")
    host = normalise(action.host)
    for grant in permits.of(action.verb):
        if isinstance(grant.target, Address):
            allowed = grant.target.covers(host, action.port)
        else:
            bare = grant.target is None
            allowed = bare and (action.verb == "forward" or _is_loopback(host))
        if allowed:
            return Verdict(True, f"{action.verb} to this address is permitted")
    return Verdict(False, f"{action.verb} to this address is not permitted")


def _is_loopback(host: Host) -> bool:
    """A name never is: what it means is known only when it is too late."""
    if isinstance(host, str) or getattr(host, "scope_id", None):
        return False
    return host.is_loopback
