"""A model of the line in front of us: its rate, when it will be free, how much may be under way.

What a person feels on a slow line is the queue in front of his keystroke, and that queue stands
in buffers nobody can look into. So we keep none there: the next frame is handed over when the
one before it is about to end. For that we need to know when the line will be free, and acks
tell us: they carry the receiver's clock, so a busy way back does not blur them.

Words. A packet is handed over (`sent`) at S on our clock and arrives at T on the receiver's.
`base` is T - S - size/rate of the packet that came through fastest lately: propagation and the
clocks' offset. Then T - base is when the line had finished it, on our clock, and what was sent
after it follows at `rate`: `free_at`.

The rate is measured only while the line was surely busy: the packet was handed over before the
one in front of it had finished, so that size / (T - T before) is the line's own speed. There is
no pacing factor below 1, which would ratchet down; instead `slack`, how long before the end of
a frame the next one is handed over, grows when the line was found idle although we had
something to send, and shrinks slowly otherwise. Now and then a few frames go out early on
purpose (`probe`): frames back to back show a rate that has gone up. In flight there is
never more than rate x round trip + a few frames, so a line that falls silent, or ten times
slower, costs one short queue and not a long one.
"""

from collections import deque
from dataclasses import dataclass

__all__ = ["LineModel"]

_BASE_WINDOW_SECONDS = 15.0  # two of them are kept: crystals drift by 1.5 ms in this time
_SLACK_MIN_SECONDS = 0.002  # what a timer needs
_SLACK_START_SECONDS = 0.006
_PROBE_SECONDS = 1.5
_PROBE_LINE_SECONDS = 0.04  # of line time: a late reader blurs less
_PROBE_FRAMES_MAX = 4
_TOGETHER_SECONDS = 0.002
_FASTER = 1.25  # two probes that show this much more are believed
_SAMPLE_FRAMES = 8
_SAMPLE_SECONDS = 0.6
_FRAMES_AHEAD = 3
_START_PACKETS = 4  # doubled each round trip while nothing tells the rate
_START_PACKETS_MAX = 48  # in all less than READ_AHEAD_START_BYTES
_CLOCK = 1 << 32


@dataclass(slots=True)
class _Flight:
    number: int
    size: int
    sent: float
    waited: bool  # we had it before the line was ready for it
    probe: bool  # handed over together with the one in front of it, on purpose


class SmallestDelay:
    """The packet of the last one to two windows that was through fastest, queue and size included.

    Its own time on the line is taken off with the rate of the moment, not of then: a rate that was
    wrong for a while leaves nothing behind.
    """

    __slots__ = ("_current", "_previous", "_until", "_window")

    def __init__(self, window: float) -> None:
        self._window = window
        self._until = float("-inf")
        self._current = self._previous = (float("inf"), 0)

    def sample(self, delay: float, size: int, now: float) -> None:
        """A packet of `size` bytes took `delay` seconds."""
        if now >= self._until:
            fresh = now < self._until + self._window
            self._previous = self._current if fresh else (float("inf"), 0)
            self._current = (delay, size)
            self._until = now + self._window
        elif delay < self._current[0]:
            self._current = (delay, size)

    def without_size(self, rate: float | None) -> float:
        """What a packet of no size would have taken; infinity before the first sample."""
        delay, size = min(self._current, self._previous)
        return delay - size / rate if rate else delay


class LineModel:
    """Bytes are bytes on the line, times are seconds. `rate` is None until two frames told it."""

    def __init__(self) -> None:
        self.rate: float | None = None
        self.slack = _SLACK_START_SECONDS
        self.free_at = 0.0
        self.in_flight = 0
        self._flights: deque[_Flight] = deque()
        self._base = SmallestDelay(_BASE_WINDOW_SECONDS)
        self._round_trip = SmallestDelay(_BASE_WINDOW_SECONDS)
        self._clock: int | None = None
        self._clock_seconds = 0.0
        self._before: float | None = None  # T of the newest acked packet
        self._samples: deque[tuple[float, int]] = deque()
        self._surprise = 0
        self._start_packets = _START_PACKETS
        self._hungry = False  # there was more to send than might go
        self._unacked_before = 0
        self._probe_at = 0.0
        self._probing = 0
        self._handed_over_at = 0.0
        self._probe_size = 0  # acked of the probe that is coming in
        self._probe_elapsed = 0.0
        self._probe_before = 0.0  # what the probe before it showed, bytes a second

    # --- sending ---

    def handed_over(self, number: int, size: int, now: float, waited: bool) -> None:
        """`size` bytes went to the line at `now`; `waited`: they had to wait for the line."""
        size += self._occupy(size, now)
        self._unacked_before = 0
        probe = self._probing > 0 and now - self._handed_over_at < _TOGETHER_SECONDS
        self._flights.append(_Flight(number, size, now, waited, probe))
        self.in_flight += size
        self._handed_over_at = now
        if self._probing:
            self._probing -= 1

    def handed_over_unacked(self, size: int, now: float) -> None:
        """As `handed_over`, for what nobody acks (acks, text): it takes line time all the same.

        Its bytes are added to the next packet's, so that samples stay true.
        """
        self._unacked_before = size + self._occupy(size, now)

    def _occupy(self, size: int, now: float) -> int:
        """Books line time; returns the unacked bytes that stand right in front."""
        if self.rate is None or self.free_at <= now:
            self._unacked_before = 0
        if self.rate is not None:
            self.free_at = max(self.free_at, now) + size / self.rate
        return self._unacked_before

    def queued_seconds(self, now: float) -> float:
        """How long the line is still busy with what it has, as far as we know."""
        return max(0.0, self.free_at - now) if self.rate is not None else 0.0

    def limit_bytes(self, frame: int) -> int:
        """How much may be in flight: rate x smallest round trip, and a few frames."""
        if self.rate is None:
            return self._start_packets * frame
        round_trip = max(0.0, self._round_trip.without_size(self.rate))
        if round_trip == float("inf"):
            round_trip = 0.0
        return int(self.rate * (round_trip + self.slack)) + (_FRAMES_AHEAD + self._probing) * frame

    def ready_at(self, now: float, frame: int) -> float | None:
        """When the next frame of about `frame` bytes may go; None: not before an ack."""
        if self.in_flight and self.in_flight + frame > self.limit_bytes(frame):
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
            self._probe_at = now + _PROBE_SECONDS

    # --- acks ---

    def acked(self, largest: int, clock: int, delay: float, now: float) -> None:
        """An ack arrived at `now`: `largest` reached the peer at `clock` (its microseconds)."""
        arrived = self._unwrap(clock)
        group: list[_Flight] = []
        while self._flights and self._flights[0].number <= largest:
            group.append(self._flights.popleft())
        if not group:
            return
        size = sum(flight.size for flight in group)
        self.in_flight -= size
        last = group[-1]
        if last.number == largest:
            self._base.sample(arrived - last.sent, last.size, now)
            self._round_trip.sample(now - last.sent - delay, last.size, now)
            if self._before is not None:
                self._compare(group, size, arrived - self._before)
                self._measure(group, size, arrived, now)
            self._before = arrived
            self._correct(arrived, now)
        else:  # the newest was one that nobody acks, whose size we do not keep
            self._before = None
        if not self._flights:
            self._hungry = False

    def lost_sync(self) -> None:
        """The line was gone: nothing of what was under way counts any more."""
        self._flights.clear()
        self.in_flight = 0
        self.free_at = 0.0
        self._before = None
        self._samples.clear()
        self._base = SmallestDelay(_BASE_WINDOW_SECONDS)
        self._round_trip = SmallestDelay(_BASE_WINDOW_SECONDS)

    def _unwrap(self, clock: int) -> float:
        if self._clock is None:
            self._clock = clock
        step = (clock - self._clock) % _CLOCK
        if step >= _CLOCK // 2:
            step -= _CLOCK
        self._clock = clock
        self._clock_seconds += step / 1e6
        return self._clock_seconds

    def _compare(self, group: list[_Flight], size: int, elapsed: float) -> None:
        """Frames handed over together were on a busy line, whatever we think of it.

        A line that became faster looks like an idle one of the old rate, and `base` sinks with it;
        so when two probes in a row show more, what was derived from the old rate is forgotten.
        """
        if all(flight.probe for flight in group):
            self._probe_size += size
            self._probe_elapsed += elapsed
            return
        if not self._probe_size or self.rate is None:
            return
        shown = self._probe_size / max(self._probe_elapsed, 1e-5)
        believed = min(shown, self._probe_before)
        self._probe_before = shown
        self._probe_size, self._probe_elapsed = 0, 0.0
        if believed > self.rate * _FASTER:
            self.rate = believed
            self._samples.clear()
            self._base = SmallestDelay(_BASE_WINDOW_SECONDS)
            self._probe_before = 0.0

    def _measure(self, group: list[_Flight], size: int, arrived: float, now: float) -> None:
        """A rate sample, if the line was busy all the time between two arrivals."""
        assert self._before is not None
        first, last = group[0], group[-1]
        # The line was busy from when we handed it over, on our own clock: no clock of a peer may
        # make the line slower than that, or it would be silent for hours.
        elapsed = min(arrived - self._before, now - first.sent)
        base = self._base.without_size(self.rate)
        if self.rate is None:
            if elapsed > 0 and first.sent <= self._before - base:
                self._take(size, elapsed)
            elif not self._hungry:
                pass  # the pauses between these packets were ours
            elif self._start_packets < _START_PACKETS_MAX:
                self._start_packets += len(group)
            elif elapsed > 0:  # so fast that no two reads of the peer were needed
                self._take(size, elapsed)
            return
        finished_before = self._before - base
        idle = first.sent - finished_before
        if idle <= 0 and self._unbroken(group, finished_before, arrived - base):
            self._take(size, elapsed)
            self.slack = max(_SLACK_MIN_SECONDS, self.slack * (1 - 1 / 64))
        elif first.waited and idle > 0:
            own = last.size / self.rate
            self.slack = min(self.slack + min(idle, own) / 2 + 0.0005, max(own, _SLACK_MIN_SECONDS))

    def _unbroken(self, group: list[_Flight], finished: float, end: float) -> bool:
        """Each of the group was handed over before the one in front of it can have finished.

        Seen from both ends: forwards from `finished`, when the line was done with what came before,
        and backwards from `end`, when it was done with the group.
        """
        assert self.rate is not None
        left = sum(flight.size for flight in group)
        for flight in group:
            if (
                flight.sent > min(finished, end - left / self.rate) + 1e-6
                and flight is not group[0]
            ):
                return False
            finished += flight.size / self.rate
            left -= flight.size
        return True

    def _take(self, size: int, elapsed: float) -> None:
        elapsed = max(elapsed, 1e-5)
        sample = size / elapsed
        # A late reader makes one sample slow and the next one fast: together they are right.
        # Two in a row on the same side are news.
        side = 0
        if self.rate is not None:
            side = (sample > self.rate * 2) - (sample < self.rate / 2)
        if side and side == self._surprise:
            self._samples.clear()
        self._surprise = side
        self._samples.append((elapsed, size))
        total_time = sum(elapsed for elapsed, _ in self._samples)
        while len(self._samples) > 2 and (
            len(self._samples) > _SAMPLE_FRAMES or total_time > _SAMPLE_SECONDS
        ):
            total_time -= self._samples.popleft()[0]
        self.rate = sum(size for _, size in self._samples) / total_time

    def _correct(self, arrived: float, now: float) -> None:
        """Move `free_at` to what the newest arrival says."""
        if self.rate is None:
            return
        # Not after now: it has arrived, whatever the peer's clock says.
        free = min(arrived - self._base.without_size(self.rate), now)
        for flight in self._flights:
            free = max(free, flight.sent) + flight.size / self.rate
        if free < self.free_at or self.free_at < now:
            self.free_at = free
        else:  # later than thought: a late reader makes it look so once, a slow line always
            self.free_at += (free - self.free_at) / 4
