"""LineModel in front of made-up lines: it finds the rate, follows it, and keeps no queue."""

import heapq
import math
from collections import deque
from collections.abc import Callable
from random import Random

import pytest

from guardpost.protocol.limits import IN_FLIGHT_MAX_BYTES
from guardpost.protocol.rate import Flight, LineModel

BAUD_115200 = 11520.0
FRAME = 600


class Line:
    """A line of `rate` bytes a second, its reader at the far end, and a sender who obeys a model.

    `reader` says how long the far end does something else after each read.
    """

    def __init__(
        self, rate: float, *, delay: float = 0.002, reader: Callable[[], float] = lambda: 0.0
    ) -> None:
        self.rate = rate
        self.delay = delay
        self.reader = reader
        self.model = LineModel()
        self.now = 100.0
        self.free_at = 0.0
        self.clock_origin = 4e3  # seconds
        self.longest_queue = 0.0
        self.sent = 0
        self.unacked_bytes = 0  # sent before each frame: our own acks, which nobody acks
        self._number = -1
        self._waited = False
        self._arrivals: list[tuple[float, int, bool]] = []
        self._acks: list[tuple[float, int, int]] = []
        self._flights: deque[Flight] = deque()
        self._read_at = 0.0
        self._write_at = 0.0

    def _put(self, size: int, *, needs_ack: bool) -> None:
        self._number += 1
        self.free_at = max(self.free_at, self.now) + size / self.rate
        heapq.heappush(self._arrivals, (self.free_at + self.delay, self._number, needs_ack))
        self.longest_queue = max(self.longest_queue, self.free_at - self.now)

    def send(self, size: int = FRAME) -> None:
        if self.unacked_bytes:
            self.model.handed_over_unacked(self.unacked_bytes, self.now)
            self._put(self.unacked_bytes, needs_ack=False)
        self._put(size, needs_ack=True)
        flight = Flight(self._number, size, self.now, [], self._waited)
        self._flights.append(flight)
        self.model.handed_over(flight)
        self._waited = False
        self.sent += size

    def _read(self) -> None:
        """The far end reads what has arrived and acks the newest of it."""
        largest, wanted = -1, False
        while self._arrivals and self._arrivals[0][0] <= self.now:
            _, largest, needs_ack = heapq.heappop(self._arrivals)
            wanted = wanted or needs_ack
        if wanted:
            clock = int((self.now + self.clock_origin) * 1e6) & 0xFFFFFFFF
            heapq.heappush(self._acks, (self.now + self.delay + 0.005, largest, clock))
            self._read_at = self.now + self.reader()

    def ack(self, largest: int, clock: int) -> None:
        group = []
        while self._flights and self._flights[0].number <= largest:
            group.append(self._flights.popleft())
        known = bool(group) and group[-1].number == largest
        self.model.acked(group, clock, 0.0, self.now, known=known)

    def run(self, seconds: float, *, every: float = 0.0) -> "Line":
        """Send as fast as the model says, or one frame `every` so many seconds."""
        stop = self.now + seconds
        while self.now < stop:
            if self.now >= self._read_at:
                self._read()
            while self._acks and self._acks[0][0] <= self.now:
                _, largest, clock = heapq.heappop(self._acks)
                self.ack(largest, clock)
            times = [stop]
            if self._arrivals:
                times.append(max(self._arrivals[0][0], self._read_at))
            if self._acks:
                times.append(self._acks[0][0])
            if self.now >= self._write_at:
                times.append(self._write(every))
            else:
                times.append(self._write_at)
            self.now = max(self.now + 1e-6, min(times))
        return self

    def _write(self, every: float) -> float:
        ready = self.model.ready_at(self.now, FRAME)
        if ready is not None and ready <= self.now:
            self.send()
            self._write_at = self.now + every
            return self._write_at
        if not every:
            self._waited = True
            self.model.backlog(self.now, FRAME)
        return ready if ready is not None else math.inf

    def queue(self, seconds: float) -> float:
        """The longest queue in front of the line within the next seconds."""
        self.longest_queue = 0.0
        self.run(seconds)
        return self.longest_queue

    def share(self, seconds: float) -> float:
        """How much of the line is used within the next seconds."""
        before = self.sent
        self.run(seconds)
        return (self.sent - before) / seconds / self.rate


@pytest.mark.parametrize("rate", [960.0, BAUD_115200, 92160.0, 4e5])
@pytest.mark.parametrize("delay", [0.001, 0.05])
def test_the_rate_is_found_and_the_line_full(rate: float, delay: float) -> None:
    line = Line(rate, delay=delay).run(5.0)
    assert line.model.rate == pytest.approx(rate, rel=0.1)
    assert line.share(5.0) > 0.9


def test_no_queue_stands_in_front_of_the_line() -> None:
    line = Line(BAUD_115200).run(5.0)
    assert line.queue(10.0) < 4 * FRAME / BAUD_115200


def test_a_line_ten_times_slower_is_followed_without_a_long_queue() -> None:
    line = Line(BAUD_115200).run(5.0)
    line.rate /= 10
    line.run(3.0)
    assert line.model.rate == pytest.approx(line.rate, rel=0.15)
    assert line.queue(5.0) < 5 * FRAME / line.rate


def test_a_line_ten_times_faster_is_found() -> None:
    line = Line(BAUD_115200).run(5.0)
    line.rate *= 10
    line.run(15.0)
    assert line.model.rate == pytest.approx(line.rate, rel=0.25)
    assert line.share(3.0) > 0.8


@pytest.mark.parametrize("longest", [0.003, 0.01, 0.03])
def test_a_late_reader_does_not_ratchet_the_rate_down(longest: float) -> None:
    rng = Random(1)
    line = Line(BAUD_115200, reader=lambda: rng.random() ** 2 * longest).run(5.0)
    for _ in range(6):
        assert line.share(5.0) > 0.85
        assert line.model.rate == pytest.approx(BAUD_115200, rel=0.35)


def test_pauses_of_our_own_say_nothing_about_the_line() -> None:
    line = Line(BAUD_115200).run(5.0)
    found = line.model.rate
    line.run(30.0, every=0.5)
    assert line.model.rate == found
    assert line.share(2.0) > 0.9


def test_a_trickle_alone_tells_no_rate() -> None:
    assert Line(BAUD_115200).run(20.0, every=0.5).model.rate is None


def test_slack_grows_when_the_line_was_found_idle_and_shrinks_when_not() -> None:
    line = Line(BAUD_115200).run(10.0)
    before = line.model.slack
    assert line.run(10.0).model.slack <= before
    # Each frame goes out 4 ms later than planned, as on a busy machine.
    model, last = line.model, line.model.slack
    for _ in range(20):
        ready = model.ready_at(line.now, FRAME)
        line.now = max(line.now, ready or line.now) + line.model.slack + 0.004
        line._waited = True
        line.send()
        line.now = line.free_at + 0.01
        line.ack(line._number, int((line.free_at + line.delay) * 1e6 + 4e9) & 0xFFFFFFFF)
    assert model.slack > last


def test_what_nobody_acks_takes_line_time_all_the_same() -> None:
    line = Line(BAUD_115200)
    line.unacked_bytes = 60
    line.run(10.0)
    assert line.model.rate == pytest.approx(BAUD_115200, rel=0.1)
    assert line.queue(5.0) < 5 * FRAME / BAUD_115200


def test_an_ack_that_ends_with_what_nobody_acks_blurs_nothing() -> None:
    rng = Random(1)
    line = Line(BAUD_115200, reader=lambda: rng.random() * 0.08)
    line.unacked_bytes = 60
    line.run(5.0)
    lowest = min(line.run(0.2).model.rate or 0.0 for _ in range(100))
    assert lowest > 0.7 * BAUD_115200


def test_the_peers_clock_may_wrap_and_have_any_origin() -> None:
    line = Line(BAUD_115200)
    line.now = 5_000_000.0 - (5_000_000.0 % 4294.967296) + 4290.0 - 4000.0 % 4294.967296
    line.run(20.0)
    assert line.model.rate == pytest.approx(BAUD_115200, rel=0.1)


def test_a_line_that_was_gone_starts_without_flights() -> None:
    line = Line(BAUD_115200).run(5.0)
    line.model.lost_sync()
    assert line.model.in_flight == 0
    assert line.model.ready_at(line.now, FRAME) is not None
    assert line.model.queued_seconds(line.now) == 0.0


def test_in_flight_has_a_limit_while_nothing_is_acked() -> None:
    model = LineModel()
    number = 0
    while model.ready_at(0.0, FRAME) is not None:
        model.handed_over(Flight(number, FRAME, 0.0, []))
        number += 1
    assert number == 4


def test_one_frame_may_always_go() -> None:
    assert LineModel().ready_at(5.0, 1 << 20) == 5.0


def test_a_peer_whose_clock_runs_wild_cannot_make_us_wait_for_hours() -> None:
    line = Line(BAUD_115200)
    rng = Random(3)
    model, now = line.model, 100.0
    for number in range(500):
        flight = Flight(number, FRAME, now, [], waited=True)
        model.handed_over(flight)
        now += 0.1
        model.acked([flight], rng.randrange(1 << 32), rng.random(), now, known=True)
        ready = model.ready_at(now, FRAME)
        assert ready is not None
        assert ready < now + 2


@pytest.mark.parametrize("minutes", [10, 36, 70, 72, 108])
def test_hours_without_an_ack_say_nothing_about_the_line(minutes: int) -> None:
    """The clock in the acks has 71 minutes; an idle tunnel's console only answers PINGs."""
    line = Line(BAUD_115200).run(5.0).run(1.0, every=2.0)
    line.now += 60 * minutes
    line.run(0.5)
    assert line.model.rate == pytest.approx(BAUD_115200, rel=0.1)
    assert line.queue(5.0) < 4 * FRAME / BAUD_115200


@pytest.mark.parametrize("seconds", [-600.0, -2.0, 2.0])
def test_a_peer_whose_clock_steps_says_nothing_about_the_line(seconds: float) -> None:
    """Its host slept, or ours did."""
    line = Line(BAUD_115200).run(5.0)
    line.clock_origin += seconds
    line.run(40.0)
    assert line.model.rate == pytest.approx(BAUD_115200, rel=0.15)
    assert line.queue(5.0) < 4 * FRAME / BAUD_115200


@pytest.mark.parametrize("step", [0, 20_000, -20_000, -100_000, -400_000, -3_000_000, 1 << 31])
def test_a_clock_that_lies_costs_no_more_than_the_line(step: int) -> None:
    model, now = LineModel(), 100.0
    clock = 1 << 31
    for number in range(4000):
        flight = Flight(number, FRAME, now, [], True)
        model.backlog(now, FRAME)
        model.handed_over(flight)
        now += 0.06
        clock = (clock + 60_000 + (step if number > 100 else 0)) % (1 << 32)
        model.acked([flight], clock, 1e12, now, known=True)
        ready = model.ready_at(now, FRAME)
        assert ready is not None
        assert ready < now + 10
    assert model.limit_bytes(FRAME) <= IN_FLIGHT_MAX_BYTES
