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
    DEAF_SECONDS,
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
    def opened(self, now: float, *, busy: bool) -> None:
        self._ask_at = None
        self._text_at = _NEVER

    def suspended(self, now: float) -> None:
        self._ask_at = now + ASK_SECONDS

    def asked(self, now: float) -> None:
        self._ask_at = now + ASK_SECONDS

    def text(self, now: float) -> None:
        super().text(now)
        if self._ask_at is not None:
            self._ask_at = max(self._ask_at, now + DEAF_SECONDS)


class AgentSilence(Silence):
    def __init__(self, now: float) -> None:
        super().__init__(now)
        self._step = AGENT_PING_SECONDS
        self._fast_until = now + AGENT_PING_FAST_SECONDS
        self._answered = True

    def opened(self, now: float, *, busy: bool) -> None:
        self._text_at = _NEVER
        if busy or not self._answered:
            self._step = AGENT_PING_SECONDS
        self._answered = True
        self._fast_until = now + AGENT_PING_FAST_SECONDS
        self._ask_at = now + self._step

    def suspended(self, now: float) -> None:
        if self._ask_at is None:
            self._ask_at = now + self._step

    def asked(self, now: float) -> None:
        # A peer that answers is asked less and less often, one that does not for 15 s as often
        # as can be.
        if self._answered or now >= self._fast_until:
            self._step = min(2 * self._step, ASK_SECONDS)
        if self._answered:
            self._fast_until = now + AGENT_PING_FAST_SECONDS
            self._answered = False
            self._ask_at = now + AGENT_PING_SECONDS
        else:
            self._ask_at = now + self._step
