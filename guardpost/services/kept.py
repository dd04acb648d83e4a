"""KeptJobs: the programs on this host that go on without the channel that started them.

Each belongs to the key that started it. They end with the agent, whose memory holds their last
output; what has ended stays to be looked at for a day, or until its place is wanted.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from guardpost.errors import ChannelReset, ResetCode
from guardpost.services.job import Job

__all__ = ["MOST", "KeptJob", "KeptJobs"]

MOST: Final = 16
"""Of all keys together: each may hold 64 KiB of output here."""

STAYS_SECONDS: Final = 86400.0
"""How long one that has ended can still be looked at, and a shell be left alone."""


@dataclass(slots=True)
class KeptJob:
    """`kind` is the service that started it; times are seconds since the epoch."""

    number: int
    kind: str
    argv: tuple[bytes, ...]
    key: bytes
    user: str
    job: Job
    started: float
    ended_at: float | None = None
    ends_alone: bool = False
    """It is ended when nobody was attached for a day."""
    lonely: asyncio.TimerHandle | None = None
    """Until then, since somebody has left it."""


class KeptJobs:
    """Use inside one event loop. `clock` gives seconds since the epoch."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._last = 0
        self._jobs: dict[int, KeptJob] = {}
        self._running: dict[int, asyncio.Task[None]] = {}

    def keep(
        self,
        job: Job,
        kind: str,
        argv: tuple[bytes, ...],
        *,
        key: bytes,
        user: str,
        ends_alone: bool = False,
        ended: Callable[[], None] = lambda: None,
    ) -> int:
        """Run `job` from now on, and return its number; `ended` is called when it has.

        Raises ChannelReset (LIMIT) when there are too many that have not ended; `job` is then
        still the caller's.
        """
        self._make_room()
        self._last += 1
        began = self._clock()
        kept = KeptJob(self._last, kind, argv, key, user, job, began, ends_alone=ends_alone)
        self._jobs[kept.number] = kept
        self._running[kept.number] = asyncio.ensure_future(self._run(kept, ended))
        return kept.number

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._clock()

    def all(self) -> list[KeptJob]:
        """Those there are, the oldest first."""
        self._expire()
        return list(self._jobs.values())

    def find(self, number: int) -> KeptJob | None:
        self._expire()
        return self._jobs.get(number)

    def forget(self, number: int) -> None:
        """It is listed no more; if it runs still it is ended."""
        self._jobs.pop(number, None)
        if (running := self._running.get(number)) is not None:
            running.cancel()

    def leave(self, kept: KeptJob) -> None:
        """Whoever was attached has gone: one that `ends_alone` is ended, and listed as timed out,
        unless somebody comes within a day."""
        if kept.ends_alone and kept.number in self._running and not kept.job.is_attached:
            self._attend(kept)
            loop = asyncio.get_running_loop()
            kept.lonely = loop.call_later(STAYS_SECONDS, self._abandon, kept)

    def _attend(self, kept: KeptJob) -> None:
        if kept.lonely is not None:
            kept.lonely.cancel()
            kept.lonely = None

    def _abandon(self, kept: KeptJob) -> None:
        running = self._running.get(kept.number)
        if running is not None and not kept.job.is_attached:
            kept.job.is_out_of_time = True
            running.cancel()

    async def close(self) -> None:
        """End them all, and wait for it."""
        for number in [*self._jobs]:
            self.forget(number)
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _run(self, kept: KeptJob, ended: Callable[[], None]) -> None:
        try:
            await kept.job.run()
        finally:
            self._attend(kept)
            kept.ended_at = self._clock()
            del self._running[kept.number]
            ended()

    def _make_room(self) -> None:
        self._expire()
        if len(self._jobs) + len([n for n in self._running if n not in self._jobs]) < MOST:
            return
        ended = [each for each in self._jobs.values() if each.ended_at is not None]
        if not ended:
            raise ChannelReset(ResetCode.LIMIT, f"at most {MOST} jobs; see 'guardpost jobs'")
        del self._jobs[min(ended, key=lambda each: each.ended_at or 0.0).number]

    def _expire(self) -> None:
        oldest = self._clock() - STAYS_SECONDS
        for number, kept in [*self._jobs.items()]:
            if kept.ended_at is not None and kept.ended_at < oldest:
                del self._jobs[number]
