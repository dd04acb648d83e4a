"""A model of the line in front of us: its rate, when it will be free, how much may be under way.

What a person feels on a slow line is the queue in front of his keystroke, and that queue stands
in buffers nobody can look into. So we keep none there: the next frame is handed over when the
one before it is about to end. For that we need to know when the line will be free, and acks
tell us: they carry the receiver's clock, so a busy way back does not blur them.

Words. A packet is handed over (`sent`) at S on our clock and arrives at T on the receiver's.
`base` is the smallest T - S - size/rate of late: propagation and the clocks' offset. Then
T - base is when the line had finished it, on our clock, and what was sent after it follows at
`rate`: `free_at`.

The rate is measured only while the line was surely busy: the packet was handed over before the
one in front of it had finished, so that size / (T - T before) is the line's own speed. There is
no pacing factor below 1, which would ratchet down; instead `slack`, how long before the end of
a frame the next one is handed over, is steered so that the line stands idle for a small share
of the time, although we had something to send. A line that became faster delivers sooner than
the old rate allows; and now and then a few frames go out early on purpose (`probe`), for a rate
that was wrong from the start. In flight there is never more than rate x round trip, what goes
out while acks wait for their turn, and two frames: so a line that falls silent, or ten times
slower, costs one short queue and not a long one.
"""

from dataclasses import dataclass

from guardpost.protocol.delays import SmallestDelay
from guardpost.protocol.limits import IN_FLIGHT_MAX_BYTES
from guardpost.protocol.messages import Message
from guardpost.protocol.samples import NEWS, RateSamples

__all__ = ["Flight", "LineModel"]

_BASE_SAMPLES = 16  # before it is believed against the rate
_SLACK_MIN_SECONDS = 0.001
_SLACK_MAX_SECONDS = 0.01  # or a frame
_SLACK_START_SECONDS = 0.006
_IDLE_CHANCE = 0.02  # of a frame to find the line idle
_IDLE_CHANCE_TYPED = 0.15  # while a queue would cost a keystroke more than that costs a file
_PROBE_FIRST_SECONDS = 1.0  # what a session learned first may be far off; then half as much again
_PROBE_SECONDS = 1.5
_PROBE_TYPED_SECONDS = 5.0
_PROBE_LINE_SECONDS = 0.04  # of line time: a late reader blurs less
_PROBE_FRAMES_MAX = 4
_SURE = 0.06  # of a frame's own time
_FASTER_MAX = 4.0  # in one step
_FASTER_SECONDS = 0.002  # sooner than that much is not a matter of clocks
_STEP_SECONDS = 0.5  # sooner than if it had taken no time at all: that no line does
_RATE_MAX = 1e9  # whatever a peer's clock says
_FRAMES_AHEAD = 2
_AHEAD_SECONDS = 0.1  # if that is more: of many small frames all but one may be lost
_ACK_WAIT_MAX_SECONDS = 0.15  # or two frames
_ACK_WAIT_FACTOR = 1.5  # of what is usual: the longest should not hold the line up
_HEARD_EVERY_SECONDS = 0.1  # until more is known
_LATE_SECONDS = 0.02  # a reader on a busy machine, at times
_START_PACKETS = 4  # doubled each round trip while nothing tells the rate
_START_PACKETS_MAX = 48  # in all less than READ_AHEAD_START_BYTES
_CLOCK = 1 << 32


@dataclass(slots=True)
class Flight:
    """A packet that needs an ack, from handing it over until its fate is known."""

    number: int
    own: int  # bytes on the line, alone
    sent: float
    messages: list[Message]
    waited: bool = False  # we had it before the line was ready for it
    size: int = 0  # bytes on the line, with what nobody acks right in front of it
    early: float = 0.0  # seconds before what was in front of it was through, as far as we know


class LineModel:
    """Bytes are bytes on the line, times are seconds. `rate` is None until two frames told it."""

    def __init__(self, rate: float | None = None) -> None:
        self.rate = rate
        self.slack = _SLACK_START_SECONDS
        self.is_typed = False  # somebody types
        self.free_at = 0.0
        self.in_flight = 0
        self._newest: Flight | None = None
        self._base = SmallestDelay()
        self._round_trip = SmallestDelay()
        self._back = SmallestDelay()
        self._ack_wait = 0.0  # bytes that go out while an ack waits for its turn
        self._heard_at = 0.0
        self._heard_every = _HEARD_EVERY_SECONDS
        self._is_quiet = False
        self._clock: int | None = None
        self._clock_at = 0.0
        self._clock_seconds = 0.0
        self._before: float | None = None  # T of the newest acked packet
        self._samples = RateSamples()
        self._start_packets = _START_PACKETS
        self._hungry = False  # there was more to send than might go
        self._held_back = False  # by what is in flight
        self._unacked_before = 0
        self._probe_at = 0.0
        self._probe_every = _PROBE_FIRST_SECONDS
        self._probing = 0
        # A delay and a size that are of use if the line has not become faster after all.
        self._base_in_doubt: tuple[float, int] | None = None
        self._sooner_before = 0.0  # what the packet before this one showed, if it came too soon

    # --- sending ---

    def handed_over(self, flight: Flight) -> None:
        """`flight` went to the line; its size and how early it was are noted in it."""
        now, rate = flight.sent, self.rate
        flight.size = flight.own
        if rate is not None:
            flight.early = self.free_at - now
            if flight.waited and not self._held_back:
                self._steer(flight.own / rate, -flight.early)
            if flight.early > 0:
                flight.size += self._unacked_before
            self.free_at = max(self.free_at, now) + flight.own / rate
        self._unacked_before = 0
        self._held_back = False
        if self._probing:
            self._probing -= 1
        self.in_flight += flight.size
        self._newest = flight

    def handed_over_unacked(self, size: int, now: float) -> None:
        """As `handed_over`, for what nobody acks (acks, text): it takes line time all the same.

        Its bytes are added to the next packet's, so that samples stay true.
        """
        if self.rate is None or self.free_at <= now:
            self._unacked_before = 0
        self._unacked_before += size
        if self.rate is not None:
            self.free_at = max(self.free_at, now) + size / self.rate

    def _steer(self, own: float, idle: float) -> None:
        """The line stood idle before a frame of `own` seconds that was ready."""
        chance = _IDLE_CHANCE_TYPED if self.is_typed else _IDLE_CHANCE
        step = max(self.slack, _SLACK_MIN_SECONDS) / 8
        self.slack += step * (1 - chance) if idle > 0 else -step * chance
        self.slack = max(_SLACK_MIN_SECONDS, min(self.slack, max(own, _SLACK_MAX_SECONDS)))

    def queued_seconds(self, now: float) -> float:
        """How long the line is still busy with what it has, as far as we know."""
        return max(0.0, self.free_at - now) if self.rate is not None else 0.0

    def limit_bytes(self, frame: int) -> int:
        """How much may be in flight: rate x smallest round trip, and a few frames."""
        if self.rate is None:
            return self._start_packets * frame
        round_trip = max(0.0, self._round_trip.at(self.rate))
        if round_trip == float("inf"):
            round_trip = 0.0
        acks = 0.0
        if not self._is_quiet:
            acks = min(
                _ACK_WAIT_FACTOR * self._ack_wait, max(2 * frame, self.rate * _ACK_WAIT_MAX_SECONDS)
            )
        ahead = max(_FRAMES_AHEAD * frame, self.rate * _AHEAD_SECONDS)
        limit = self.rate * (round_trip + self.slack) + acks + ahead + self._probing * frame
        return int(min(limit, IN_FLIGHT_MAX_BYTES))

    def ready_at(self, now: float, frame: int) -> float | None:
        """When the next frame of about `frame` bytes may go; None: not before an ack."""
        if now - self._heard_at > 2 * self._heard_every + _LATE_SECONDS:
            self._is_quiet = True
        if self.in_flight and self.in_flight + frame > self.limit_bytes(frame):
            self._held_back = self._held_back or now >= self.free_at - self.slack
            return None
        if self.rate is None or self._probing:
            return now
        return self.free_at - self.slack

    def backlog(self, now: float, frame: int) -> None:
        """There is more to send, in frames of about `frame` bytes, than the line takes.

        From time to time a few go out early, to look for a higher rate.
        """
        self._hungry = True
        if self.rate is not None and now >= self._probe_at:
            if self._probe_at:
                frames = int(self.rate * _PROBE_LINE_SECONDS / frame) + 1
                self._probing = min(frames, _PROBE_FRAMES_MAX)
            self._probe_later(now)

    def _probe_later(self, now: float) -> None:
        self._probe_at = now + self._probe_every
        longest = _PROBE_TYPED_SECONDS if self.is_typed else _PROBE_SECONDS
        self._probe_every = min(1.5 * self._probe_every, longest)

    # --- acks ---

    def heard(self, now: float) -> None:
        """A packet came. If none does for much longer than usual, acks are not only waiting."""
        gap = now - self._heard_at
        self._heard_at = now
        if gap < 4 * self._heard_every:  # else a pause
            self._heard_every += (gap - self._heard_every) / 8

    def acked(
        self, group: list[Flight], clock: int, delay: float, now: float, *, known: bool
    ) -> None:
        """An ack arrived at `now` for `group`, whatever the fate of each.

        The last of them reached the peer at `clock` (its microseconds), unless not `known`: then
        the newest was one that nobody acks, whose size we do not keep.
        """
        arrived = self._unwrap(clock, now)
        if not group:
            return
        self._is_quiet = False
        size = 0
        for flight in group:
            size += flight.size
        self.in_flight -= size
        if known:
            last = group[-1]
            if not self._came_sooner(last, arrived):
                self._base.sample(arrived - last.sent, last.own, self.rate, now)
                self._round_trip.sample(now - last.sent - delay, last.own, self.rate, now)
            self._wait_for_ack(size - last.size, now - arrived, now)
            if self._before is not None:
                self._measure(group, size, arrived, now)
            self._before = arrived
            self._correct(arrived, now)
        else:
            self._before = None
        if not self.in_flight:
            self._hungry = False

    def assume(self, rate: float, now: float) -> None:
        """The line is known to carry `rate`, unless it was measured already."""
        if self.rate is None:
            self.rate = rate
            self.free_at = now + self.in_flight / rate

    def lost_sync(self) -> None:
        """The line was gone: nothing of what was under way counts any more."""
        self.in_flight = 0
        self.free_at = 0.0
        self._newest = None
        self._before = None
        self._samples.forget()
        self._base = SmallestDelay()
        self._round_trip = SmallestDelay()
        self._back = SmallestDelay()

    def _unwrap(self, clock: int, now: float) -> float:
        """The peer's clock in seconds: of its readings, 71 minutes apart, the one nearest to ours.

        Hours may pass between two acks, while the peer asks and we only answer.
        """
        if self._clock is None:
            self._clock, self._clock_at = clock, now
        passed = int((now - self._clock_at) * 1e6)
        half = _CLOCK // 2
        step = (clock - self._clock - passed + half) % _CLOCK - half + passed
        self._clock, self._clock_at = clock, now
        self._clock_seconds += step / 1e6
        return self._clock_seconds

    def _wait_for_ack(self, before: int, back: float, now: float) -> None:
        """How many bytes the line takes while an ack waits for its turn on the way back.

        By the peer's clock, from the arrival on: no queue of ours is in it.
        """
        if self.rate is not None:
            self._back.sample(back, 0, None, now)
            wait = before + (back - self._back.at(None)) * self.rate
            self._ack_wait += (wait - self._ack_wait) / (2 if wait > self._ack_wait else 16)

    def _came_sooner(self, last: Flight, arrived: float) -> bool:
        """Whether `last` was faster than the line's rate allows: so the line is, if twice."""
        if self.rate is None or self._base.count < _BASE_SAMPLES:
            return False
        base = self._base.at(self.rate)
        own = last.own / self.rate
        took = arrived - last.sent - base
        before, self._sooner_before = self._sooner_before, 0.0  # a second one must follow at once
        if took < -_STEP_SECONDS:
            self._clock_stepped()
            return False
        if own - took < max(_FASTER_SECONDS, own * _SURE):
            return False
        shows = last.own / max(took, own / _FASTER_MAX)
        self._sooner_before = shows
        if before:
            self._base_in_doubt = arrived - last.sent, last.own
            self._base.settle(base)
            self._round_trip.settle(self._round_trip.at(self.rate))
            self.rate = min(shows, before, _RATE_MAX)
            self._samples.forget()
            self._sooner_before = 0.0
        return True

    def _clock_stepped(self) -> None:
        """The peer's clock is another one now: what was learnt by it does not count any more."""
        self._base = SmallestDelay()
        self._back = SmallestDelay()
        self._before = None

    def _measure(self, group: list[Flight], size: int, arrived: float, now: float) -> None:
        """A rate sample, if the line was busy all the time between two arrivals."""
        assert self._before is not None
        first = group[0]
        # The line was busy from when we handed it over, on our own clock: no clock of a peer may
        # make the line slower than that, or it would be silent for hours.
        elapsed = min(arrived - self._before, now - first.sent)
        base = self._base.at(self.rate)
        if self.rate is None:
            if elapsed > 0 and first.sent <= self._before - base:
                self._take(size, elapsed, now)
            elif not self._hungry:
                pass  # the pauses between these packets were ours
            elif self._start_packets < _START_PACKETS_MAX:
                self._start_packets += len(group)
            elif elapsed > 0:  # so fast that no two reads of the peer were needed
                self._take(size, elapsed, now)
            return
        if self._unbroken(group, size, self._before - base, arrived - base):
            certain = min(flight.early - flight.own / self.rate / 2 for flight in group) > 0
            self._take(size, elapsed, now, certain=certain)

    def _unbroken(self, group: list[Flight], left: int, finished: float, end: float) -> bool:
        """Each of the group was handed over before the line was through with what was before it.

        By what was known then, with _SURE of its own time to spare, so that a rate that is wrong by
        less does not confirm itself; and by what the arrivals say, forwards from `finished`, when
        the line was done with what came before, and backwards from `end`, when it was done with
        the group.
        """
        assert self.rate is not None
        first = group[0]
        surely = first.sent + first.own / self.rate / 2 + _LATE_SECONDS <= finished
        for flight in group:
            if flight.sent > finished + 1e-6:
                return False
            if flight.early < _SURE * flight.own / self.rate and not surely:
                return False
            left -= flight.size
            finished = min(finished + flight.size / self.rate, end - left / self.rate)
            surely = False
        return True

    def _take(self, size: int, elapsed: float, now: float, *, certain: bool = False) -> None:
        before = self.rate
        if not self._samples.take(size, elapsed, before):
            return
        self.rate = rate = min(self._samples.rate, _RATE_MAX)
        if certain:
            self._probe_later(now)
        if self._samples.rises:
            self._probe_at = now  # more of it may be waiting
            self._probe_every = _PROBE_FIRST_SECONDS
        if self._base_in_doubt is not None and before is not None:
            if rate * NEWS < before:
                self._base.sample(*self._base_in_doubt, rate, now)
            self._base_in_doubt = None

    def _correct(self, arrived: float, now: float) -> None:
        """Move `free_at` to what the newest arrival says."""
        if self.rate is None:
            return
        # Not after now: it has arrived, whatever the peer's clock says.
        free = min(arrived - self._base.at(self.rate), now) + self.in_flight / self.rate
        if self.in_flight and self._newest is not None:
            free = max(free, self._newest.sent + self._newest.own / self.rate)
        if free < self.free_at or self.free_at < now:
            self.free_at = free
        else:  # later than thought: a late reader makes it look so once, a slow line always
            self.free_at += (free - self.free_at) / 4
