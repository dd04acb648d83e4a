"""What goes into the next packet, and what does not fit."""

from collections import deque

import pytest

from guardpost.protocol import events
from guardpost.protocol.channel import Channel, Shares
from guardpost.protocol.credit import Granted, GrantPool, Spending
from guardpost.protocol.limits import FRAME_MIN_BYTES, PACKET_BODY_MAX_BYTES
from guardpost.protocol.messages import Accept, ConnectionCredit, Credit, Data, Message, Open
from guardpost.protocol.outbox import Outbox

RATE = 11520.0
WINDOW = 1 << 20


class Desk:
    """An Outbox and the channels that write into it; what is due at the start is out already."""

    def __init__(self) -> None:
        self.events = deque[events.Event]()
        self.shares = Shares(GrantPool(), Granted(WINDOW), Spending(WINDOW))
        self.outbox = Outbox(self.shares.granted, self.events)
        self.outbox.take(1000, None, 0.0)

    def channel(self, number: int, size: int, *, interactive: bool = False) -> Channel:
        one = Channel(
            number, "test", self.shares, ours=True, interactive=interactive, compressed=False
        )
        one.sending.credit.raise_to(WINDOW)
        one.sending.write(bytes(size))
        self.outbox.schedule(one, RATE, 0.0)
        return one

    def take(self, room: int) -> list[Message]:
        return self.outbox.take(room, RATE, 0.0)


def encoded(messages: list[Message]) -> int:
    return sum(len(message.encode()) for message in messages)


def test_the_first_packet_tells_the_credit_of_the_connection() -> None:
    outbox = Outbox(Granted(WINDOW), deque())
    assert outbox.wants_to_send
    assert not outbox.urgent
    assert outbox.take(FRAME_MIN_BYTES, None, 0.0) == [ConnectionCredit(WINDOW)]
    assert not outbox.wants_to_send


def test_control_messages_go_in_order_and_the_lost_before_them() -> None:
    desk = Desk()
    first, second, lost = Accept(0, 1), Accept(2, 1), Accept(4, 1)
    desk.outbox.send(first)
    desk.outbox.send(second)
    desk.outbox.send_again(lost)
    assert desk.outbox.urgent
    assert desk.take(1000) == [lost, first, second]


def test_bulk_rides_behind_control_messages() -> None:
    desk = Desk()
    desk.channel(0, 5000)
    desk.outbox.send(Accept(0, 1))
    control, data = desk.take(1000)
    assert control == Accept(0, 1)
    assert isinstance(data, Data)


def test_a_keystroke_goes_alone() -> None:
    desk = Desk()
    desk.channel(0, 5000)
    desk.channel(2, 1, interactive=True)
    assert desk.take(1000) == [Data(2, 0, b"\0")]
    assert [type(message) for message in desk.take(1000)] == [Data]


@pytest.mark.parametrize("room", [FRAME_MIN_BYTES, 200, 1000, PACKET_BODY_MAX_BYTES])
def test_a_packet_is_never_overfull(room: int) -> None:
    desk = Desk()
    for number in range(0, 60, 2):
        desk.outbox.send(Open(number, "tcp", 100))
    channels = [desk.channel(number, 700) for number in range(0, 60, 2)]
    for channel in channels:
        desk.outbox.owe_credit(channel)
    desk.outbox.owe_connection_credit()
    seen: list[Message] = []
    while desk.outbox.wants_to_send:
        messages = desk.take(room)
        assert messages
        assert encoded(messages) <= room
        seen += messages
    assert sum(len(message.data) for message in seen if isinstance(message, Data)) == 30 * 700
    assert sum(isinstance(message, Open) for message in seen) == 30
    assert sum(isinstance(message, Credit) for message in seen) == 30
    assert sum(isinstance(message, ConnectionCredit) for message in seen) == 1


def test_credit_goes_out_with_its_newest_value() -> None:
    desk = Desk()
    one = desk.channel(0, 0)
    desk.outbox.owe_credit(one)
    desk.outbox.owe_credit(one)
    one.receiving.credit.limit = 99999
    assert desk.take(1000) == [Credit(0, 99999)]


def test_reading_owes_credit_when_it_is_time() -> None:
    desk = Desk()
    one = desk.channel(0, 0)
    one.receiving.receive(Data(0, 0, bytes(9000)))
    one.receiving.read(9000)
    desk.outbox.note_credit(one, 0.1, 5.0)
    assert desk.take(1000) == [Credit(0, 9000 + 16384)]
    desk.outbox.note_credit(one, 0.1, 5.0)
    assert not desk.outbox.wants_to_send


def test_a_stream_that_came_to_its_end_needs_no_more_credit() -> None:
    desk = Desk()
    one = desk.channel(0, 0)
    one.receiving.receive(Data(0, 0, bytes(9000), fin=True))
    one.receiving.read(9000)
    desk.outbox.note_credit(one, 0.1, 5.0)
    assert not desk.outbox.wants_to_send


def test_of_a_forgotten_channel_nothing_goes_out() -> None:
    desk = Desk()
    one = desk.channel(0, 5000)
    desk.outbox.owe_credit(one)
    desk.outbox.forget(one)
    assert not desk.outbox.wants_to_send


def test_who_waited_for_room_is_told_when_half_of_it_is_there() -> None:
    desk = Desk()
    one = desk.channel(0, 4000)
    assert one.room(RATE) == 0
    desk.take(1000)
    desk.take(1000)
    assert one.room(RATE) > 0
    one.wants_writable = True
    assert not desk.events
    desk.take(1000)
    assert list(desk.events) == [events.ChannelWritable(one)]
    desk.take(1000)
    assert len(desk.events) == 1
