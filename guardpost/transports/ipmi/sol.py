"""The console's end of Serial over LAN, without I/O: IPMI 2.0, section 15.9 and table 15-2.

A payload is four bytes and up to 255 characters. One payload is under way in each direction: the
next goes out when the last one was acknowledged. What is lost is sent again under the same number,
what the BMC took only in part goes on under the next. Bad payloads never raise.
"""

from collections import deque

__all__ = ["SolEnd"]

HEAD_BYTES = 4
LARGEST_CHARACTERS = 255 - HEAD_BYTES
"""The count of an acknowledgement is one byte; some BMCs count the head in it."""

# Byte 4, towards the BMC.
GENERATE_BREAK = 0x10
# Byte 4, from the BMC.
NACK = 0x40
UNAVAILABLE = 0x20
DEACTIVATING = 0x10

FIRST_RETRY_SECONDS = 0.5
"""Until a round trip was measured. BMCs that are asked too soon take characters twice."""

SHORTEST_RETRY_SECONDS = 0.2
LONGEST_RETRY_SECONDS = 1.0
REFUSED_PAUSE_SECONDS = 0.02
"""From a NACK to the next try: its buffer is full, and empties at the speed of the UART."""

DOUBTFUL_RETRIES = 2
"""After so many nobody may be there any more who knows of our activation."""

SILENT_SECONDS = 6.0
"""From the first sending of a payload until the line counts as lost."""


class SolEnd:
    """`largest` is the payload that the BMC takes, head included, as it said at the activation.

    `failure` says why it is over, once it is; `is_doubtful` that somebody should ask the BMC
    whether our activation still stands.
    """

    def __init__(self, largest: int) -> None:
        self.largest = min(max(largest - HEAD_BYTES, 1), LARGEST_CHARACTERS)
        self.failure: str | None = None
        self.is_doubtful = False
        self._queue: deque[bytes | None] = deque()  # characters; None is a BREAK
        self._queued = 0
        self._out: list[bytes] = []
        self._number = 0
        self._their_number = 0
        self._their_size = 0
        self._in_flight: bytes | None = None
        self._first_sent_at = self._sent_at = 0.0
        self._retries = 0
        self._due: float | None = None
        self._round_trip: float | None = None

    # --- towards the BMC ---

    def send(self, data: bytes) -> None:
        self._queue.append(data)
        self._queued += len(data)

    def send_break(self) -> None:
        """A BREAK on the host's line, after what was sent before."""
        self._queue.append(None)

    @property
    def queued(self) -> int:
        """Characters that no payload has carried yet."""
        return self._queued

    @property
    def is_idle(self) -> bool:
        """Whether the BMC has taken everything."""
        return not self._queue and self._in_flight is None

    def payloads_to_send(self, now: float) -> list[bytes]:
        if self._in_flight is None and self._due is None and self._queue:
            self._send_next(now)
        out, self._out = self._out, []
        return out

    def _send_next(self, now: float) -> None:
        self._number = self._number % 15 + 1
        operation, characters = 0, b""
        if self._queue[0] is None:
            self._queue.popleft()
            operation = GENERATE_BREAK
        else:
            characters = self._take(self.largest)
        self._in_flight = bytes((self._number, 0, 0, operation)) + characters
        self._retries = 0
        self._first_sent_at = now
        self._transmit(now)

    def _take(self, most: int) -> bytes:
        taken = bytearray()
        while len(taken) < most and self._queue and (first := self._queue[0]) is not None:
            room = most - len(taken)
            taken += first[:room]
            if len(first) > room:
                self._queue[0] = first[room:]
            else:
                self._queue.popleft()
        self._queued -= len(taken)
        return bytes(taken)

    def _transmit(self, now: float) -> None:
        assert self._in_flight is not None
        self._out.append(self._in_flight)
        self._sent_at = now
        self._due = now + self._patience()

    def _patience(self) -> float:
        if self._round_trip is None:
            first = FIRST_RETRY_SECONDS
        else:
            first = max(4 * self._round_trip, SHORTEST_RETRY_SECONDS)
        return min(first * (1 << self._retries), LONGEST_RETRY_SECONDS)

    # --- from the BMC ---

    def receive_payload(self, payload: bytes, now: float, *, room: bool = True) -> bytes:
        """The host's characters that are new; without `room` the BMC has to repeat them."""
        if len(payload) < HEAD_BYTES or self.failure is not None:
            return b""
        number, acknowledged, accepted, status = payload[:HEAD_BYTES]
        if acknowledged & 0xF:
            self._on_acknowledgement(acknowledged & 0xF, accepted, status, now)
        if status & DEACTIVATING:
            self._fail("the BMC ended Serial over LAN")
        number &= 0xF
        if number == 0 or not room:
            return b""
        characters = payload[HEAD_BYTES:]
        self._out.append(bytes((0, number, min(len(characters), 255), 0)))
        known = self._their_size if number == self._their_number else 0
        self._their_number = number
        self._their_size = max(known, len(characters))
        return characters[known:]

    def _on_acknowledgement(self, number: int, accepted: int, status: int, now: float) -> None:
        sent = self._in_flight
        if sent is None or number != self._number:
            return  # of an earlier try
        self.is_doubtful = False
        if not self._retries:
            measured = now - self._sent_at
            before = measured if self._round_trip is None else self._round_trip
            self._round_trip = 0.875 * before + 0.125 * measured
        self._in_flight = None
        self._due = None
        characters = sent[HEAD_BYTES:]
        if status & UNAVAILABLE:
            return  # powered off or in reset: gone, as on a cable
        if status & NACK:
            self._due = now + REFUSED_PAUSE_SECONDS
        elif not 0 < accepted < len(characters):
            return
        if rest := characters[accepted:]:
            self._queue.appendleft(rest)
            self._queued += len(rest)
        elif status & NACK and sent[3] & GENERATE_BREAK:
            self._queue.appendleft(None)

    def _fail(self, reason: str) -> None:
        self.failure = self.failure or reason
        self._queue.clear()
        self._queued = 0
        self._in_flight = None
        self._due = None

    # --- time ---

    def next_deadline(self) -> float | None:
        return self._due

    def handle_timeout(self, now: float) -> None:
        if self._due is None or now < self._due:
            return
        if self._in_flight is None:  # it was refused
            self._due = None
        elif now - self._first_sent_at >= SILENT_SECONDS:
            self._fail("the BMC does not answer any more")
        else:
            self._retries += 1
            self.is_doubtful = self._retries >= DOUBTFUL_RETRIES
            self._transmit(now)
