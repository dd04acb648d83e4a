"""The work that the person at the prompt waits for: a command, or the check of a password."""

import asyncio
from collections.abc import Coroutine
from typing import Any

__all__ = ["Job"]


class Job:
    """At most one piece of work is the current one; those left behind end in the background."""

    def __init__(self) -> None:
        self._current: asyncio.Task[None] | None = None
        self._all: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin `work`; it must ask is_current() before it says anything."""
        self._current = asyncio.get_running_loop().create_task(work)
        self._all.add(self._current)
        self._current.add_done_callback(self._all.discard)

    def is_current(self) -> bool:
        """For the work itself: whether anybody still waits for it."""
        return self._current is not None and self._current is asyncio.current_task()

    def finish(self) -> None:
        """For the work itself: nobody needs to wait any longer."""
        self._current = None

    def interrupt(self) -> bool:
        """Ask the current work to end, and go on waiting; False when it was asked before."""
        if self._current is None or self._current.cancelling():
            return False
        self._current.cancel()
        return True

    def abandon(self) -> None:
        """End the current work, if any, and do not wait for it."""
        self.interrupt()
        self._current = None

    async def wait_closed(self) -> None:
        """Until all work that was ever begun has ended."""
        while self._all:
            await asyncio.wait(set(self._all))
