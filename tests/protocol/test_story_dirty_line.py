"""Bytes vanish, change, come twice or late: each byte of a channel arrives once, in order."""

import tracemalloc

import pytest
from support.line import SimulatedLine
from support.pair import Pair
from support.stories import (
    COARSE_FIFO_BYTES,
    agents_half,
    carried,
    open_channel,
    payload,
    progress,
    transfer,
)

from guardpost.protocol import events
from guardpost.simline import Faults

XON_XOFF = frozenset(b"\x11\x13")


def test_bytes_vanish() -> None:
    pair = transfer(Faults(loss=1e-3))
    assert pair.line.ab.stats.lost > 5


def test_every_hundredth_byte_vanishes() -> None:
    transfer(Faults(loss=5e-3), count=5000)


def test_bits_flip() -> None:
    pair = transfer(Faults(flip=1e-3))
    assert pair.line.ba.stats.flipped > 5


def test_bursts_of_noise_and_silence() -> None:
    transfer(Faults(burst=3e-4))


def test_a_small_uart_overruns() -> None:
    transfer(Faults(hole=5e-4))


def test_a_bmc_sends_blocks_twice() -> None:
    transfer(Faults(dup=0.02))


@pytest.mark.parametrize("delay", [0.05, 0.5, 2.0])
def test_bytes_come_late(delay: float) -> None:
    transfer(Faults(delay=delay), seconds=200)


def test_bytes_come_late_and_some_never() -> None:
    transfer(Faults(delay=1.0, loss=3e-4), seconds=400)


def test_bytes_come_in_lumps_as_from_a_usb_adapter() -> None:
    transfer(Faults(coalesce=0.016, loss=1e-4))


def test_one_way_is_nine_times_slower() -> None:
    transfer(rate=11520.0, back_rate=1300.0, count=10000)
    transfer(rate=1300.0, back_rate=11520.0, count=10000)


def test_a_buffer_drops_what_does_not_fit() -> None:
    """A BMC takes everything and forgets what is too much: after the start that costs nothing."""
    pair = transfer(Faults(drop_buffer=2048), count=60000)
    assert pair.line.ab.stats.overrun < 12000


@pytest.mark.parametrize("first, then", [(11520.0, 1152.0), (1152.0, 11520.0)])
def test_the_rate_changes_tenfold(first: float, then: float) -> None:
    change = Faults(rate_changes=((101.5, then),))
    pair = transfer(change, rate=first, count=25000, seconds=300)
    rate = pair.console.connection.statistics(pair.now)
    assert rate is not None
    assert rate.rate is not None
    assert 0.6 * then < rate.rate < 1.6 * then


def test_after_a_tenfold_slower_rate_no_long_queue_stands() -> None:
    line = SimulatedLine(faults=Faults(rate_changes=((103.0, 1152.0),)), fifo_bytes=64)
    pair = Pair(line)
    pair.establish()
    channel = open_channel(pair)
    pair.console.feed(channel, payload(60000))
    pair.run(8)
    queued = []
    for _ in range(20):
        pair.run(0.1)
        queued.append(line.ab.queued(pair.now) / 1152)
    assert sorted(queued)[10] < 0.3


def test_a_faster_line_is_found_within_seconds() -> None:
    line = SimulatedLine(1152.0, faults=Faults(rate_changes=((103.0, 11520.0),)), fifo_bytes=64)
    pair = Pair(line)
    pair.establish()
    channel = open_channel(pair)
    data = payload(100000)
    pair.console.feed(channel, data)
    assert pair.run(30, until=lambda: pair.agent.received.get(channel.number) == data)
    assert pair.now < 103 + 100000 / 11520 + 8


def test_the_kernel_writes_between_our_bytes() -> None:
    messages = [(101.5 + i / 7, b"[ 1234.5678%02d] usb 1-1: reset\r\n" % i) for i in range(40)]
    insert = Faults(insert=tuple(messages))
    pair = transfer(insert, count=40000)
    shown = b"".join(event.data for event in pair.console.of(events.Text))
    for _, message in messages[:20]:
        assert message.strip() in shown


def test_the_kernel_writes_into_a_quiet_session() -> None:
    pair = Pair(SimulatedLine(fifo_bytes=64))
    pair.establish()
    pair.run(5)
    pair.line.ba.insert(b"[ 99.5] eth0: link down\r\n", pair.now)
    pair.run(3)
    assert b"[ 99.5] eth0: link down\r\n" in pair.console.text
    channel = open_channel(pair)
    pair.console.feed(channel, b"works")
    assert pair.run(2, until=lambda: pair.agent.received.get(channel.number) == b"works")


def test_a_dead_reader_holds_the_sender_not_the_memory() -> None:
    """The agent never reads: what is buffered stays within credit, on both sides."""
    pair = Pair(SimulatedLine(115200.0, fifo_bytes=1024))
    pair.establish()
    pair.agent.reads = False
    channel = open_channel(pair)
    pair.console.feed(channel, payload(400000))
    tracemalloc.start()
    pair.run(10)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert agents_half(pair, channel).receiving.readable <= 16384
    assert channel.sending.buffered <= 65536
    assert peak < 4 << 20
    pair.agent.reads = True
    pair.agent.drain(agents_half(pair, channel), pair.now)
    assert pair.run(30, until=lambda: channel.number in pair.agent.ended), progress(pair)
    assert pair.agent.received[channel.number] == payload(400000)


def test_both_ways_full_with_a_late_reader_and_losses() -> None:
    transfer(Faults(loss=2e-4), count=30000, reader_delay=0.01)


def test_compressed_streams_survive_losses() -> None:
    pair = Pair(SimulatedLine(faults=Faults(loss=1e-3), fifo_bytes=COARSE_FIFO_BYTES))
    pair.establish()
    channel = open_channel(pair, compressed=True)
    up = b"".join(b"line %d of a log that repeats itself\n" % i for i in range(3000))
    down = payload(5000) + up[:20000]
    pair.console.feed(channel, up)
    pair.agent.feed(agents_half(pair, channel), down)
    assert pair.run(60, until=lambda: carried(pair, channel, up, down)), progress(pair)


def test_many_channels_at_once() -> None:
    pair = Pair(SimulatedLine(115200.0, faults=Faults(loss=1e-4), fifo_bytes=512))
    pair.establish()
    channels = [open_channel(pair, interactive=i % 5 == 0) for i in range(20)]
    for i, channel in enumerate(channels):
        pair.console.feed(channel, payload(2000 + 100 * i, seed=i))
        pair.agent.feed(agents_half(pair, channel), payload(3000, seed=100 + i))
    assert pair.run(
        60,
        until=lambda: all(
            carried(pair, channel, payload(2000 + 100 * i, seed=i), payload(3000, seed=100 + i))
            for i, channel in enumerate(channels)
        ),
    ), progress(pair)
