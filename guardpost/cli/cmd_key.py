"""`guardpost key`: this side's public key, made on first use; forgets an agent's.

JSON schema 1: `{"schema", "public_key", "fingerprint", "words", "file"}`, and with
--forget `{"schema", "forgotten", "public_key"}`.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from guardpost.cli import opening
from guardpost.errors import GuardpostError, UsageError
from guardpost.identity import fingerprint, load_or_make, places, public_key_text, words
from guardpost.trust.known_agents import KnownAgents

__all__ = ["configure", "run"]

SCHEMA = 1


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--identity", metavar="FILE", help="our private key (~/.config/guardpost/identity.key)"
    )
    parser.add_argument(
        "--fingerprint", action="store_true", help="print its SHA-256 and words to read out"
    )
    parser.add_argument(
        "--forget", metavar="TARGET", help="forget the accepted agent key of TARGET instead"
    )
    parser.add_argument("--known-agents", metavar="FILE", help="where accepted agent keys stand")
    parser.add_argument("--json", action="store_true", help="JSON on standard output")


def run(args: argparse.Namespace) -> int:
    """Print the key, or forget one. Raises KeyFileError, UsageError."""
    if args.forget is not None:
        forget(args)
    else:
        show(args)
    return 0


def show(args: argparse.Namespace) -> None:
    path = _path(args.identity) or places.console_identity(os.environ)
    is_first_use = not path.exists()
    identity = load_or_make(path, os.urandom)
    if is_first_use:
        print(f"guardpost: made a new identity in {path}", file=sys.stderr)
    if args.json:
        found = {
            "schema": SCHEMA,
            "public_key": identity.public_key,
            "fingerprint": fingerprint(identity.public),
            "words": words(identity.public),
            "file": str(path),
        }
        print(json.dumps(found))
    elif args.fingerprint:
        print(f"{fingerprint(identity.public)} ({words(identity.public)})")
    else:
        print(identity.public_key)


def forget(args: argparse.Namespace) -> None:
    path = _path(args.known_agents) or places.known_agents(os.environ)
    known = KnownAgents(path)
    # An old entry may still stand as it was spelt; a target that is gone has no other name.
    key = known.forget(args.forget) or known.forget(name_of(args.forget))
    if key is None:
        raise UsageError(f"no agent of {args.forget!r} is in {path}; it lists the targets it has")
    if args.json:
        forgotten = {
            "schema": SCHEMA,
            "forgotten": args.forget,
            "public_key": public_key_text(key),
        }
        print(json.dumps(forgotten))
    else:
        print(f"forgot {args.forget} {public_key_text(key)}")


def name_of(target: str) -> str:
    """The text under which the agent of TARGET is kept."""
    try:
        return opening.canonical_name(target)
    except GuardpostError:
        return target


def _path(given: str | None) -> Path | None:
    return Path(given).expanduser() if given else None
