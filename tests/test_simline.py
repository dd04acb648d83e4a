"""A Wire carries bytes at its rate and does exactly the damage it was asked for."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardpost.simline import Faults, Wire

RATE = 11520.0
TEXT = bytes(Random(7).randbytes(40_000))


def carry(wire: Wire, data: bytes, now: float = 0.0) -> list[tuple[float, bytes]]:
    """Push all of `data` as the buffer takes it; what arrived, with its times."""
    arrivals = []
    while True:
        data = data[wire.push(data[: wire.room(now)], now) :]
        arrived = wire.pull(now)
        if arrived:
            arrivals.append((now, arrived))
        due = wire.next_deadline(now)
        if due is None:
            return arrivals
        assert due > now, "a deadline in the past would spin for ever"
        now = due


def arrived_bytes(arrivals: list[tuple[float, bytes]]) -> bytes:
    return b"".join(data for _, data in arrivals)


def test_bytes_arrive_one_by_one_at_the_line_rate() -> None:
    arrivals = carry(Wire(RATE, 1), b"abc")
    assert [data for _, data in arrivals] == [b"a", b"b", b"c"]
    assert [when for when, _ in arrivals] == pytest.approx([1 / RATE, 2 / RATE, 3 / RATE])


@pytest.mark.parametrize("fifo_bytes", [1, 16])
def test_a_long_transfer_takes_n_over_rate_and_never_runs_ahead(fifo_bytes: int) -> None:
    arrivals = carry(Wire(RATE, 1, fifo_bytes=fifo_bytes), TEXT, now=1000.0)
    assert arrived_bytes(arrivals) == TEXT
    assert arrivals[-1][0] - 1000.0 == pytest.approx(len(TEXT) / RATE, rel=1e-6)
    start = window = 0
    for when, data in arrivals:
        window += len(data)
        while arrivals[start][0] <= when - 0.1:
            window -= len(arrivals[start][1])
            start += 1
        assert window <= 1152 + 16


def test_a_late_reader_finds_what_had_arrived_by_then() -> None:
    wire = Wire(RATE, 1)
    wire.push(bytes(4096), 0.0)
    assert len(wire.pull(0.1)) == 1152
    assert len(wire.pull(0.2)) == 1152


def test_a_full_buffer_makes_the_writer_wait_for_the_line() -> None:
    wire = Wire(RATE, 1, buffer_bytes=100)
    assert wire.push(bytes(150), 0.0) == 100
    assert wire.room(0.0) == 0
    due = wire.room_at(10, 0.0)
    assert due == pytest.approx(10 / RATE)
    assert due is not None
    assert wire.room(due) == 10
    assert wire.queued(due) == 90


def test_an_idle_line_saves_up_no_rate() -> None:
    wire = Wire(RATE, 1)
    wire.push(b"x", 0.0)
    wire.pull(50.0)
    wire.push(bytes(1000), 60.0)
    assert len(wire.pull(60.0 + 10 / RATE)) == 10


def test_an_unlimited_wire_delivers_at_once_or_after_its_delay() -> None:
    wire = Wire(None, 1)
    wire.push(b"now", 5.0)
    assert wire.pull(5.0) == b"now"
    late = Wire(None, 1, faults=Faults(delay=0.25))
    late.push(b"later", 5.0)
    assert late.pull(5.2) == b""
    assert late.next_deadline(5.2) == pytest.approx(5.25)
    assert late.pull(5.25) == b"later"


def test_delay_adds_to_every_byte() -> None:
    arrivals = carry(Wire(RATE, 1, faults=Faults(delay=0.1)), b"ab")
    assert [when for when, _ in arrivals] == pytest.approx([0.1 + 1 / RATE, 0.1 + 2 / RATE])


def test_a_latency_timer_gathers_bytes() -> None:
    arrivals = carry(Wire(RATE, 1, faults=Faults(coalesce=0.016)), bytes(400))
    assert [len(data) for _, data in arrivals] == [184, 184, 32]
    assert [when for when, _ in arrivals] == pytest.approx([0.016, 0.032, 0.048])


def test_a_mute_swallows_what_is_on_the_line_meanwhile() -> None:
    wire = Wire(1000.0, 1, faults=Faults(mutes=((1.0005, 1.0),)))
    data = arrived_bytes(carry(wire, TEXT[:3000]))
    assert data == TEXT[:1000] + TEXT[2000:3000]
    assert wire.stats.muted == 1000


def test_a_rate_change_takes_effect_in_the_middle_of_the_stream() -> None:
    wire = Wire(1000.0, 1, faults=Faults(rate_changes=((1.0, 100.0),)))
    arrivals = carry(wire, bytes(1100))
    assert arrivals[-1][0] == pytest.approx(2.0)


def test_a_rate_of_zero_holds_the_line_until_the_next_change() -> None:
    wire = Wire(1000.0, 1, faults=Faults(rate_changes=((1.0, 0.0), (3.0, 1000.0))))
    arrivals = carry(wire, bytes(2000))
    assert arrivals[-1][0] == pytest.approx(4.0)
    assert not [when for when, _ in arrivals if 1.0 < when <= 3.0]


def test_kernel_text_takes_its_place_and_its_time_on_the_line() -> None:
    wire = Wire(1000.0, 1, faults=Faults(insert=((0.5, b"[ 1.0] oops\r\n"),)))
    arrivals = carry(wire, b"x" * 1000)
    assert arrived_bytes(arrivals) == b"x" * 500 + b"[ 1.0] oops\r\n" + b"x" * 500
    assert arrivals[-1][0] == pytest.approx(1.013)


def test_kernel_text_also_comes_over_an_idle_line() -> None:
    wire = Wire(1000.0, 1, faults=Faults(insert=((0.5, b"oops"),)))
    assert wire.next_deadline(0.0) == 0.5
    assert arrived_bytes(carry(wire, b"")) == b"oops"


def test_a_dropping_buffer_swallows_what_does_not_fit() -> None:
    wire = Wire(RATE, 1, faults=Faults(drop_buffer=2048))
    assert wire.room(0.0) > 1_000_000
    assert wire.push(TEXT[:3000], 0.0) == 3000
    assert arrived_bytes(carry(wire, b"")) == TEXT[:2048]
    assert wire.stats.overrun == 952


def test_eaten_values_never_arrive() -> None:
    wire = Wire(None, 1, faults=Faults(eat=frozenset({0, 0x13})))
    assert arrived_bytes(carry(wire, b"\0a\x13\0b")) == b"ab"
    assert wire.stats.eaten == 3


def test_faults_can_change_while_bytes_flow() -> None:
    wire = Wire(1000.0, 1)
    wire.push(bytes(2000), 0.0)
    assert len(wire.pull(1.0)) == 1000
    wire.change(Faults(loss=1.0), 1.0)
    assert wire.pull(1.5) == b""
    wire.change(Faults(), 1.5)
    wire.set_rate(100.0, 1.5)
    assert len(wire.pull(2.5)) == 100


ALL_FAULTS = Faults(
    loss=0.02, flip=0.02, burst=0.005, hole=0.01, dup=0.1, delay=0.05, eat=frozenset({0}),
    mutes=((0.1, 0.02),), rate_changes=((0.2, 2000.0),), insert=((0.15, b"printk"),),
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.0005, 0.2), min_size=1, max_size=40))
def test_what_arrives_does_not_depend_on_when_we_look(pauses: list[float]) -> None:
    once, often = (Wire(RATE, 11, faults=ALL_FAULTS) for _ in range(2))
    once.push(TEXT[:3000], 0.0)
    often.push(TEXT[:3000], 0.0)
    now, seen = 0.0, b""
    for pause in pauses:
        now += pause
        often.next_deadline(now)
        seen += often.pull(now)
    assert seen + often.pull(100.0) == once.pull(100.0)
    assert often.stats == once.stats


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 0.3))
def test_every_byte_is_accounted_for(seed: int, p: float) -> None:
    faults = Faults(loss=p, flip=p, burst=p / 10, hole=p, dup=p, drop_buffer=2048)
    wire = Wire(RATE, seed, faults=faults)
    wire.push(TEXT[:5000], 0.0)
    wire.push(TEXT[:5000], 0.1)
    arrived = len(wire.pull(10.0))
    s = wire.stats
    assert arrived == s.delivered
    assert s.delivered == (
        s.sent + s.inserted + s.duplicated - s.overrun - s.muted - s.eaten - s.lost
    )


def test_the_same_seed_gives_the_same_line_and_another_seed_another() -> None:
    def damaged(seed: int) -> bytes:
        wire = Wire(RATE, seed, faults=ALL_FAULTS, fifo_bytes=16)
        return arrived_bytes(carry(wire, TEXT[:2000]))

    assert damaged(1) == damaged(1)
    assert damaged(1) != damaged(2)
