"""`guardpost policy check KEY ACTION`: whether the agent of this host would allow it, and why.

Exit code 0 is allowed, 1 denied. JSON schema 1: `{"schema", "allowed", "reason", "action", "key",
"fingerprint", "comment", "where", "role", "permits", "by", "roots"}`; `permits` and `by` are lists
of permits as they are written, `by` those that allow it, `roots` what links must not lead out of
(null: anything goes).
"""

import argparse
import json
import os
import re
import shlex
import sys
from typing import NamedTuple

from guardpost.agent.authorized import AuthorizedConsoles, Entry
from guardpost.agent.permits import VERBS, Permits
from guardpost.agent.policy import decide
from guardpost.cli import agent_files
from guardpost.errors import KeyFileError, UsageError
from guardpost.host.programs import find_program
from guardpost.identity import fingerprint, parse_public_key, public_key_text
from guardpost.services.action import Action, Verdict
from guardpost.termsafe import safe_text

__all__ = ["Explanation", "configure", "explain", "parse_action", "run"]

SCHEMA = 1
DENIED = 1

_ABSOLUTE = re.compile(r"/|[A-Za-z]:[\\/]")


class Explanation(NamedTuple):
    """What the agent would answer to the console of `key`, and what it goes by."""

    key: bytes
    action: Action
    verdict: Verdict
    entry: Entry | None
    by: tuple[str, ...]
    """Those of the key's permits that allow it."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("question", metavar="check", choices=["check"], help="the only question")
    parser.add_argument(
        "key", metavar="KEY", help="a public key, its fingerprint, or the comment of its line"
    )
    parser.add_argument(
        "action",
        metavar="ACTION",
        help="shell, exec=/usr/bin/id, forward=10.0.0.1:22, file-write=/srv/x, ...",
    )
    parser.add_argument(
        "--allow", metavar="KEY_OR_FILE", action="append", default=[], help="as the agent has it"
    )
    parser.add_argument("--config", metavar="FILE", help="roles (/etc/guardpost/agent.toml)")
    parser.add_argument("--json", action="store_true", help="JSON on standard output")


def run(args: argparse.Namespace) -> int:
    """Explain, and return 0 or 1. Raises UsageError."""
    consoles = agent_files.authorized(args.allow, agent_files.settings(args.config))
    action = parse_action(args.action)
    found = explain(consoles, key_of(args.key, consoles), action)
    for warning in consoles.warnings:
        print(f"guardpost: {safe_text(warning)}", file=sys.stderr)
    if args.json:
        print(json.dumps(as_json(found)))
    else:
        print("\n".join(as_text(found)))
    return 0 if found.verdict.allowed else DENIED


def explain(consoles: AuthorizedConsoles, key: bytes, action: Action) -> Explanation:
    """By the agent's own decide(), asked for all permits and then for each."""
    entry = consoles.find(key)
    if not isinstance(entry, Entry):
        return Explanation(key, action, Verdict(False, entry), None, ())
    grants = entry.permits.grants
    by = [str(each) for each in grants if decide(Permits((each,)), action).allowed]
    return Explanation(key, action, decide(entry.permits, action), entry, tuple(by))


def key_of(text: str, consoles: AuthorizedConsoles) -> bytes:
    """The key that `text` means. Raises UsageError when it means none, or several."""
    try:
        return parse_public_key(text)
    except (UsageError, KeyFileError):
        pass
    entries = consoles.entries()
    keys = {each.key for each in entries if text and text in (fingerprint(each.key), each.comment)}
    if len(keys) == 1:
        return keys.pop()
    if keys:
        which = ", ".join(sorted(map(fingerprint, keys)))
        raise UsageError(f"{text!r} stands behind several keys: {which}; give one of these")
    hint = "give a public key, a fingerprint SHA256:..., or all of what stands behind the key"
    raise UsageError(f"no line of authorized_consoles has {text[:80]!r}; {hint}")


def parse_action(text: str) -> Action:
    """An action as it would stand in a permit, with one address, path or command. UsageError."""
    verb, _, target = text.partition("=")
    if verb not in VERBS:
        raise UsageError(f"there is no action {verb[:60]!r}, only {', '.join(VERBS)}")
    if bool(target) != bool(VERBS[verb]):
        alone = f"{verb} stands alone" if target else f"{verb} needs a target"
        examples = "exec=/usr/bin/id, file-read=/var/log/x, forward=10.0.0.1:22"
        raise UsageError(f"{alone}; write it as in {examples}, shell")
    if not target:
        return Action(verb)
    if verb == "exec":
        return _command(target)
    if verb.startswith("file-") or _ABSOLUTE.match(target):
        return Action(verb, path=os.fsencode(target))
    host, colon, port = target.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit()):
        raise UsageError(f"{target[:60]!r} is no address; write HOST:PORT, or the path of a socket")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    return Action(verb, bare, int(port))


def _command(text: str) -> Action:
    try:
        argv = [os.fsencode(word) for word in shlex.split(text)]
    except ValueError as error:
        raise UsageError(f"{text[:60]!r} is no command: {error}") from None
    if not argv or not argv[0]:
        raise UsageError("exec= names no program")
    return Action("exec", argv=(find_program(argv[0]), *argv[1:]))


def _written(action: Action) -> str:
    target = os.fsdecode(action.path) or shlex.join(map(os.fsdecode, action.argv))
    if action.host:
        target = f"{f'[{action.host}]' if ':' in action.host else action.host}:{action.port}"
    return f"{action.verb}={target}" if target else action.verb


def as_text(found: Explanation) -> list[str]:
    verdict, entry = found.verdict, found.entry
    rows = [("action", _written(found.action)), ("key", fingerprint(found.key))]
    if entry is not None:
        rows += [("comment", entry.comment), ("line", entry.where), ("role", entry.role)]
        rows += [("by", ", ".join(found.by))] if found.by else [("permits", str(entry.permits))]
    rows += [("within", os.fsdecode(root)) for root in verdict.roots or ()]
    head = f"{'allowed' if verdict.allowed else 'denied'}: {safe_text(verdict.reason)}"
    return [head, *(f"  {name:8} {safe_text(value)}" for name, value in rows if value)]


def as_json(found: Explanation) -> dict[str, object]:
    verdict, entry = found.verdict, found.entry
    roots = verdict.roots
    return {
        "schema": SCHEMA,
        "allowed": verdict.allowed,
        "reason": verdict.reason,
        "action": _written(found.action),
        "key": public_key_text(found.key),
        "fingerprint": fingerprint(found.key),
        "comment": entry.comment if entry else None,
        "where": entry.where if entry else None,
        "role": entry.role if entry else None,
        "permits": [str(each) for each in entry.permits.grants] if entry else [],
        "by": list(found.by),
        "roots": None if roots is None else [os.fsdecode(root) for root in roots],
    }
