"""Reopening a line that went away: the one place that knows when, how often, and what to say.

A USB adapter is replugged, a BMC restarts, a terminal server drops its peers, `ipmitool` ends.
What survives meanwhile is the session's business; this only brings the line back.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from guardpost.aio.stream import ByteStream
from guardpost.errors import LineBusy, NoSuchTarget, TransportError

__all__ = ["CALM_SECONDS", "FIRST_PAUSE_SECONDS", "LONGEST_PAUSE_SECONDS", "Backoff"]
__all__ += ["LineKeeper", "reopen"]

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 2.0
"""So that a port that is back is in use within 2 s, and a dead one costs nothing to wait for."""

CALM_SECONDS = 5.0
"""For whoever may wait for days, on a machine that is to sleep."""

CALM_AFTER_TRIES = 155
"""Five minutes: as long a session waits for its line (docs/protocol.md), and so do its people."""

STEADY_SECONDS = 2.0
"""A line that ended sooner was never really there (`exec:` opens with any program that starts):
it is not opened again at once."""


class Backoff:
    """The pauses between tries: doubling, up to a limit; `calm` is that of the end."""

    def __init__(
        self,
        first: float = FIRST_PAUSE_SECONDS,
        longest: float = LONGEST_PAUSE_SECONDS,
        *,
        calm: float = LONGEST_PAUSE_SECONDS,
    ) -> None:
        self._next = first
        self._longest = longest
        self._calm = calm
        self._tries = 0

    def pause(self) -> float:
        """Seconds to wait before the next try."""
        self._tries += 1
        if self._tries > CALM_AFTER_TRIES:
            return max(self._calm, self._longest)
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


class LineKeeper:
    """Opens one line again as often as it goes away. At first it counts as just opened."""

    def __init__(
        self,
        open_once: Callable[[], Awaitable[ByteStream]],
        tell: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        calm: float = LONGEST_PAUSE_SECONDS,
    ) -> None:
        """`tell` gets a sentence for each thing that changes: what is waited for, and its end.

        `calm`: seconds between tries that have gone on for long.
        """
        self._open_once = open_once
        self._tell = tell
        self._clock = clock
        self._sleep = sleep
        self._calm = calm
        self._pauses = Backoff(calm=calm)
        self._opened_at = clock()
        self._told: set[str] = set()

    async def open(self) -> ByteStream:
        """The line, waited for. Raises what is no TransportError."""
        waited = False

        def on_wait(error: TransportError) -> None:
            nonlocal waited
            waited = True
            self._say(f"waiting for the line{_ending(error)}: {error}")

        stream = await reopen(
            self._open_once,
            on_wait=on_wait,
            backoff=self._pauses,
            clock=self._clock,
            sleep=self._sleep,
        )
        if waited:
            self._pauses = Backoff(calm=self._calm)
        self._opened_at = self._clock()
        return stream

    async def again(self, reason: str) -> ByteStream:
        """The line that `reason` ended, opened again. Raises as open()."""
        was_steady = self._clock() - self._opened_at >= STEADY_SECONDS
        if was_steady:
            self._pauses = Backoff(calm=self._calm)
            self._told.clear()
        self._say(f"{reason}; opening it again")
        if not was_steady:
            await self._sleep(self._pauses.pause())
        stream = await self.open()
        # Of one that comes and goes it is said once, and that it comes back as well.
        self._say("the line is back")
        return stream

    def _say(self, sentence: str) -> None:
        if sentence not in self._told:
            self._told.add(sentence)
            self._tell(sentence)


def _ending(error: TransportError) -> str:
    """What ends the wait for a line that cannot be opened for this reason."""
    if isinstance(error, LineBusy):
        return " to become free"
    if isinstance(error, NoSuchTarget):
        return " to appear"
    return ""
