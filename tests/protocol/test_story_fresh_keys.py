"""Keys wear out: a new generation every 65536 packets, a new handshake every day."""

import pytest
from support.line import SimulatedLine
from support.pair import Pair
from support.stories import agents_half, carried, open_channel, payload, progress, received

from guardpost.protocol import events
from guardpost.protocol.limits import REFRESH_SECONDS, REKEY_PACKETS
from guardpost.simline import Faults

DAY = REFRESH_SECONDS


def kinds_on_the_line(pair: Pair) -> set[int]:
    """The kind bytes of frames, from both sides, as a tap sees them behind delimiters."""
    seen: set[int] = set()
    last = {"a": 1, "b": 1}

    def tap(side: str, data: bytes, now: float) -> None:
        # In COBS the code byte comes first, then the kind.
        window = bytes((last[side],)) + data
        for at in range(len(window) - 2):
            if window[at] == 0 and window[at + 2] in (0x10, 0x11):
                seen.add(window[at + 2])
        last[side] = data[-1]

    pair.tap = tap
    return seen


@pytest.mark.parametrize("loss", [0.0, 2e-3])
def test_fresh_keys_after_a_day_under_traffic(loss: float) -> None:
    pair = Pair(SimulatedLine(fifo_bytes=64))
    pair.establish()
    pair.run(DAY - 5)
    channel, long_lived = open_channel(pair), open_channel(pair)
    assert pair.console.of(events.SessionSuspended) == []
    faults = Faults(loss=loss)
    pair.line.ab.change(faults, pair.now)
    pair.line.ba.change(faults, pair.now)
    up, down = payload(60000), payload(60000, seed=4)
    pair.console.feed(channel, up)
    pair.agent.feed(agents_half(pair, channel), down)
    seen = kinds_on_the_line(pair)
    assert pair.run(60, until=lambda: carried(pair, channel, up, down)), progress(pair)
    assert {0x10, 0x11} <= seen
    pair.run(30)
    seen.clear()
    pair.console.feed(long_lived, payload(3000))
    assert pair.run(20, until=lambda: received(pair.agent, long_lived) == payload(3000))
    assert seen == {0x11}
    for end in (pair.console, pair.agent):
        assert end.of(events.SessionEnded) == end.of(events.SessionSuspended) == []


def test_fresh_keys_every_day_of_a_week() -> None:
    pair = Pair(SimulatedLine(fifo_bytes=64))
    pair.establish()
    for _ in range(7):
        pair.run(DAY)
        channel = open_channel(pair)
        pair.console.feed(channel, b"still")
        pair.agent.feed(agents_half(pair, channel), b"here")
        assert pair.run(5, until=lambda: carried(pair, channel, b"still", b"here"))  # noqa: B023
    assert pair.console.of(events.SessionEnded) == []


def test_fresh_keys_are_due_while_the_line_is_mute() -> None:
    mute = Faults(mutes=((100 + DAY - 20, 60.0),))
    pair = Pair(SimulatedLine(faults=mute, fifo_bytes=64))
    pair.establish()
    pair.run(DAY - 25)
    channel = open_channel(pair)
    data = payload(300000)
    pair.console.feed(channel, data)
    assert pair.run(200, until=lambda: received(pair.agent, channel) == data), progress(pair)
    assert pair.console.of(events.SessionEnded) == []


@pytest.mark.parametrize("loss", [0.0, 2e-3])
@pytest.mark.parametrize("boundary", [1, 2, 3])
def test_a_key_generation_ends_in_mid_traffic(loss: float, boundary: int) -> None:
    pair = Pair(SimulatedLine(faults=Faults(loss=loss), fifo_bytes=64))
    pair.establish()
    first = open_channel(pair)
    for generation in range(1, boundary + 1):
        skip_to(pair, generation * REKEY_PACKETS - 20)
        channel = open_channel(pair)
        up, down = payload(15000), payload(15000, seed=4)
        pair.console.feed(channel, up)
        pair.agent.feed(agents_half(pair, channel), down)
        done = lambda: carried(pair, channel, up, down)  # noqa: E731, B023
        assert pair.run(60, until=done), progress(pair)
        for end in (pair.console, pair.agent):
            association = end.connection.association
            assert association is not None
            assert association.session.next_number > generation * REKEY_PACKETS
    pair.console.feed(first, b"still")
    assert pair.run(5, until=lambda: received(pair.agent, first) == b"still")


def skip_to(pair: Pair, number: int) -> None:
    """As if so many packets had been sent, and all of them lost but the last few."""
    for end in (pair.console, pair.agent):
        association = end.connection.association
        assert association is not None
        while (ahead := number - association.session.next_number) > 0:
            # No further at once than the low 16 bits of a number can tell.
            association.session.next_number += min(ahead, 30000)
            association.ask(pair.now)
            assert pair.run(30, until=lambda: all_opened(pair))


def all_opened(pair: Pair) -> bool:
    """The newest packet of each side has been opened by the other."""
    one, two = pair.console.connection.association, pair.agent.connection.association
    assert one is not None
    assert two is not None
    return (
        two.session.largest_opened == one.session.next_number - 1
        and one.session.largest_opened == two.session.next_number - 1
    )


def test_fresh_keys_and_the_boundary_of_a_generation_together() -> None:
    pair = Pair(SimulatedLine(faults=Faults(loss=1e-3), fifo_bytes=64))
    pair.establish()
    pair.run(DAY - 3)
    skip_to(pair, REKEY_PACKETS - 15)
    channel = open_channel(pair)
    up, down = payload(60000), payload(60000, seed=4)
    pair.console.feed(channel, up)
    pair.agent.feed(agents_half(pair, channel), down)
    assert pair.run(60, until=lambda: carried(pair, channel, up, down)), progress(pair)
