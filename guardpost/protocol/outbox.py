"""What goes into the next packet: control messages, credit that is owed, then data by schedule."""

from collections import deque

from guardpost.errors import RemoteProtocolError
from guardpost.protocol import events
from guardpost.protocol.channel import Channel
from guardpost.protocol.credit import Granted
from guardpost.protocol.limits import CONTROL_MESSAGE_MAX_BYTES, CONTROL_WAITING_MAX
from guardpost.protocol.messages import ConnectionCredit, Credit, Data, Message
from guardpost.protocol.schedule import Schedule

__all__ = ["Outbox"]

_CREDIT_BYTES = 16  # of a CREDIT, as numbers go
_CONNECTION_CREDIT_BYTES = 10
_DATA_MIN_BYTES = 16  # a smaller piece is not worth its header; the next packet takes it


class Outbox:
    """`granted` is what the connection grants the peer. ChannelWritable goes to `events_out`."""

    def __init__(self, granted: Granted, events_out: deque[events.Event]) -> None:
        self.events = events_out
        self._granted = granted
        self._control: deque[Message] = deque()
        self._credit_due: dict[int, Channel] = {}
        self._connection_due = True
        self._schedule = Schedule()

    # --- what there is to send ---

    def send(self, message: Message) -> None:
        """`message` goes out once, behind the other control messages."""
        self._control.append(message)

    def send_again(self, message: Message) -> None:
        """`message` was lost: it goes out before the others."""
        self._control.appendleft(message)

    def schedule(self, channel: Channel, rate: float | None, now: float) -> None:
        """`channel` may have something to send."""
        self._schedule.add(channel, rate, now)

    def forget(self, channel: Channel) -> None:
        """Neither data nor credit of `channel` goes out any more."""
        self._schedule.remove(channel)
        self._credit_due.pop(channel.number, None)

    def owe_credit(self, channel: Channel) -> None:
        """The channel's newest limit is news to the peer."""
        self._credit_due[channel.number] = channel

    def owe_connection_credit(self) -> None:
        self._connection_due = True

    def note_credit(self, channel: Channel, round_trip: float, now: float) -> None:
        """Something was read: grant more, if it is time to."""
        receiving = channel.receiving
        if not receiving.complete and receiving.credit.grant(round_trip, now) is not None:
            self.owe_credit(channel)
        self.note_connection_credit()

    def note_connection_credit(self) -> None:
        if self._granted.grant(0.0, 0.0) is not None:
            self._connection_due = True

    # --- filling packets ---

    @property
    def wants_to_send(self) -> bool:
        credits_due = bool(self._credit_due) or self._connection_due
        return self.urgent or self._schedule.bulk or credits_due

    def check_answers(self) -> None:
        """Raises RemoteProtocolError for a peer that asks much and takes no answers."""
        if len(self._control) > CONTROL_WAITING_MAX:
            raise RemoteProtocolError("too many answers wait to be taken")

    @property
    def urgent(self) -> bool:
        return bool(self._control) or self._schedule.urgent

    def take(self, room: int, rate: float | None, now: float) -> list[Message]:
        """The messages of the next packet, at most `room` bytes encoded with room for lengths."""
        quantum = room
        messages: list[Message] = []
        room = self._take_credits(messages, room)
        while self._control and room >= CONTROL_MESSAGE_MAX_BYTES:
            message = self._control.popleft()
            messages.append(message)
            room -= len(message.encode())
        urgent = bool(messages) and not self._schedule.bulk
        while channel := self._schedule.next_urgent(quantum):
            if (size := self._take_data(channel, messages, room, rate, now)) is None:
                return messages
            room -= size
            urgent = True
        if urgent or self._control:
            return messages
        while channel := self._schedule.next_bulk(quantum):
            if (size := self._take_data(channel, messages, room, rate, now)) is None:
                break
            room -= size
        return messages

    def _take_credits(self, messages: list[Message], room: int) -> int:
        if self._connection_due:
            self._connection_due = False
            messages.append(ConnectionCredit(self._granted.limit))
            room -= _CONNECTION_CREDIT_BYTES
        while self._credit_due and room >= 2 * _CREDIT_BYTES:
            number = next(iter(self._credit_due))
            channel = self._credit_due.pop(number)
            messages.append(Credit(number, channel.receiving.credit.limit))
            room -= _CREDIT_BYTES
        return room

    def _take_data(
        self,
        channel: Channel,
        messages: list[Message],
        room: int,
        rate: float | None,
        now: float,
    ) -> int | None:
        """Bytes used, or None when the packet is full."""
        overhead = Data.overhead(channel.number, channel.sending.position, room)
        room -= overhead
        if room < min(_DATA_MIN_BYTES, channel.sending.buffered or 1):
            return None
        message = channel.sending.take(room)
        size = len(message.data) if message else 0
        self._schedule.served(channel, size, rate, now)
        if message is not None:
            messages.append(message)
        if channel.is_writable_again(rate):
            channel.wants_writable = False
            self.events.append(events.ChannelWritable(channel))
        return size + overhead if message is not None else 0
