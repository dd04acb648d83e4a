"""IdleTimer: how long nobody has typed."""

import asyncio
from collections.abc import Callable

__all__ = ["IdleTimer"]


class IdleTimer:
    """Calls `expire` once nobody touched it for `seconds` by `clock`; expired() says so too,
    for the loop's timer may be late, and knows another clock.
    """

    def __init__(
        self, seconds: float, clock: Callable[[], float], expire: Callable[[], None]
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._expire = expire
        self._touched_at = clock()
        self._timer: asyncio.TimerHandle | None = None

    def touch(self) -> None:
        self._touched_at = self._clock()

    def expired(self) -> bool:
        return self._left() <= 0

    def _left(self) -> float:
        return self._touched_at + self._seconds - self._clock()

    def arm(self, at_least: float = 0.0) -> None:
        """Call `expire` when the time has come, not before `at_least` seconds."""
        self.disarm()
        delay = max(self._left(), at_least)
        self._timer = asyncio.get_running_loop().call_later(delay, self._due)

    def disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        self._timer = None
        if self.expired():
            self._expire()
        else:
            self.arm()
