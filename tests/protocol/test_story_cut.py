"""The line is cut at every byte: afterwards both ends agree, or both know that it is over."""

import pytest
from support.line import Cut, SimulatedLine
from support.pair import Pair
from support.stories import agents_half, agree, carried, open_channel, payload, progress, state

from guardpost.protocol import events
from guardpost.protocol.limits import DEAF_SESSION_SECONDS, GRACE_SECONDS, HALF_OPEN_SECONDS

FAST = 115200.0  # line time is no part of these stories
CONSOLE_GIVES_UP_SECONDS = 6.5  # three hellos, or four handshake messages


def handshake_bytes() -> dict[str, int]:
    """How many bytes each direction carries until both ends have a session."""
    pair = Pair(SimulatedLine(FAST, fifo_bytes=1024))
    count = {"ab": 0, "ba": 0}

    def tap(side: str, data: bytes, now: float) -> None:
        count["ab" if side == "b" else "ba"] += len(data)

    pair.tap = tap
    pair.begin()
    pair.run(1.0)
    return count


def cut_pair(direction: str, byte: int, heals_after: float = float("inf")) -> Pair:
    cut = Cut(direction, byte, heals_at=100.0 + heals_after)
    return Pair(SimulatedLine(FAST, fifo_bytes=1024, cut=cut))


def settled(pair: Pair) -> bool:
    """The console knows: it has a session, or it was told that there is none."""
    return bool(
        pair.console.of(events.HandshakeFailed) or pair.console.of(events.SessionEstablished)
    )


@pytest.mark.parametrize("direction", ["ab", "ba"])
def test_a_handshake_cut_anywhere_and_healed_after_a_second(direction: str) -> None:
    for byte in range(handshake_bytes()[direction] + 1):
        pair = cut_pair(direction, byte, 1.3)
        pair.begin()
        assert pair.run(30, until=lambda: settled(pair)), byte  # noqa: B023
        if pair.console.of(events.HandshakeFailed):
            pair.begin()
        assert pair.run(30, until=lambda: usable(pair)), (byte, pair.console.events)  # noqa: B023
        assert agree(pair), byte


def usable(pair: Pair) -> bool:
    return state(pair, "console") == state(pair, "agent") == "live" and bool(
        pair.console.of(events.SessionEstablished)
    )


@pytest.mark.parametrize("direction", ["ab", "ba"])
def test_a_handshake_cut_anywhere_for_minutes(direction: str) -> None:
    for byte in range(0, handshake_bytes()[direction] + 1, 3):
        pair = cut_pair(direction, byte, 150.0)
        pair.begin()
        pair.run(150)
        assert settled(pair), byte
        if pair.console.connection.association is None:
            pair.begin()
        assert pair.run(60, until=lambda: usable(pair)), (byte, pair.console.events)  # noqa: B023
        channel = open_channel(pair)
        assert len(pair.agent.opened) == 1
        assert channel in pair.console.accepted


@pytest.mark.parametrize("direction", ["ab", "ba"])
def test_a_handshake_cut_anywhere_for_ever(direction: str) -> None:
    for byte in range(0, handshake_bytes()[direction] + 1, 2):
        pair = cut_pair(direction, byte)
        pair.begin()
        pair.run(2 * CONSOLE_GIVES_UP_SECONDS)
        assert settled(pair), byte
        assert pair.line.dead or byte > 200
        pair.run(GRACE_SECONDS + 3 * HALF_OPEN_SECONDS)
        # A session without channels, and without anything to say, notices nothing and need not.
        assert {state(pair, "console"), state(pair, "agent")} <= {"none", "live"}, byte


def transfer_pair(direction: str, byte: int, heals_after: float) -> tuple[Pair, bytes, bytes]:
    pair = cut_pair(direction, byte, heals_after)
    pair.establish()
    channel = pair.open()
    up, down = payload(400), payload(300, seed=8)
    pair.console.feed(channel, up)
    pair.run(0.1, until=lambda: bool(pair.agent.opened))
    if pair.agent.opened:
        pair.agent.feed(agents_half(pair, channel), down)
    return pair, up, down


def finish(pair: Pair, up: bytes, down: bytes, seconds: float) -> bool:
    """The transfer comes to its end once the line is back."""
    if not pair.run(seconds, until=lambda: bool(pair.agent.opened)):
        return False
    (channel,) = pair.agent.opened
    if not pair.console.received.get(channel.number) and not channel.sending.closed:
        pair.agent.feed(channel, down)
    return pair.run(seconds, until=lambda: carried(pair, channel, up, down))


def transfer_range(direction: str) -> range:
    first = handshake_bytes()[direction] + 1
    return range(first, first + 750)


@pytest.mark.parametrize("third", [0, 1, 2])
@pytest.mark.parametrize("direction", ["ab", "ba"])
def test_a_transfer_cut_anywhere_and_healed_after_a_second(direction: str, third: int) -> None:
    for byte in transfer_range(direction)[third::3]:
        pair, up, down = transfer_pair(direction, byte, 1.5)
        assert finish(pair, up, down, 40), (byte, progress(pair))
        assert pair.run(40, until=lambda: no_channels(pair)), (byte, progress(pair))  # noqa: B023


def no_channels(pair: Pair) -> bool:
    return all(
        (statistics := end.connection.statistics(pair.now)) is not None
        and statistics.channels == 0
        and statistics.state == "live"
        for end in (pair.console, pair.agent)
    )


@pytest.mark.parametrize("direction", ["ab", "ba"])
def test_a_transfer_cut_anywhere_for_minutes(direction: str) -> None:
    for byte in transfer_range(direction)[::13]:
        pair, up, down = transfer_pair(direction, byte, 200.0)
        assert finish(pair, up, down, 300), (byte, progress(pair))
        assert pair.run(300, until=lambda: no_channels(pair)), (byte, progress(pair))  # noqa: B023


@pytest.mark.parametrize("direction", ["ab", "ba"])
def test_a_transfer_cut_anywhere_for_ever_ends_on_both_sides(direction: str) -> None:
    for byte in transfer_range(direction)[::13]:
        pair, _, _ = transfer_pair(direction, byte, float("inf"))
        pair.run(GRACE_SECONDS + DEAF_SESSION_SECONDS + 30)
        if not pair.line.dead:
            continue
        states = (state(pair, "console"), state(pair, "agent"))
        for end, its_state in zip((pair.console, pair.agent), states, strict=True):
            ended = end.of(events.SessionEnded)
            if its_state == "none":
                assert [event.code for event in ended] == [None], byte
            else:
                # Its last word was acked and it waits for nothing: an idle session.
                assert its_state == "live", byte
                assert no_channel(end, pair.now), (byte, progress(pair))


def no_channel(end: object, now: float) -> bool:
    statistics = end.connection.statistics(now)  # type: ignore[attr-defined]
    return statistics is not None and statistics.channels == 0
