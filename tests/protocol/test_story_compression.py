"""Compression on the virtual clock: what it pays, and that nobody waits for it."""

from random import Random

import pytest
from support.line import SimulatedLine
from support.pair import Pair
from support.stories import agents_half, count_received, open_channel, payload, received

from guardpost.protocol.channel import Channel

BAUD_115200 = 11520.0
BYTE_SECONDS = 1 / BAUD_115200


def log(count: int) -> bytes:
    """Lines as sshd writes them, with times, pids, addresses and ports that do not repeat."""
    random, out = Random(3), bytearray()
    for second in range(count // 90):
        pid, port = random.randrange(1000, 99999), random.randrange(1024, 65536)
        address = f"192.0.{random.randrange(256)}.{random.randrange(256)}"
        out += b"Nov 23 %02d:%02d:%02d web01 " % (second // 3600, second // 60 % 60, second % 60)
        out += b"sshd[%d]: Failed password for root from %s port %d ssh2\n" % (
            pid,
            address.encode(),
            port,
        )
    return bytes(out)


def connected() -> Pair:
    pair = Pair(SimulatedLine(BAUD_115200, fifo_bytes=16))
    pair.establish()
    return pair


def seconds_for(data: bytes, *, compressed: bool) -> float:
    """How long the agent takes to bring `data` to the console."""
    pair = connected()
    channel = open_channel(pair, compressed=compressed)
    start = pair.now
    pair.agent.feed(agents_half(pair, channel), data)
    assert pair.run(200, until=lambda: count_received(pair.console, channel) == len(data))
    assert received(pair.console, channel) == data
    return pair.now - start


def test_a_log_comes_faster_than_the_line() -> None:
    data = log(400_000)
    assert len(data) / seconds_for(data, compressed=True) >= 5 * BAUD_115200


def test_what_does_not_shrink_comes_as_fast_as_uncompressed() -> None:
    data = payload(100_000)
    assert seconds_for(data, compressed=True) <= 1.01 * seconds_for(data, compressed=False)


def keystrokes(pair: Pair, channel: Channel, count: int) -> list[float]:
    """The seconds to each one's echo, at times that have nothing to do with frames."""
    times = []
    for number in range(count):
        start = pair.now
        pair.console.connection.write_channel(channel, b"k", pair.now)
        assert pair.run(2, until=lambda: count_received(pair.console, channel) > number)  # noqa: B023
        times.append(pair.now - start)
        pair.run(max(0.0, start + 0.2137 - pair.now))
    return times


def typed(*, compressed: bool) -> list[float]:
    pair = connected()
    channel = open_channel(pair, interactive=True, compressed=compressed)
    pair.agent.echoes_only = channel.number
    return keystrokes(pair, channel, 20)


def test_a_keystroke_goes_out_at_once_and_costs_one_byte_more() -> None:
    """Stored, since deflated it would be longer: the block's length is all that is added."""
    for compressed, plain in zip(typed(compressed=True), typed(compressed=False), strict=True):
        assert compressed - plain == pytest.approx(2 * BYTE_SECONDS, abs=BYTE_SECONDS)


def test_a_keystroke_among_compressed_screens_waits_for_no_more() -> None:
    """What a channel has deflated before changes nothing: each write is flushed."""
    pair = connected()
    channel = open_channel(pair, interactive=True, compressed=True)
    pair.agent.echoes_only = channel.number
    plain = typed(compressed=False)
    screen = log(4000)
    pair.console.connection.write_channel(channel, screen, pair.now)
    assert pair.run(5, until=lambda: count_received(pair.console, channel) == len(screen))
    pair.run(1)
    pair.console.received[channel.number].clear()
    for after, before in zip(keystrokes(pair, channel, 20), plain, strict=True):
        assert after - before <= 5 * BYTE_SECONDS


def test_what_a_person_types_is_as_long_on_the_line_as_it_is() -> None:
    """Else its length would tell of a password that was typed before."""
    size = 40_000

    def seconds(data: bytes, *, interactive: bool) -> float:
        pair = connected()
        channel = open_channel(pair, interactive=interactive, compressed=True)
        start = pair.now
        pair.console.feed(channel, data)
        theirs = agents_half(pair, channel)
        assert pair.run(20, until=lambda: count_received(pair.agent, theirs) == size)
        return pair.now - start

    assert seconds(b"a" * size, interactive=False) < 0.1 * size / BAUD_115200
    same = seconds(b"a" * size, interactive=True)
    assert same == pytest.approx(seconds(payload(size), interactive=True), rel=0.01)


def test_keystrokes_while_a_log_comes() -> None:
    """Deflated bulk makes no larger frames, and no frame waits until a block is full."""
    pair = connected()
    bulk, tunnel = open_channel(pair, compressed=True), open_channel(pair)
    data = log(1_500_000)
    pair.agent.feed(agents_half(pair, bulk), data)
    pair.agent.echoes_only = tunnel.number
    pair.run(2)
    before, start = count_received(pair.console, bulk), pair.now
    times = sorted(keystrokes(pair, tunnel, 40))
    assert times[20] <= 0.050
    assert times[38] <= 0.090
    rate = (count_received(pair.console, bulk) - before) / (pair.now - start)
    assert rate >= 4.5 * BAUD_115200


def test_lines_of_a_log_that_grows_come_one_by_one() -> None:
    """As `tail -f`: each is there as soon as the line can carry its bytes."""
    pair = connected()
    channel = open_channel(pair, compressed=True)
    half = agents_half(pair, channel)
    lines = log(4000).splitlines(keepends=True)
    size = 0
    for line in lines:
        start = pair.now
        pair.agent.connection.write_channel(half, line, pair.now)
        size += len(line)
        assert pair.run(2, until=lambda: count_received(pair.console, channel) == size)  # noqa: B023
        assert pair.now - start <= (len(line) + 60) * BYTE_SECONDS
        pair.run(0.1)
