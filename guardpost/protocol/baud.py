"""LineSpeed: a cable is run faster than at its base speed for as long as both ends hear each other.

Source: docs/protocol.md section 9, "Another speed". The console asks, the agent agrees to the
highest speed that both ports may have, both change and prove it with packets of their session.
From then on the speed is a lease: an end that opens nothing for SPEED_LEASE_SECONDS goes back to
the base speed by itself, so that whoever comes to a silent line finds it there. Nothing here is
lost for good: recovery sends again what a change of speed has cost.
"""

import enum
from collections import deque
from collections.abc import Sequence

from guardpost.protocol import events
from guardpost.protocol.limits import (
    SPEED_AGAIN_MAX_SECONDS,
    SPEED_AGAIN_SECONDS,
    SPEED_ANSWER_SECONDS,
    SPEED_BARRED_MAX_SECONDS,
    SPEED_BARRED_SECONDS,
    SPEED_BEAT_SECONDS,
    SPEED_LEASE_SECONDS,
    SPEED_LEAVE_SECONDS,
    SPEED_MEET_SECONDS,
    SPEED_NEXT_SECONDS,
    SPEED_PROBES,
    SPEED_PROVEN_SECONDS,
    SPEED_TRY_SECONDS,
)
from guardpost.protocol.losswatch import LossWatch
from guardpost.protocol.messages import Speed, SpeedStep

__all__ = ["LineSpeed", "Stage"]

_BITS_PER_BYTE = 10  # 8N1


class Stage(enum.Enum):
    BASE = "at the base speed"
    ASKED = "console: the agent has been asked"
    LEAVING = "agreed; the last of the base speed is on its way out"
    MEETING = "at the new speed, until the other end is heard there"
    PROBING = "both are there, and find out whether everything arrives"
    RAISED = "at the new speed, by a lease"
    RETURNING = "about to have the base speed again"


_TRYING = (Stage.MEETING, Stage.PROBING)
_THERE = (Stage.MEETING, Stage.PROBING, Stage.RAISED)


class LineSpeed:
    """Speeds are bit/s. What happens is appended to `events_out`."""

    def __init__(self, *, console: bool, events_out: deque[events.Event], now: float) -> None:
        self.stage = Stage.BASE
        self.base = 0
        self.spoke_at = now
        """When our last frame went out, whatever it held."""
        self._console = console
        self._events = events_out
        self._speeds: tuple[int, ...] = ()
        self._asked = 0
        self._target = 0
        self._out: list[Speed] = []
        self._until = now  # of the stage, however much is heard
        self._leave_at: float | None = None
        self._heard_at = now
        self._beat_at = now
        self._arrived: set[int] = set()
        self._peer_passed = False
        self._raised_at = now
        self._reason = ""
        self._watch: LossWatch | None = None
        self._ask_at: float | None = None
        self._pause = SPEED_AGAIN_SECONDS
        self._barred: dict[int, tuple[float, float]] = {}  # speed -> until when, for how long

    @property
    def raised(self) -> int | None:
        """The speed that was agreed on and proven, while it lasts."""
        return self._target if self.stage is Stage.RAISED else None

    @property
    def is_quiet(self) -> bool:
        """Only what is said here may be sent: the line is about to be another one."""
        return self.stage not in (Stage.BASE, Stage.RAISED)

    # --- what the ends want ---

    def offer(self, base: int, speeds: Sequence[int], now: float) -> None:
        """Console: have the line run at the highest of `speeds` that works, from `base` on."""
        first = not self._speeds
        self.base, self._speeds = base, tuple(speed for speed in speeds if speed > base)
        if first and self._speeds:
            self._ask_at = now

    def answer(self, base: int, speeds: Sequence[int], refusal: str) -> None:
        """Agent: what SpeedAsked wanted to know. `refusal`: why there is to be no other speed."""
        asked, self._asked = self._asked, 0
        if not asked or self.stage is not Stage.BASE:
            return
        self.base = base
        candidates = [speed for speed in speeds if base < speed <= asked]
        target = max(candidates, default=0)
        if refusal or not target:
            self._out = [Speed(SpeedStep.REFUSE, 0, refusal or "the port has none of the speeds")]
            return
        self._target = target
        self._out = [Speed(SpeedStep.AGREE, target)]
        self._leave_at = None  # not before that is out
        self.stage = Stage.LEAVING

    # --- from the line ---

    def opened(self, now: float) -> None:
        """A packet of the session was opened."""
        self._heard_at = now
        if self.stage is Stage.MEETING:
            self.stage = Stage.PROBING
            self._out = [Speed(SpeedStep.PROBE, number) for number in range(SPEED_PROBES)]

    def receive(self, message: Speed, now: float) -> None:
        match message.step:
            case SpeedStep.ASK if not self._console and self.stage is Stage.BASE:
                if not self._asked and message.value:
                    self._events.append(events.SpeedAsked())
                self._asked = message.value
            case SpeedStep.REFUSE | SpeedStep.AGREE if self.stage is Stage.ASKED:
                self._answered(message, now)
            case SpeedStep.PROBE if self.stage is Stage.PROBING:
                self._probed(message.value, now)
            case SpeedStep.PASSED if self.stage is Stage.PROBING:
                self._peer_passed = True
                self._look_whether_proven(now)
            case SpeedStep.BACK if self.stage in _THERE:
                self._go_back("the other end went back to the base speed", now)
            case _:
                pass  # late, or nothing to us

    def traffic(self, now: float) -> None:
        """The peer sends other messages: it has nothing more to prove."""
        if self.stage is Stage.PROBING:
            self._peer_passed = True
            self._look_whether_proven(now)

    def _answered(self, message: Speed, now: float) -> None:
        speed, refusal = message.value, message.text
        if message.step is SpeedStep.AGREE and speed in self._speeds and speed <= self._asked:
            self._target = speed
            self._leave_at = now
            self.stage = Stage.LEAVING
            return
        self.stage = Stage.BASE
        if message.step is SpeedStep.AGREE:
            refusal = f"it wants {speed} bit/s, for which it was not asked"
        self._events.append(events.SpeedSettled(self.base, f"the agent refuses: {refusal}"))

    def _probed(self, number: int, now: float) -> None:
        self._arrived.add(number)
        missing = SPEED_PROBES - len(self._arrived)
        if not missing:
            self._beat_at = now
            self._look_whether_proven(now)
        elif number == SPEED_PROBES - 1:
            self._go_back(f"{missing} of {SPEED_PROBES} packets were lost", now)

    def _look_whether_proven(self, now: float) -> None:
        if self._peer_passed and len(self._arrived) >= SPEED_PROBES:
            self.stage = Stage.RAISED
            self._out = [Speed(SpeedStep.PASSED)]
            self._raised_at = now
            self._watch = None
            self._events.append(events.SpeedSettled(self._target, ""))

    # --- to the line ---

    def to_send(self, now: float) -> list[Speed]:
        """What is to be said now; a PROBE in a packet of SPEED_PROBE_BYTES."""
        if self.stage is Stage.RAISED:
            self._beat_at = self.spoke_at + SPEED_BEAT_SECONDS
        out, self._out = self._out, []
        if self.stage in _THERE and not out and now >= self._beat_at:
            has_all = len(self._arrived) >= SPEED_PROBES
            out.append(Speed(SpeedStep.PASSED if has_all else SpeedStep.HERE))
            self._beat_at = now + SPEED_MEET_SECONDS
        return out

    def sent(self, message: Speed, free_at: float, now: float) -> None:
        """`message` was handed to the line, which has carried it at `free_at`."""
        if message.step is SpeedStep.AGREE:
            self._leave_at = max(free_at, now) + SPEED_LEAVE_SECONDS

    def to_set(self, now: float) -> int | None:
        """The speed that the port should be given now; None: it has the right one."""
        if self._leave_at is None or now < self._leave_at:
            return None
        if self.stage is Stage.LEAVING:
            return self._target
        return self.base if self.stage is Stage.RETURNING else None

    def was_set(self, done: bool, now: float) -> float | None:
        """The port has the speed of to_set(), unless not `done`: then it has the base speed.

        Returns what the line carries now, in bytes a second; None: as before.
        """
        self._leave_at = None
        if self.stage is Stage.RETURNING:
            self.stage = Stage.BASE
            self._out = []
            self._events.append(events.SpeedSettled(self.base, self._reason))
            return self.base / _BITS_PER_BYTE
        if not done:
            self.stage = Stage.BASE
            self._fail(f"our port has no {self._target} bit/s", now)
            self._events.append(events.SpeedSettled(self.base, self._reason))
            return None
        self.stage = Stage.MEETING
        self._heard_at = self._beat_at = now
        self._until = now + SPEED_TRY_SECONDS
        self._arrived = set()
        self._peer_passed = False
        return self._target / _BITS_PER_BYTE

    # --- time ---

    @property
    def deadline(self) -> float | None:
        match self.stage:
            case Stage.BASE:
                return self._ask_at
            case Stage.ASKED:
                return self._until
            case Stage.LEAVING | Stage.RETURNING:
                return self._leave_at
            case Stage.RAISED:
                beat_at = self.spoke_at + SPEED_BEAT_SECONDS
                return min(self._heard_at + SPEED_LEASE_SECONDS, beat_at)
            case Stage.MEETING | Stage.PROBING:
                return min(self._heard_at + SPEED_LEASE_SECONDS, self._until, self._beat_at)

    def handle_timeout(self, patience: float, now: float) -> None:
        """`patience`: what the line and the peer need for an answer, in seconds."""
        if self.stage is Stage.BASE and self._ask_at is not None and now >= self._ask_at:
            self._ask(patience, now)
        elif self.stage is Stage.ASKED and now >= self._until:
            self.stage = Stage.BASE
            self._events.append(events.SpeedSettled(self.base, "the agent did not answer in time"))
            self._ask_later(now)
        elif self.stage in _THERE and now >= self._heard_at + SPEED_LEASE_SECONDS:
            self._go_back(f"nothing was heard for {SPEED_LEASE_SECONDS:g} s", now)
        elif self.stage in _TRYING and now >= self._until:
            self._go_back(f"not proven within {SPEED_TRY_SECONDS:g} s", now)

    def watch(self, there: tuple[int, int], back: tuple[int, int], now: float) -> None:
        """As LossWatch.is_suspicious; a raised line of which half is lost is not worth it."""
        if self.stage is not Stage.RAISED:
            return
        if self._watch is None:
            self._watch = LossWatch()
            self._watch.skip(there, back)
        elif self._watch.is_suspicious(there, back, now):
            self._go_back("half of what is sent is lost", now)

    def _ask(self, patience: float, now: float) -> None:
        free_from = {each: self._barred.get(each, (now, 0.0))[0] for each in self._speeds}
        free = [speed for speed, when in free_from.items() if when <= now]
        if not free:
            self._ask_at = min(free_from.values())
            return
        self._ask_at = None
        self._asked = max(free)
        self._out = [Speed(SpeedStep.ASK, self._asked)]
        self._until = now + SPEED_ANSWER_SECONDS + patience
        self.stage = Stage.ASKED

    # --- the way back ---

    def leave(self, now: float) -> None:
        """The session is not live any more."""
        if self.stage in (Stage.BASE, Stage.ASKED):
            if self.stage is Stage.ASKED or self._ask_at is not None:
                self._ask_later(now)
            self.stage = Stage.BASE
            self._out = []
            self._asked = 0
        elif self.stage is not Stage.RETURNING:
            self._go_back("the session is not live", now)

    def line_gone(self, now: float) -> float | None:
        """It will be opened at the base speed. Returns what it then carries, as was_set()."""
        self.leave(now)
        if self.stage is not Stage.RETURNING:
            return None
        return self.was_set(True, now)

    def _go_back(self, reason: str, now: float) -> None:
        if self.stage is Stage.RAISED:
            if now - self._raised_at >= SPEED_PROVEN_SECONDS:
                self._pause = SPEED_AGAIN_SECONDS
            else:
                self._bar(now)
            self._reason = reason
            self._ask_later(now)
        else:
            self._fail(f"{self._target} bit/s failed: {reason}", now)
        self._out = [Speed(SpeedStep.BACK)]
        self._leave_at = now + SPEED_LEAVE_SECONDS
        self.stage = Stage.RETURNING

    def _fail(self, reason: str, now: float) -> None:
        self._reason = reason
        self._bar(now)
        if self._console:
            self._ask_at = now + SPEED_NEXT_SECONDS

    def _bar(self, now: float) -> None:
        """It failed, and what was asked when the agent agreed to it would lead there again."""
        for speed in self._speeds:
            if self._target <= speed <= self._asked:
                _, pause = self._barred.get(speed, (0.0, SPEED_BARRED_SECONDS / 2))
                pause = min(2 * pause, SPEED_BARRED_MAX_SECONDS)
                self._barred[speed] = (now + pause, pause)

    def _ask_later(self, now: float) -> None:
        if self._console:
            self._ask_at = now + self._pause
            self._pause = min(2 * self._pause, SPEED_AGAIN_MAX_SECONDS)
