"""CableSpeed: the speed one end's port should have, whichever of its sessions wants it.

The port belongs to the line and the agreement to a session: one that has said goodbye still has
to give the speed back.
"""

from collections.abc import Callable, Sequence

from guardpost.protocol.association import Association
from guardpost.protocol.baud import Stage
from guardpost.protocol.life import State

__all__ = ["CableSpeed"]

_BITS_PER_BYTE = 10  # 8N1


class CableSpeed:
    """`sessions` gives those of the line, the newest last. Speeds are bit/s.

    Whoever drives a connection asks to_set() before it takes bytes to send, and whenever a deadline
    has passed; on a line without speeds it need not.
    """

    def __init__(self, sessions: Callable[[], Sequence[Association]]) -> None:
        self._sessions = sessions

    # --- what the ends want ---

    def offer(self, base: int, speeds: Sequence[int], now: float) -> None:
        """Console: have the line run at the highest of `speeds` that works, `base` without.

        SpeedSettled tells what becomes of it.
        """
        for each in self._sessions()[-1:]:
            each.recovery.line.assume(base / _BITS_PER_BYTE, now)
            each.speed.offer(base, speeds, now)

    def answer(self, base: int, speeds: Sequence[int], now: float, *, refusal: str = "") -> None:
        """Agent, to SpeedAsked: the port has `base` and may have `speeds`, unless there is a
        `refusal` for the console to hear.
        """
        for each in self._sessions()[-1:]:
            if base:
                each.recovery.line.assume(base / _BITS_PER_BYTE, now)
            each.speed.answer(base, speeds, refusal)

    # --- what the port should do ---

    @property
    def raised(self) -> int | None:
        """The speed of a line that is faster than its base speed, by agreement."""
        return next((found for each in self._sessions() if (found := each.speed.raised)), None)

    def to_set(self, now: float) -> int | None:
        """What the port should be given now, once it has sent what it has; None: nothing."""
        found = (each.speed.to_set(now) for each in self._sessions())
        return next((speed for speed in found if speed is not None), None)

    @property
    def is_going_back(self) -> bool:
        """To the base speed, and what the port still holds need not be sent."""
        return any(each.speed.stage is Stage.RETURNING for each in self._sessions())

    def was_set(self, done: bool, now: float) -> None:
        """The port has the speed of to_set(), unless not `done`: then it kept its own."""
        for each in self._sessions():
            if each.speed.to_set(now) is not None:
                self._carries(each, each.speed.was_set(done, now), now)
                return

    def line_gone(self, now: float) -> None:
        """Whoever opens the line again opens it at the base speed."""
        for each in self._sessions():
            self._carries(each, each.speed.line_gone(now), now)

    def _carries(self, association: Association, rate: float | None, now: float) -> None:
        if rate is not None and association.state is not State.DEAD:
            association.line_changed(rate, now)
