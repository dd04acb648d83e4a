"""Sent packets and their fate (docs/protocol.md section 9; RFC 9002's ideas at serial size).

Packets are never resent. What a packet carried is handed back to its owners as acked or lost,
and goes into a new packet, of a new size if that is wiser. A line does not reorder: a later ack
proves a loss.
"""

import math
from collections import deque
from dataclasses import dataclass

from guardpost.errors import RemoteProtocolError
from guardpost.protocol.limits import (
    CONTROL_MESSAGE_MAX_BYTES,
    FRAME_BULK_BYTES,
    FRAME_BULK_SECONDS,
    FRAME_FAST_SECONDS,
    FRAME_INTERACTIVE_BYTES,
    FRAME_INTERACTIVE_SECONDS,
    FRAME_MIN_BYTES,
    FRAME_SHARED,
    FRAME_SHARED_BYTES,
    FRAME_SHARED_INTERACTIVE,
    FRAME_SHARED_MEMORY_SECONDS,
    FRAME_START_BYTES,
    INTERACTIVE_MEMORY_SECONDS,
    PACKET_BODY_MAX_BYTES,
)
from guardpost.protocol.messages import Ack, Message
from guardpost.protocol.rate import Flight, LineModel
from guardpost.protocol.rtt import RoundTrip

__all__ = ["Fate", "FrameSize", "Recovery"]

_OVERHEAD_BYTES = 36  # of a packet on the line: header, tag, CRC, stuffing, message header
_PACKET_ON_LINE_BYTES = 34  # of that what is not a message's own
_KEEP = 1 - 1 / 64  # of what was: about the last 50 packets, so that a better line is noticed
_PROBES_UNACKED_MAX = 64
_FRAME_MAX_BYTES = PACKET_BODY_MAX_BYTES - CONTROL_MESSAGE_MAX_BYTES  # an ack may ride on it


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

    __slots__ = ("_grown", "_interactive_until", "_lost", "_sent_bytes", "_shared_until")

    def __init__(self) -> None:
        self._grown = FRAME_START_BYTES
        self._lost = 0.0
        self._sent_bytes = 0.0
        self._interactive_until = float("-inf")
        self._shared_until = float("-inf")

    def interactive(self, now: float) -> None:
        """Somebody types, or something answers him."""
        self._interactive_until = now + INTERACTIVE_MEMORY_SECONDS

    def received(self, size: int, now: float) -> None:
        """A packet of `size` bytes came the other way."""
        if size > FRAME_SHARED_BYTES:
            self._shared_until = now + FRAME_SHARED_MEMORY_SECONDS

    def is_typed_at(self, now: float) -> bool:
        return now < self._interactive_until

    def acked(self, size: int) -> None:
        self._lost *= _KEEP
        self._sent_bytes = self._sent_bytes * _KEEP + size
        if size >= self._grown // 2:
            self._grown = min(self._grown * 2, _FRAME_MAX_BYTES)

    def lost(self, size: int) -> None:
        self._lost = self._lost * _KEEP + 1
        self._sent_bytes = self._sent_bytes * _KEEP + size
        if size > FRAME_START_BYTES:
            self._grown = max(FRAME_START_BYTES, self._grown // 2)

    def bytes_at(self, rate: float | None, now: float) -> int:
        """Bytes of messages in one packet on a line of `rate` bytes a second."""
        if rate is None:
            return FRAME_START_BYTES
        typing = now < self._interactive_until
        size = max(min(rate * FRAME_BULK_SECONDS, FRAME_BULK_BYTES), rate * FRAME_FAST_SECONDS)
        if typing:
            cheap = max(float(FRAME_INTERACTIVE_BYTES), rate * FRAME_FAST_SECONDS)
            size = min(rate * FRAME_INTERACTIVE_SECONDS, cheap)
        if now < self._shared_until:
            size *= FRAME_SHARED_INTERACTIVE if typing else FRAME_SHARED
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
        self._flights: deque[Flight] = deque()
        self._highest = -1
        self._probe_from = 0.0
        self._probes_unacked = 0

    @property
    def is_unheard(self) -> bool:
        """The peer talks, and acks nothing: what is under way would pile up."""
        return self._probes_unacked >= _PROBES_UNACKED_MAX

    # --- when to send ---

    def may_send(self, now: float, size: int) -> bool:
        """A packet with `size` bytes of messages may go now (0: any that is short)."""
        ready = self.line.ready_at(now, size + _PACKET_ON_LINE_BYTES if size else 0)
        return ready is not None and ready <= now

    def next_turn(self, now: float) -> float | None:
        """When the next full packet may go; None: not before an ack."""
        size = self.frame.bytes_at(self.line.rate, now)
        return self.line.ready_at(now, size + _PACKET_ON_LINE_BYTES)

    def backlog(self, now: float, size: int) -> None:
        """There is more to send, in packets with `size` bytes of messages, than the line takes."""
        self.line.backlog(now, size + _PACKET_ON_LINE_BYTES)

    # --- what is under way ---

    def sent(
        self, number: int, size: int, messages: list[Message], now: float, *, waited: bool
    ) -> None:
        """Packet `number` of `size` bytes on the line needs an ack for `messages`."""
        self.packets_sent += 1
        self._highest = number
        if not self._flights:
            self._probe_from = now
        flight = Flight(number, size, now, messages, waited)
        self._flights.append(flight)
        self.line.is_typed = self.frame.is_typed_at(now)
        self.line.handed_over(flight)

    def sent_unacked(self, number: int, size: int, now: float) -> None:
        """Packet `number` holds nothing that needs an ack."""
        self._highest = number
        self.line.handed_over_unacked(size, now)

    def heard(self, size: int, now: float) -> None:
        """A packet of `size` bytes on the line came and was opened."""
        self.frame.received(size, now)
        self.line.heard(now)

    def acked(self, ack: Ack, now: float) -> Fate:
        """Raises RemoteProtocolError for an ack of what was never sent."""
        largest = ack.ranges[0][1] - 1
        if largest > self._highest:
            raise RemoteProtocolError("an ack for a packet that was never sent")
        flights = self._flights
        group: list[Flight] = []
        while flights and flights[0].number <= largest:
            group.append(flights.popleft())
        known = bool(group) and group[-1].number == largest
        arrived, lost = _split(group, ack.ranges)
        for flight in lost:
            self.packets_lost += 1
            self.frame.lost(flight.own)
        for flight in arrived:
            self.frame.acked(flight.own)
        if arrived:
            self.probes = self._probes_unacked = 0
            self._probe_from = now
            if known:
                self.round_trip.sample(now - group[-1].sent - ack.delay / 1e6)
        self.line.acked(group, ack.clock, ack.delay / 1e6, now, known=known)
        return Fate(_messages(arrived), _messages(lost))

    def probe_deadline(self) -> float | None:
        """When to probe, if nothing is acked until then."""
        if not self._flights:
            return None
        queued = self.line.queued_seconds(self._probe_from)
        return self._probe_from + self.round_trip.probe_timeout(queued, self.probes)

    def probe(self, now: float) -> Fate:
        """The probe timeout ran out: what is oldest goes out again, in a new packet."""
        self.probes += 1
        self._probes_unacked += 1
        self._probe_from = now
        oldest = self._flights[0]
        # The packet stays on record, in case it was only slow; its messages are owed again.
        messages, oldest.messages = oldest.messages, []
        return Fate([], messages)

    def answered(self, now: float) -> None:
        """The peer lives, though what we probed for has not been acked yet."""
        self.probes = 0
        self._probe_from = now

    def give_up(self) -> Fate:
        """The line was gone, or mute: everything under way counts as lost."""
        lost = _messages(list(self._flights))
        self.packets_lost += len(self._flights)
        self._flights.clear()
        self.probes = self._probes_unacked = 0
        self.line.lost_sync()
        return Fate([], lost)

    def start_over(self, rate: float) -> Fate:
        """The line has another speed, of `rate` bytes a second: nothing that was learned holds.

        What was under way goes out again; that it may be lost is not the path's fault.
        """
        again = _messages(list(self._flights))
        self._flights.clear()
        self.probes = self._probes_unacked = 0
        self.line = LineModel(rate)
        self.round_trip = RoundTrip()
        return Fate([], again)


def _split(
    group: list[Flight], ranges: tuple[tuple[int, int], ...]
) -> tuple[list[Flight], list[Flight]]:
    """Which of the group are in the ranges, newest first, and which are not."""
    if not group or group[0].number >= ranges[0][0]:
        return group, []
    arrived: list[Flight] = []
    lost: list[Flight] = []
    upwards = iter(reversed(ranges))
    start, stop = next(upwards)
    for flight in group:
        while flight.number >= stop:
            start, stop = next(upwards)
        (arrived if flight.number >= start else lost).append(flight)
    return arrived, lost


def _messages(flights: list[Flight]) -> list[Message]:
    if len(flights) == 1:
        return flights[0].messages
    return [message for flight in flights for message in flight.messages]
