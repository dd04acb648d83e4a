"""Pace: how often a live list is refreshed: as wished, and never more than a tenth of the line."""

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from guardpost.console.figures import Figures

__all__ = ["INTERVALS", "LINE_SHARE", "Pace"]

LINE_SHARE = 0.1
"""Of the line's rate, for refreshes; the rest is for people and copies."""
INTERVALS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_LOOK_SECONDS = 0.25
_OVERHEAD_BYTES = 120
"""Of the packets of a refresh, the question and the acknowledgements (docs/performance.md)."""


class Pace:
    """wait() until the next refresh is due; `figures` are the line's, when they are known."""

    def __init__(self, wished: float) -> None:
        self.wished = wished
        self.figures: Figures | None = None
        self._needed = 0.0

    @property
    def interval(self) -> float:
        """Seconds from one refresh to the next."""
        return max(self.wished, self._needed)

    def took(self, size: int, seconds: float, *, first: bool) -> None:
        """A refresh of `size` bytes took `seconds`; the first one is larger than all others."""
        if first:
            return
        rate = self.figures.rate if self.figures is not None else None
        if rate:
            on_line = (size + _OVERHEAD_BYTES) / rate
        else:
            # The time it took is at least that on the line; once, it may be that of an outage.
            before = self._needed * LINE_SHARE
            on_line = min(seconds, 2 * before) if before else seconds
        self._needed = on_line / LINE_SHARE

    def change(self, *, faster: bool) -> None:
        """The next of INTERVALS."""
        if faster:
            self.wished = max(
                (each for each in INTERVALS if each < self.wished), default=self.wished
            )
        else:
            self.wished = min(
                (each for each in INTERVALS if each > self.wished), default=self.wished
            )

    def text(self) -> str:
        if self._needed > self.wished:
            return f"every {self.interval:.1f} s: more is not for this line"
        return f"every {self.interval:g} s"

    async def wait(self) -> None:
        """Until the next refresh is due, by the interval as it is wished meanwhile."""
        clock = asyncio.get_running_loop().time
        begun = clock()
        while (left := begun + self.interval - clock()) > 0:
            await asyncio.sleep(min(left, _LOOK_SECONDS))
