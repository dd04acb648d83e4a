"""Who an agent is: a key that was named, baked in, kept on the host, or made for one boot."""

import argparse
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from guardpost import identity
from guardpost.baked import FACTS, Facts
from guardpost.host import randomness
from guardpost.identity import Identity, places

__all__ = ["identity_of", "later"]


def identity_of(args: argparse.Namespace, facts: Facts = FACTS) -> Identity:
    """Raises KeyFileError. It may take as long as the kernel's random generator needs."""
    private = facts.private_key
    if args.identity:
        return identity.load_or_make(Path(args.identity).expanduser(), os.urandom)
    if private is not None and not args.ephemeral:
        return Identity(private)
    if args.ephemeral or args.recovery:
        return identity.ephemeral(os.urandom)
    return identity.load_or_make(places.agent_identity(os.environ), os.urandom)


def later(
    make: Callable[[], Identity],
    tell: Callable[[Identity], None],
    wait: Callable[[], Awaitable[None]] = randomness.wait_until_ready,
) -> Callable[[], Awaitable[Identity]]:
    """What an agent without an identity waits for: `wait`, then `make`; `tell` hears of it."""

    async def made() -> Identity:
        await wait()
        found = make()
        tell(found)
        return found

    return made
