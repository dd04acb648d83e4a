"""Why the text prompt never talks to itself: its own words coming back, and how often it answers.

A line may be looped (a plug, a wire), its other end may be a terminal that
echoes, or another agent. EchoFilter recognises our own words; AnswerBudget
ends what is left, since a talk of two machines consists of lines that mean nothing.
"""

from collections import deque
from typing import Final

__all__ = ["AnswerBudget", "EchoFilter"]

RECENT_BYTES: Final = 4096
RECENT_SECONDS: Final = 2.0
# A person may well type the first letters of a line just shown, hardly this many.
MIN_MATCH_BYTES: Final = 8

_ENDS: Final = b"\r\n"
_CTRL_C: Final = b"\x03"


class EchoFilter:
    """Drops input lines that begin as one of our recent lines did.

    Whole lines, from their start, are compared: a person who types part of what
    was shown is heard. Bytes wait while they could still become an echo, at
    most until the next line end. The echo of keys is not for spoke().
    """

    def __init__(self) -> None:
        self._spoken: deque[tuple[float, bytes]] = deque()
        self._spoken_bytes = 0
        self._speaking = b""  # our line that has no end yet, and when it grew last
        self._spoke_at = 0.0
        self._heard_at = 0.0
        self._held = b""
        self._line_start = True
        self._dropping = False
        self._dropped_cr = False

    def spoke(self, data: bytes, now: float) -> None:
        """Note that `data` was written, other than as the echo of a key."""
        *whole, unfinished = (self._speaking + data).replace(b"\r", b"\n").split(b"\n")
        for line in whole:
            if len(line) >= MIN_MATCH_BYTES:
                self._spoken.append((now, line))
                self._spoken_bytes += len(line)
        while self._spoken_bytes > RECENT_BYTES:
            self._forget_oldest()
        self._speaking = unfinished[:RECENT_BYTES]
        self._spoke_at = now

    def _forget_oldest(self) -> None:
        self._spoken_bytes -= len(self._spoken.popleft()[1])

    def reset(self) -> None:
        """Drop what waits; the next byte counts as the start of a line."""
        self._held = b""
        self._line_start = True
        self._dropping = False
        self._dropped_cr = False

    def feed(self, data: bytes, now: float) -> bytes:
        """The bytes of `data`, and of what waited, that are no echo of ours."""
        while self._spoken and now - self._spoken[0][0] > RECENT_SECONDS:
            self._forget_oldest()
        if now - self._heard_at > RECENT_SECONDS and (
            self._dropping or len(self._held) >= MIN_MATCH_BYTES
        ):
            self.reset()  # that echo ended without a line end; now a person may speak
        self._heard_at = now
        ours = [line for _, line in self._spoken]
        if now - self._spoke_at <= RECENT_SECONDS:
            ours.append(self._speaking)
        return b"".join([self._feed_byte(data[i : i + 1], ours) for i in range(len(data))])

    def _feed_byte(self, byte: bytes, ours: list[bytes]) -> bytes:
        if byte in _ENDS:
            return self._end_of_line(byte)
        self._dropped_cr = False
        held = self._held + byte
        if byte == _CTRL_C:
            # We never say it, and a person must always be heard saying it.
            self.reset()
            return held
        if self._dropping:
            return b""
        if not self._line_start:
            return byte
        if any(line.startswith(held) for line in ours):
            self._held = held
            return b""
        self._dropping = len(self._held) >= MIN_MATCH_BYTES
        self._line_start = False
        self._held = b""
        return b"" if self._dropping else held

    def _end_of_line(self, end: bytes) -> bytes:
        if end == b"\n" and self._dropped_cr:
            self._dropped_cr = False
            return b""
        held, dropped = self._held, self._dropping or len(self._held) >= MIN_MATCH_BYTES
        self.reset()
        self._dropped_cr = dropped and end == b"\r"
        return b"" if dropped else held + end


BUDGET_SECONDS: Final = 10.0


class AnswerBudget:
    """How much a talker hears: at most `useless` answers in a row to lines that mean nothing,
    `answers` in all and `echo_bytes` of its own keys within 10 s; then not before 10 s of silence.
    """

    def __init__(self, useless: int, answers: int, echo_bytes: int) -> None:
        self._limits = (useless, answers, echo_bytes)
        self._last_heard = float("-inf")
        self._began = float("-inf")
        self._useless = self._answers = self._echo_bytes = 0

    @property
    def spent(self) -> bool:
        """Whether nothing more is said, not even the echo of a key."""
        used = (self._useless, self._answers, self._echo_bytes)
        return any(each >= limit for each, limit in zip(used, self._limits, strict=True))

    def heard(self, now: float) -> None:
        """Any byte arrived. After silence, or in good time, everything is forgiven."""
        silent = now - self._last_heard >= BUDGET_SECONDS
        if silent or (now - self._began >= BUDGET_SECONDS and not self.spent):
            self._useless = self._answers = self._echo_bytes = 0
            self._began = now
        self._last_heard = now

    def echoed(self, size: int) -> bool:
        """Keys call for an echo of `size` bytes: whether to send it."""
        answer = not self.spent
        self._echo_bytes += size
        return answer

    def useless(self) -> bool:
        """A line arrived that means nothing: whether to answer it."""
        answer = not self.spent
        self._useless += 1
        self._answers += 1
        return answer

    def useful(self) -> bool:
        """A line arrived that is a command: whether to answer it."""
        _, answers, echo_bytes = self._limits
        if self._answers >= answers or self._echo_bytes >= echo_bytes:
            return False
        self._useless = 0
        self._answers += 1
        return True
