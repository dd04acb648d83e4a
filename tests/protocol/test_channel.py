"""One channel: its request or reply comes first, and it knows when it may be forgotten."""

import pytest

from guardpost.errors import LocalProtocolError, RemoteProtocolError
from guardpost.protocol.channel import Channel, Shares
from guardpost.protocol.credit import Granted, GrantPool, Spending
from guardpost.protocol.limits import (
    READ_AHEAD_MAX_BYTES,
    READ_AHEAD_MIN_BYTES,
    READ_AHEAD_SECONDS,
    READ_AHEAD_START_BYTES,
)
from guardpost.protocol.messages import Data


def channel(*, ours: bool = False, compressed: bool = False) -> Channel:
    shares = Shares(GrantPool(), Granted(1 << 20), Spending(1 << 20))
    return Channel(0, "test", shares, ours=ours, interactive=False, compressed=compressed)


def test_the_request_comes_whole_and_once() -> None:
    one = channel()
    one.receiving.receive(Data(0, 0, b"requ"))
    assert one.introduce() is None
    one.preface = 7
    assert one.introduce() is None
    assert one.read(100) == b""
    one.receiving.receive(Data(0, 4, b"estand more"))
    assert one.introduce() == b"request"
    assert one.introduce() is None
    assert one.read(100) == b"and more"


def test_a_request_may_be_empty() -> None:
    one = channel()
    one.preface = 0
    assert one.introduce() == b""


def test_a_stream_that_ends_inside_its_request_is_a_violation() -> None:
    one = channel()
    one.preface = 7
    one.receiving.receive(Data(0, 0, b"requ", fin=True))
    with pytest.raises(RemoteProtocolError):
        one.introduce()


def test_the_end_is_seen_behind_the_request_only() -> None:
    one = channel()
    one.receiving.receive(Data(0, 0, b"", fin=True))
    assert not one.at_eof
    one.preface = 0
    one.introduce()
    assert one.at_eof


def test_only_the_opener_writes_before_it_is_accepted() -> None:
    channel(ours=True).check_writable()
    one = channel()
    with pytest.raises(LocalProtocolError):
        one.check_writable()
    one.accepted = True
    one.check_writable()
    one.sending.write_fin()
    with pytest.raises(LocalProtocolError):
        one.check_writable()


def test_it_is_finished_when_both_directions_are() -> None:
    one = channel(ours=True)
    one.sending.write_fin()
    message = one.sending.take(10)
    assert message is not None
    one.sending.on_acked(message)
    assert not one.finished
    one.receiving.receive(Data(0, 0, b"", fin=True))
    assert one.finished
    one.awaits_reset = True
    assert not one.finished


@pytest.mark.parametrize(
    "rate, room",
    [
        (None, READ_AHEAD_START_BYTES),
        (960.0, READ_AHEAD_MIN_BYTES),
        (11520.0, 2880),
        (1e9, READ_AHEAD_MAX_BYTES),
    ],
)
def test_it_is_given_a_quarter_second_of_line(rate: float | None, room: int) -> None:
    one = channel(ours=True)
    assert one.room(rate) == room
    assert not one.wants_writable
    one.sending.write(bytes(room))
    assert one.room(rate) == 0
    assert one.wants_writable


def test_it_says_its_name() -> None:
    assert repr(channel()) == "<Channel 0 test>"


def test_who_waits_is_not_told_of_room_that_is_not_there() -> None:
    """Little of the line waits, since it shrinks well, and as many plain bytes as ever may."""
    one = channel(compressed=True)
    rate = READ_AHEAD_MAX_BYTES / READ_AHEAD_SECONDS / 2
    one.sending.write(bytes(20_000))
    while one.sending.take(1000):
        pass
    one.sending.write(bytes(one.room(rate)))
    assert one.room(rate) == 0
    assert not one.is_writable_again(rate)
    one.sending.credit.raise_to(1 << 20)
    one.sending.take(1000)
    assert one.room(rate) > 0
