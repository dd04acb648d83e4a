"""The silence rules: when a session whose peer does not answer may speak.

Source: docs/protocol.md sections 9 and 10.

Our bytes must never stop a reboot: a console asks rarely and never into text. An agent cannot
stop its own host's boot loader (while that runs, there is no agent), so it may ask more often,
and that is what brings a line back within a second.
"""

from guardpost.protocol.limits import (
    AGENT_PING_FAST_SECONDS,
    AGENT_PING_SECONDS,
    ASK_SECONDS,
    ASKS_AFTER_TEXT,
    ASKS_EARLY_SECONDS,
    BUSY_SILENCE_SECONDS,
    QUIET_AFTER_TEXT_SECONDS,
)

__all__ = ["AgentSilence", "ConsoleSilence", "Silence"]

_NEVER = float("-inf")


class Silence:
    """One method per event that touches a deadline; `ask_at` is when to send the next PING."""

    def __init__(self, now: float) -> None:
        self._text_at = _NEVER
        self._ask_at: float | None = None

    def opened(self, now: float, *, busy: bool) -> None:
        """A packet opened; `busy`: it carried data, or we did lately."""

    def suspended(self, now: float) -> None:
        """Three probes went unanswered, or the line is gone."""

    def text(self, now: float) -> None:
        """Text arrived instead of frames."""
        self._text_at = now

    def reopened(self, now: float) -> None:
        """The transport was reopened: one question at once, unless text forbids it."""
        self._ask_at = now

    def asked(self, now: float) -> None:
        """A PING went out."""

    def ask_at(self) -> float | None:
        if self._ask_at is None:
            return None
        return max(self._ask_at, self._text_at + QUIET_AFTER_TEXT_SECONDS)


class ConsoleSilence(Silence):
    """A mute agent is asked soon and then less and less often; text makes it less at once.

    A busy agent that falls silent for longer than its own PINGs would let it is asked once:
    whoever only receives has no probe of his own that would find out.
    """

    def __init__(self, now: float) -> None:
        super().__init__(now)
        self._asked_at = now
        self._step = len(ASKS_EARLY_SECONDS)  # how many of them are behind us
        self._is_mute = False

    def opened(self, now: float, *, busy: bool) -> None:
        self._is_mute = False
        self._ask_at = now + BUSY_SILENCE_SECONDS if busy else None
        self._text_at = _NEVER

    def suspended(self, now: float) -> None:
        self._is_mute = True
        self._step = 0
        self._wait(now)

    def text(self, now: float) -> None:
        """When it ends there is new silence, but somebody boots: 15 s apart at least."""
        super().text(now)
        if self._is_mute:
            self._step = ASKS_AFTER_TEXT
            self._wait(self._asked_at)

    def asked(self, now: float) -> None:
        self._step = self._step + 1 if self._is_mute else len(ASKS_EARLY_SECONDS)
        self._wait(now)

    def _wait(self, now: float) -> None:
        self._asked_at = now
        early = ASKS_EARLY_SECONDS
        self._ask_at = now + (early[self._step] if self._step < len(early) else ASK_SECONDS)


class AgentSilence(Silence):
    """Asks a peer that answers less and less often, one that does not every 0.75 s for 15 s.

    `busy` traffic starts both over.
    """

    def __init__(self, now: float) -> None:
        super().__init__(now)
        self._idle_step = AGENT_PING_SECONDS  # between questions that are answered
        self._mute_step = AGENT_PING_SECONDS  # between those that are not, after the fast ones
        self._fast_until = now
        self._unanswered = 0

    def opened(self, now: float, *, busy: bool) -> None:
        self._text_at = _NEVER
        if busy or self._unanswered > 1:
            self._idle_step = AGENT_PING_SECONDS
        self._unanswered = 0
        self._ask_at = now + self._idle_step

    def suspended(self, now: float) -> None:
        self._begin_fast(now)
        self._unanswered += 1

    def asked(self, now: float) -> None:
        if not self._unanswered:
            self._idle_step = min(2 * self._idle_step, ASK_SECONDS)
            self._begin_fast(now)
        elif now < self._fast_until:
            self._ask_at = now + AGENT_PING_SECONDS
        else:
            self._mute_step = min(2 * self._mute_step, ASK_SECONDS)
            self._ask_at = now + self._mute_step
        self._unanswered += 1

    def _begin_fast(self, now: float) -> None:
        self._mute_step = AGENT_PING_SECONDS
        self._fast_until = now + AGENT_PING_FAST_SECONDS
        self._ask_at = now + AGENT_PING_SECONDS
