"""What story tests do over and over: carry bytes over a bad line, ask whether both ends agree."""

from random import Random

from support.line import SimulatedLine
from support.pair import End, Pair

from guardpost.protocol import events
from guardpost.protocol.channel import Channel
from guardpost.simline import NO_FAULTS, Faults

__all__ = [
    "COARSE_FIFO_BYTES",
    "agents_half",
    "agree",
    "both_live",
    "carried",
    "channels",
    "count_received",
    "establish_stubbornly",
    "open_channel",
    "payload",
    "progress",
    "received",
    "state",
    "transfer",
]

COARSE_FIFO_BYTES = 64  # few wakes a second, so that a test costs little


def payload(count: int, seed: int = 5) -> bytes:
    return Random(seed).randbytes(count)


def open_channel(pair: Pair, **options: bool) -> Channel:
    """A channel that the agent has accepted."""
    channel = pair.open(b"request", **options)
    assert pair.run(60, until=lambda: channel in pair.console.accepted)
    return channel


def agents_half(pair: Pair, channel: Channel) -> Channel:
    """The agent's view of `channel`."""
    return next(each for each in pair.agent.opened if each.number == channel.number)


def received(end: End, channel: Channel) -> bytes:
    """What `end` has read from `channel` so far."""
    return bytes(end.received.get(channel.number, b""))


def count_received(end: End, channel: Channel) -> int:
    return len(end.received.get(channel.number, b""))


def carried(pair: Pair, channel: Channel, up: bytes, down: bytes) -> bool:
    """Every byte arrived once and in order, and both directions ended."""
    number = channel.number
    return (
        received(pair.agent, channel) == up
        and received(pair.console, channel) == down
        and number in pair.agent.ended
        and number in pair.console.ended
    )


def transfer(
    faults: Faults = NO_FAULTS,
    *,
    count: int = 20000,
    rate: float = 11520.0,
    back_rate: float | None = None,
    back_faults: Faults | None = None,
    seconds: float = 120.0,
    seed: int = 1,
    reader_delay: float = 0.0,
) -> Pair:
    """A session on a bad line carries `count` bytes in each direction at once."""
    line = SimulatedLine(
        rate,
        back_rate=back_rate,
        faults=faults,
        back_faults=back_faults,
        seed=seed,
        fifo_bytes=COARSE_FIFO_BYTES,
    )
    pair = Pair(line, reader_delay=reader_delay)
    establish_stubbornly(pair)
    channel = open_channel(pair)
    up, down = payload(count), payload(count, seed=6)
    pair.console.feed(channel, up)
    pair.agent.feed(agents_half(pair, channel), down)
    assert pair.run(seconds, until=lambda: carried(pair, channel, up, down)), progress(pair)
    # The last acks: afterwards nothing is left over on either side.
    assert pair.run(60, until=lambda: not channels(pair.console) and not channels(pair.agent))
    return pair


def establish_stubbornly(pair: Pair, tries: int = 5) -> None:
    """As a person would: ask again when a bad line ate a whole handshake."""
    for _ in range(tries):
        pair.begin()
        failed = failures(pair)
        pair.run(60, until=lambda: both_live(pair) or failures(pair) > failed)  # noqa: B023
        if both_live(pair):
            return
    raise AssertionError(pair.console.events)


def failures(pair: Pair) -> int:
    return len(pair.console.of(events.HandshakeFailed))


def channels(end: End) -> int:
    statistics = end.connection.statistics(0.0)
    return statistics.channels if statistics else 0


def both_live(pair: Pair) -> bool:
    return state(pair, "console") == state(pair, "agent") == "live" and bool(
        pair.console.of(events.SessionEstablished)
    )


def state(pair: Pair, who: str) -> str:
    end = pair.console if who == "console" else pair.agent
    statistics = end.connection.statistics(pair.now)
    return statistics.state if statistics else "none"


def agree(pair: Pair) -> bool:
    """Both ends have a live session with the same number of channels, or both have none."""
    mine, theirs = state(pair, "console"), state(pair, "agent")
    return mine == theirs and channels(pair.console) == channels(pair.agent)


def progress(pair: Pair) -> str:
    got = {number: len(data) for number, data in pair.agent.received.items()}
    back = {number: len(data) for number, data in pair.console.received.items()}
    return (
        f"t={pair.now:.2f} agent has {got}, console has {back};"
        f" {pair.console.connection.statistics(pair.now)};"
        f" {pair.agent.connection.statistics(pair.now)}; {pair.console.events[-5:]}"
    )
