"""Sent packets and their fate (docs/protocol.md section 9; RFC 9002's ideas at serial size).

Packets are never resent. What a packet carried is handed back to its owners as acked or lost,
and goes into a new packet, of a new size if that is wiser. A line does not reorder: a later ack
proves a loss.
"""

import math
from dataclasses import dataclass

from guardpost.errors import RemoteProtocolError
from guardpost.protocol.limits import (
    CONTROL_MESSAGE_MAX_BYTES,
    FRAME_BULK_SECONDS,
    FRAME_INTERACTIVE_BYTES,
    FRAME_INTERACTIVE_FAST_SECONDS,
    FRAME_INTERACTIVE_SECONDS,
    FRAME_MIN_BYTES,
    FRAME_START_BYTES,
    INTERACTIVE_MEMORY_SECONDS,
    PACKET_BODY_MAX_BYTES,
)
from guardpost.protocol.messages import Ack, Message
from guardpost.protocol.rate import LineModel
from guardpost.protocol.rtt import RoundTrip

__all__ = ["Fate", "FrameSize", "Recovery"]

_OVERHEAD_BYTES = 36  # of a packet on the line: header, tag, CRC, stuffing, message header
_PROBES_UNACKED_MAX = 64
_FRAME_MAX_BYTES = PACKET_BODY_MAX_BYTES - CONTROL_MESSAGE_MAX_BYTES  # an ack may ride on it


@dataclass(slots=True)
class _Sent:
    number: int
    size: int
    at: float
    messages: list[Message]


@dataclass(slots=True)
class Fate:
    """What an ack, or a probe timeout, decided."""

    acked: list[Message]
    lost: list[Message]


class FrameSize:
    """How many bytes of messages the next packet should hold.

    Line time bounds it (a keystroke waits for at most one frame), and so does loss: with a loss
    rate of q per byte, overhead o and size n, the goodput (1 - o/n)(1 - q n) is best at
    n = sqrt(o / q).
    """

    __slots__ = ("_grown", "_interactive_until", "_lost", "_sent_bytes")

    def __init__(self) -> None:
        self._grown = FRAME_START_BYTES
        self._lost = 0.0
        self._sent_bytes = 0.0
        self._interactive_until = float("-inf")

    def interactive(self, now: float) -> None:
        """Somebody types, or something answers him."""
        self._interactive_until = now + INTERACTIVE_MEMORY_SECONDS

    def acked(self, size: int) -> None:
        self._forget(size)
        if size >= self._grown // 2:
            self._grown = min(self._grown * 2, _FRAME_MAX_BYTES)

    def lost(self, size: int) -> None:
        self._forget(size)
        self._lost += 1
        if size > FRAME_START_BYTES:
            self._grown = max(FRAME_START_BYTES, self._grown // 2)

    def _forget(self, size: int) -> None:
        # About the last 50 packets of this size, so that a better line is noticed.
        keep = 1 - 1 / 64
        self._lost *= keep
        self._sent_bytes = self._sent_bytes * keep + size

    def bytes_at(self, rate: float | None, now: float) -> int:
        """Bytes of messages in one packet on a line of `rate` bytes a second."""
        if rate is None:
            return FRAME_START_BYTES
        typing = now < self._interactive_until
        size = rate * FRAME_BULK_SECONDS
        if typing:
            cheap = max(float(FRAME_INTERACTIVE_BYTES), rate * FRAME_INTERACTIVE_FAST_SECONDS)
            size = min(rate * FRAME_INTERACTIVE_SECONDS, cheap)
        if self._lost > 0.5 and self._sent_bytes:
            size = min(size, math.sqrt(_OVERHEAD_BYTES * self._sent_bytes / self._lost))
        return max(FRAME_MIN_BYTES, min(int(size), self._grown, _FRAME_MAX_BYTES))


class Recovery:
    """What is under way in our sending direction. `probes` is how many went unanswered."""

    def __init__(self) -> None:
        self.line = LineModel()
        self.round_trip = RoundTrip()
        self.frame = FrameSize()
        self.probes = 0
        self.packets_sent = 0
        self.packets_lost = 0
        self._sent: dict[int, _Sent] = {}
        self._highest = -1
        self._probe_from = 0.0
        self._probes_unacked = 0

    @property
    def is_unheard(self) -> bool:
        """The peer talks, and acks nothing: what is under way would pile up."""
        return self._probes_unacked >= _PROBES_UNACKED_MAX

    def sent(
        self, number: int, size: int, messages: list[Message], now: float, *, waited: bool
    ) -> None:
        """Packet `number` of `size` bytes on the line needs an ack for `messages`."""
        self.packets_sent += 1
        self._highest = number
        if not self._sent:
            self._probe_from = now
        self._sent[number] = _Sent(number, size, now, messages)
        self.line.handed_over(number, size, now, waited)

    def sent_unacked(self, number: int, size: int, now: float) -> None:
        """Packet `number` holds nothing that needs an ack."""
        self._highest = number
        self.line.handed_over_unacked(size, now)

    def acked(self, ack: Ack, now: float) -> Fate:
        """Raises RemoteProtocolError for an ack of what was never sent."""
        largest = ack.ranges[0][1] - 1
        if largest > self._highest:
            raise RemoteProtocolError("an ack for a packet that was never sent")
        acked: list[Message] = []
        lost: list[Message] = []
        newest: _Sent | None = None
        for number in [number for number in self._sent if number <= largest]:
            sent = self._sent.pop(number)
            if any(start <= number < stop for start, stop in ack.ranges):
                acked += sent.messages
                self.frame.acked(sent.size)
                newest = sent
            else:
                lost += sent.messages
                self.packets_lost += 1
                self.frame.lost(sent.size)
        if newest is not None:
            self.probes = self._probes_unacked = 0
            self._probe_from = now
            if newest.number == largest:
                self.round_trip.sample(now - newest.at - ack.delay / 1e6)
        self.line.acked(largest, ack.clock, ack.delay / 1e6, now)
        return Fate(acked, lost)

    def probe_deadline(self) -> float | None:
        """When to probe, if nothing is acked until then."""
        if not self._sent:
            return None
        queued = self.line.queued_seconds(self._probe_from)
        return self._probe_from + self.round_trip.probe_timeout(queued, self.probes)

    def probe(self, now: float) -> Fate:
        """The probe timeout ran out: what is oldest goes out again, in a new packet."""
        self.probes += 1
        self._probes_unacked += 1
        self._probe_from = now
        oldest = next(iter(self._sent.values()))
        # The packet stays on record, in case it was only slow; its messages are owed again.
        messages, oldest.messages = oldest.messages, []
        return Fate([], messages)

    def answered(self, now: float) -> None:
        """The peer lives, though what we probed for has not been acked yet."""
        self.probes = 0
        self._probe_from = now

    def give_up(self) -> Fate:
        """The line was gone, or mute: everything under way counts as lost."""
        lost = [message for sent in self._sent.values() for message in sent.messages]
        self.packets_lost += len(self._sent)
        self._sent.clear()
        self.probes = self._probes_unacked = 0
        self.line.lost_sync()
        return Fate([], lost)
