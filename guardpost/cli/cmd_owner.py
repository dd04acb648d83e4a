"""`guardpost owner TARGET check|stop`: the process that holds a line for other commands.

JSON schema 1: `{"schema", "owner": {"pid", "line", "state", "users", "channels"} or null}`.
"""

import argparse
import json
import sys
from typing import Any

from guardpost.cli import opening
from guardpost.errors import UsageError
from guardpost.termsafe import safe_text

__all__ = ["configure", "run"]

_STOPPED_SECONDS = 10.0


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="TARGET")
    parser.add_argument("what", choices=["check", "stop"], help="say what it does, or end it")
    parser.add_argument("--json", action="store_true", help="JSON on standard output")


def run(args: argparse.Namespace) -> int:
    """0; 1 when there is no owner."""
    if sys.platform == "win32":
        raise UsageError("there is no owner on Windows: each command holds the line itself")
    else:
        import asyncio

        found = asyncio.run(asked(opening.canonical_name(args.target), stop=args.what == "stop"))
        if args.json:
            print(json.dumps({"schema": 1, "owner": found}))
        else:
            print(sentence(found, stopped=args.what == "stop"))
        return 0 if found is not None else 1


async def asked(name: str, *, stop: bool) -> dict[str, Any] | None:
    """What the owner of the line says of itself; with `stop`, returns when it has ended."""
    if sys.platform == "win32":
        return None
    else:
        import asyncio

        from guardpost.console import owner_protocol as wire
        from guardpost.console.owner_client import ask_owner, connect_to_owner

        found = await ask_owner(name, wire.STOP if stop else wire.CHECK)
        if found is not None and stop:
            async with asyncio.timeout(_STOPPED_SECONDS):
                while (again := await connect_to_owner(name)) is not None:
                    again.close()
                    await asyncio.sleep(0.02)
        return found


def sentence(found: dict[str, Any] | None, *, stopped: bool) -> str:
    if found is None:
        return "no owner"
    line, pid = safe_text(str(found.get("line"))), found.get("pid")
    if stopped:
        return f"stopped the owner of {line} (pid {pid})"
    users = found.get("users") or []
    return (
        f"pid {pid} owns {line}: session {found.get('state')}, "
        f"{len(users)} users, {found.get('channels')} channels"
    )
