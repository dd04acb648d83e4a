"""Copies between folders of this machine, over channels in memory: the services' own two halves."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from support.channels import MemoryOpener

from guardpost.aio.channel import Channel
from guardpost.services.action import Action, Verdict, is_within
from guardpost.services.asker import Asker, Fact
from guardpost.services.files import agent, console, events
from guardpost.services.files.console import CopyOptions

__all__ = ["Copies", "asker_for", "told"]


def asker_for(
    action: Action,
    roots: Sequence[bytes] | None = None,
    audit: list[Any] | None = None,
    verbs: Sequence[str] = ("file-read", "file-write"),
) -> Asker:
    """Somebody who may do `verbs`, everywhere or under `roots`."""
    places = None if roots is None else tuple(roots)

    def decide(further: Action) -> Verdict:
        allowed = further.verb in verbs and is_within(further.path, places)
        return Verdict(allowed, "permitted" if allowed else "not permitted", places)

    def write(action: Action, outcome: str, **facts: Fact) -> None:
        if audit is not None:
            audit.append((action, outcome, facts))

    verdict = decide(action)
    return Asker(
        "ann", "1", action=action, verdict=verdict, decide=decide, consider=decide, audit=write
    )


class Copies:
    """`put` and `get` with what they told. `roots` are the agent's policy."""

    def __init__(self, opener: MemoryOpener) -> None:
        self.opener = opener
        self.events: list[events.Event] = []

    async def put(self, *sources: Path | str, to: Path | str, **how: Any) -> None:
        stdin = how.pop("stdin", None)
        await console.put(
            self.opener,
            [encoded(each) for each in sources],
            encoded(to),
            CopyOptions(**how),
            self.events.append,
            stdin=stdin,
        )

    async def get(self, *sources: Path | str, to: Path | str, **how: Any) -> None:
        stdout = how.pop("stdout", None)
        await console.get(
            self.opener,
            [encoded(each) for each in sources],
            encoded(to),
            CopyOptions(**how),
            self.events.append,
            stdout=stdout,
        )

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def failed(self) -> dict[bytes, str]:
        """Name -> the fixed word."""
        return {event.name: event.word for event in self.of(events.Failed)}

    @property
    def travelled(self) -> int:
        return sum(event.travelled for event in self.of(events.Done))


def encoded(path: Path | str) -> bytes:
    return str(path).encode("utf-8", "surrogateescape")


def told(
    story: Callable[[Copies], Awaitable[None]],
    roots: Sequence[bytes] | None = None,
    audit: list[Any] | None = None,
    limit: int = 65536,
    verbs: Sequence[str] = ("file-read", "file-write"),
) -> Copies:
    """Run `story` against an agent; returns what was told."""

    async def serve_put(channel: Channel, request: bytes) -> None:
        asker = asker_for(agent.put_action(request), roots, audit, verbs)
        await agent.serve_put(channel, request, asker)

    async def serve_get(channel: Channel, request: bytes) -> None:
        asker = asker_for(agent.get_action(request), roots, audit, verbs)
        await agent.serve_get(channel, request, asker)

    async def run() -> Copies:
        services = {"put": serve_put, "get": serve_get}
        async with asyncio.timeout(60), MemoryOpener(services, limit) as opener:
            copies = Copies(opener)
            await story(copies)
            return copies

    return asyncio.run(run())
