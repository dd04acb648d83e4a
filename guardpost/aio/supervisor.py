"""Reopening a line that went away: the one place that knows how often to try.

A USB adapter is replugged, a BMC restarts, a terminal server drops its peers. What
survives meanwhile is the session's business; this only brings the line back.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from guardpost.aio.stream import ByteStream
from guardpost.errors import TransportError

__all__ = ["FIRST_PAUSE_SECONDS", "LONGEST_PAUSE_SECONDS", "Backoff", "reopen"]

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 2.0
"""So that a port that is back is in use within 2 s, and a dead one costs nothing to wait for."""


class Backoff:
    """The pauses between tries: doubling, up to a limit."""

    def __init__(
        self, first: float = FIRST_PAUSE_SECONDS, longest: float = LONGEST_PAUSE_SECONDS
    ) -> None:
        self._next = first
        self._longest = longest

    def pause(self) -> float:
        """Seconds to wait before the next try."""
        pause = self._next
        self._next = min(2 * pause, self._longest)
        return pause


async def reopen(
    open_once: Callable[[], Awaitable[ByteStream]],
    *,
    on_wait: Callable[[TransportError], None] | None = None,
    patience: float | None = None,
    backoff: Backoff | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> ByteStream:
    """Open the line, waiting for it as long as it is away, busy or broken.

    `on_wait` is told what stands in the way, each time that changes. After `patience`
    seconds (None: never) the last error is raised; any other error is raised at once.
    """
    pauses = backoff or Backoff()
    give_up_at = None if patience is None else clock() + patience
    told = ""
    while True:
        try:
            return await open_once()
        except TransportError as error:
            pause = pauses.pause()
            if give_up_at is not None and clock() + pause > give_up_at:
                raise
            if on_wait is not None and str(error) != told:
                told = str(error)
                on_wait(error)
        await sleep(pause)
