"""A virtual clock for asyncio: when nothing is ready the loop jumps to its next timer.

Five minutes of grace pass at once. What really takes time (threads, processes) is waited for only
while no timer is due, so stories under this clock leave those out.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

__all__ = ["run_virtual", "until"]

T = TypeVar("T")

# Real seconds to wait for a thread when no timer is left; then the story is stuck.
STUCK_SECONDS = 10.0


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits; what it should have waited is added to `clock`."""

    clock = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            ready = super().select(STUCK_SECONDS)
            if not ready:
                raise AssertionError("nothing will ever happen: no timer, nothing to read")
            return ready
        self.clock += timeout
        return ready


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.clock


def run_virtual(story: Coroutine[Any, Any, T]) -> T:
    """asyncio.run() under a clock that only timers move."""
    with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
        return runner.run(story)


async def until(happened: Callable[[], object], seconds: float = 30.0) -> None:
    """Let time pass until `happened` says so. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not happened():
            await asyncio.sleep(0.01)
