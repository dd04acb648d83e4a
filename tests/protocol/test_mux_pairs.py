"""Any losses, resets at any moment: all bytes once and in order, credit equal, nothing left."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardpost.errors import ResetCode
from guardpost.protocol import events
from guardpost.protocol.channel import Channel
from guardpost.protocol.messages import Message
from guardpost.protocol.mux import Mux


class Side:
    """One Mux and its user, who writes, reads, half-closes and resets when chance says so."""

    def __init__(self, rng: Random, *, console: bool) -> None:
        self.mux = Mux(console=console)
        self.mux.rate = 11520.0
        self.rng = rng
        self.live: dict[int, Channel] = {}
        self.to_write: dict[int, bytearray] = {}
        self.got: dict[int, bytearray] = {}
        self.whole: set[int] = set()  # ids whose stream was read to its end
        self.reset: set[int] = set()
        self.flying: list[list[Message]] = []

    def begin(self, channel: Channel, data: bytes) -> None:
        self.live[channel.number] = channel
        self.to_write[channel.number] = bytearray(data)
        self.got.setdefault(channel.number, bytearray())

    def take_events(self, now: float, streams: dict[int, bytes]) -> None:
        while self.mux.events:
            match self.mux.events.popleft():
                case events.ChannelOpened(channel, service, request):
                    assert (service, request) == ("test", str(channel.number).encode())
                    if self.rng.random() < 0.1:
                        self.reset.add(channel.number)
                        self.mux.reset(channel, ResetCode.REFUSED, "no")
                    else:
                        self.mux.accept(channel, request * 2, now)
                        self.begin(channel, streams[channel.number])
                case events.ChannelAccepted(channel, reply):
                    assert channel.number not in self.reset
                    assert reply == str(channel.number).encode() * 2
                case events.ChannelReset(channel):
                    self.reset.add(channel.number)
                case _:
                    pass

    def use(self, now: float, resets: float) -> None:
        for number, channel in list(self.live.items()):
            if number in self.reset:
                del self.live[number]
                continue
            if self.rng.random() < resets:
                self.reset.add(number)
                self.mux.reset(channel, ResetCode.CANCELLED)
                continue
            data = self.to_write[number]
            if data:
                room = min(self.mux.room(channel), self.rng.randrange(1, 3000))
                self.mux.write(channel, bytes(data[:room]), now)
                del data[:room]
            elif not channel.sending.closed:
                self.mux.write_fin(channel, now)
            if self.rng.random() < 0.6:
                self.got[number] += self.mux.read(channel, self.rng.randrange(1, 5000), now)
            if channel.at_eof:
                self.mux.read(channel, 1, now)
                self.whole.add(number)
                if channel.sending.finished:
                    del self.live[number]

    def send(self, now: float) -> None:
        if self.mux.wants_to_send and len(self.flying) < 6:
            packet = self.mux.take(self.rng.choice((128, 300, 1000)), now)
            if packet:
                self.flying.append(packet)


def carry(sender: Side, receiver: Side, now: float, loss: float, rng: Random) -> None:
    """The oldest packet meets its fate; sometimes it arrives and is called lost all the same."""
    if not sender.flying or rng.random() < 0.3:
        return
    packet = sender.flying.pop(0)
    arrives, acked = rng.random() >= loss, rng.random() >= loss
    if arrives:
        for message in packet:
            receiver.mux.receive(message, now)
    for message in packet:
        if arrives and acked:
            sender.mux.acked(message, now)
        else:
            sender.mux.lost(message, now)


def quiet(side: Side) -> bool:
    return not (side.live or side.flying or side.mux.wants_to_send or len(side.mux))


def run(
    seed: int, channels: int, loss: float, resets: float
) -> tuple[Side, Side, dict[int, bytes]]:
    """Channels opened by both sides over a line that loses messages, until nothing is left."""
    rng = Random(seed)
    console, agent = Side(rng, console=True), Side(rng, console=False)
    streams: dict[int, bytes] = {}
    now, left = 10.0, channels
    for _ in range(60_000):
        now += 0.01
        if left and rng.random() < 0.1:
            left -= 1
            opener = rng.choice((console, agent))
            number = opener.mux._next
            streams[number] = rng.randbytes(rng.randrange(0, 30_000))
            if rng.random() < 0.3:
                streams[number] = bytes(len(streams[number]))
            channel = opener.mux.open(
                "test",
                str(number).encode(),
                now,
                interactive=rng.random() < 0.2,
                compressed=rng.random() < 0.4,
            )
            opener.begin(channel, streams[number])
        for one, other in ((console, agent), (agent, console)):
            one.take_events(now, streams)
            one.use(now, resets)
            one.send(now)
            carry(one, other, now, loss, rng)
        if not left and quiet(console) and quiet(agent) and not console.mux.events:
            return console, agent, streams
    pytest.fail(f"not over: {list(console.mux._channels)} {list(agent.mux._channels)}")


def check(console: Side, agent: Side, streams: dict[int, bytes]) -> None:
    for side in (console, agent):
        for number, data in streams.items():
            got = bytes(side.got.get(number, b""))
            assert data.startswith(got)
            assert got == data or number not in side.whole
    # What one side used is what the other one has seen and given back.
    for one, other in ((console, agent), (agent, console)):
        granted = other.mux.shares.granted
        assert one.mux.shares.spending.used == granted.received == granted.consumed
        assert one.mux.shares.pool._left == other.mux.shares.pool._left


@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.1, 0.4]))
@settings(max_examples=12, deadline=None)
def test_all_bytes_arrive_once_and_in_order(seed: int, loss: float) -> None:
    console, agent, streams = run(seed, channels=5, loss=loss, resets=0.0)
    check(console, agent, streams)
    for number in set(streams) - console.reset:
        assert console.got[number] == agent.got[number] == streams[number]


@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.1, 0.4]))
@settings(max_examples=25, deadline=None)
def test_credit_is_equal_after_resets_at_any_moment(seed: int, loss: float) -> None:
    check(*run(seed, channels=8, loss=loss, resets=0.01))
