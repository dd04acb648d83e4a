"""Is our session still known to the agent that answers our hellos? (docs/protocol.md section 9)

A question is a PING with a hello behind it. A line keeps the order: when the hello was answered and
the PING was not, an agent read the PING and made nothing of it, or the PING was damaged. A few of
those in a row, and the agent was restarted. A hello that was not answered proves nothing.
"""

import enum

from guardpost.protocol.limits import KNOWN_SECONDS, KNOWN_SETTLE_SECONDS, KNOWN_TRIES

__all__ = ["Inquiry", "Step"]


class Step(enum.Enum):
    ASK = "ask once more"
    UNKNOWN = "it knows us no more"
    UNDECIDED = "nothing was proven"


class Inquiry:
    """`hello` is the last one that went out; `deadline` says when to call handle_timeout."""

    def __init__(self) -> None:
        self.hello = b""
        self.deadline: float | None = None
        self._asked_at = 0.0
        self._round_trip = 0.0
        self._is_answered = False
        self._tries_left = 0

    def asked(self, hello: bytes, now: float) -> None:
        """A PING and `hello` went out: on new silence, or for Step.ASK."""
        self.hello = hello
        self._asked_at = now
        self._is_answered = False
        if self.deadline is not None:
            self.deadline = now + max(KNOWN_SECONDS, 2 * self._round_trip)

    def answered(self, now: float) -> None:
        """An agent's hello answers ours. An ack would come right behind it."""
        if self._is_answered:
            return
        if self.deadline is None:
            self._tries_left = KNOWN_TRIES
        self._is_answered = True
        self._round_trip = now - self._asked_at
        self.deadline = now + KNOWN_SETTLE_SECONDS + self._round_trip

    def stop(self) -> None:
        """A packet opened, or the session is over: there is nothing to find out."""
        self.deadline = None

    def handle_timeout(self, now: float) -> Step | None:
        """What to do at `deadline`; None before it."""
        if self.deadline is None or now < self.deadline:
            return None
        if self._tries_left:
            self._tries_left -= 1
            self.deadline = now + KNOWN_SECONDS  # asked() says it anew
            return Step.ASK
        was_answered = self._is_answered
        self.stop()
        return Step.UNKNOWN if was_answered else Step.UNDECIDED
