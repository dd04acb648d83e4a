"""What the line is used for: bounds on the virtual clock, a little looser than what is reached."""

import pytest
from support.line import SimulatedLine
from support.pair import Pair
from support.stories import agents_half, count_received, open_channel, payload

from guardpost.protocol import events
from guardpost.protocol.channel import Channel
from guardpost.simline import NO_FAULTS, Faults

BAUD_115200 = 11520.0


def goodput(
    faults: Faults = NO_FAULTS,
    *,
    count: int = 100000,
    both: bool = False,
    reader_delay: float = 0.0,
    fifo_bytes: int = 64,
    seed: int = 1,
) -> float:
    """The share of the line's bytes that were a channel's: the slower direction's, if both send."""
    line = SimulatedLine(BAUD_115200, faults=faults, fifo_bytes=fifo_bytes, seed=seed)
    pair = Pair(line, reader_delay=reader_delay)
    pair.establish()
    channel = open_channel(pair)
    start = pair.now
    pair.console.feed(channel, payload(count))
    if both:
        pair.agent.feed(agents_half(pair, channel), payload(count, seed=9))
    receivers = [pair.agent, pair.console] if both else [pair.agent]
    assert pair.run(
        200, until=lambda: all(count_received(end, channel) == count for end in receivers)
    )
    return count / (pair.now - start) / BAUD_115200


def test_one_way_on_a_clean_line() -> None:
    assert goodput() >= 0.95


def test_both_ways_on_a_clean_line() -> None:
    assert goodput(both=True, fifo_bytes=16) >= 0.92


def test_one_byte_in_ten_thousand_is_lost() -> None:
    assert goodput(Faults(loss=1e-4), count=150000) >= 0.80


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_byte_in_a_thousand_is_lost(seed: int) -> None:
    assert goodput(Faults(loss=1e-3), count=60000, seed=seed) >= 0.45


@pytest.mark.parametrize("reader_delay", [0.005, 0.02])
def test_a_reader_on_a_busy_machine_is_late(reader_delay: float) -> None:
    assert goodput(reader_delay=reader_delay) >= 0.93


def test_a_usb_adapter_delivers_in_lumps() -> None:
    assert goodput(Faults(coalesce=0.016)) >= 0.93


def keystrokes(pair: Pair, channel: Channel, count: int) -> list[float]:
    """One byte every 200 ms; the seconds until its echo was back."""
    times = []
    for number in range(count):
        start = pair.now
        pair.console.connection.write_channel(channel, b"k", pair.now)
        echoed = pair.run(0.2, until=lambda: count_received(pair.console, channel) > number)  # noqa: B023
        if not echoed:
            assert pair.run(2, until=lambda: count_received(pair.console, channel) > number)  # noqa: B023
        times.append(pair.now - start)
        pair.run(max(0.0, start + 0.2137 - pair.now))
    return sorted(times)


@pytest.mark.parametrize("up", [True, False], ids=["console sends", "agent sends"])
@pytest.mark.parametrize("reader_delay, median, p95", [(0.0, 0.050, 0.090), (0.005, 0.065, 0.120)])
def test_keystrokes_of_a_tunnel_under_bulk(
    up: bool, reader_delay: float, median: float, p95: float
) -> None:
    """Nobody told that this channel is somebody's ssh."""
    pair = Pair(SimulatedLine(BAUD_115200, fifo_bytes=16), reader_delay=reader_delay)
    pair.establish()
    bulk, typed = open_channel(pair), open_channel(pair)
    sender, receiver = (pair.console, pair.agent) if up else (pair.agent, pair.console)
    sender.feed(bulk if up else agents_half(pair, bulk), payload(300000))
    pair.agent.echoes_only = typed.number
    pair.run(2)
    before, start = count_received(receiver, bulk), pair.now
    times = keystrokes(pair, typed, 40)
    share = (count_received(receiver, bulk) - before) / (pair.now - start) / BAUD_115200
    assert times[20] <= median
    assert times[38] <= p95
    assert share >= 0.88


def test_a_fast_line_with_a_long_round_trip() -> None:
    """4 Mbit/s and 200 ms: start-up takes its time, then the line is full."""
    rate, count = 500000.0, 8_000_000
    line = SimulatedLine(
        rate, faults=Faults(delay=0.1, coalesce=0.008), fifo_bytes=4096, buffer_bytes=1 << 16
    )
    pair = Pair(line)
    pair.establish()
    channel = open_channel(pair)
    pair.console.feed(channel, bytes(count))
    assert pair.run(10, until=lambda: count_received(pair.agent, channel) > count // 8)
    got, start = count_received(pair.agent, channel), pair.now
    assert pair.run(30, until=lambda: count_received(pair.agent, channel) == count)
    assert (count - got) / (pair.now - start) / rate >= 0.90


def test_from_hello_to_a_usable_session() -> None:
    pair = Pair(SimulatedLine(BAUD_115200))
    start = pair.now
    pair.establish()
    open_channel(pair)
    assert pair.now - start <= 0.3 + 0.3
    assert len(pair.agent.of(events.ChannelOpened)) == 1
