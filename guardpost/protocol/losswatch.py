"""LossWatch: when the losses of a session ask for a survey of the path.

Source: docs/protocol.md section 9, "Other profiles".
"""

from guardpost.protocol.limits import RESURVEY_MAX_SECONDS, RESURVEY_SECONDS, WATCHED_FRAMES

__all__ = ["LossWatch"]


class LossWatch:
    """Compares counters of both directions with what they were so many frames ago."""

    def __init__(self) -> None:
        self._there = (0, 0)
        self._back = (0, 0)
        self._not_before = float("-inf")
        self._pause = RESURVEY_SECONDS
        self._is_guess = False

    def is_suspicious(self, there: tuple[int, int], back: tuple[int, int], now: float) -> bool:
        """`there` and `back`: (frames, bad ones among them), counted from any start."""
        sick = False
        if back[0] < self._back[0]:
            self._back = (0, 0)  # another decoder counts
        if there[0] - self._there[0] >= WATCHED_FRAMES:
            sick |= 2 * (there[1] - self._there[1]) >= there[0] - self._there[0]
            self._there = there
        if back[0] - self._back[0] >= WATCHED_FRAMES:
            sick |= 2 * (back[1] - self._back[1]) >= back[0] - self._back[0]
            self._back = back
        return (sick or self._is_guess) and now >= self._not_before

    def skip(self, there: tuple[int, int], back: tuple[int, int]) -> None:
        """What was counted so far says nothing of the path."""
        self._there, self._back = there, back

    def guessed(self, now: float) -> None:
        """Nobody answered the survey that the profiles should have come from: it was noise."""
        self._is_guess = True
        self._not_before = now + self._pause

    def learned(self) -> None:
        """A survey was answered."""
        self._is_guess = False

    def surveyed(self, now: float) -> None:
        """What a survey does not mend it will not mend in a second either."""
        self._not_before = now + self._pause
        self._pause = min(2 * self._pause, RESURVEY_MAX_SECONDS)
