"""The channel table: opening, closing, credit, and what goes into the next packet (section 7).

It knows messages and channels, nothing of packets: `take` fills one, `acked` and `lost` say
what became of each message, `receive` brings the peer's. RemoteProtocolError means the peer
broke a rule.
"""

from collections import deque

from guardpost.errors import LocalProtocolError, RemoteProtocolError, ResetCode
from guardpost.protocol import events
from guardpost.protocol.channel import Channel
from guardpost.protocol.credit import Granted, GrantPool, Spending
from guardpost.protocol.limits import (
    CHANNELS_MAX,
    CONNECTION_CREDIT_BYTES,
    CONTROL_MESSAGE_MAX_BYTES,
    READ_AHEAD_MAX_BYTES,
    READ_AHEAD_MIN_BYTES,
    READ_AHEAD_SECONDS,
    REQUEST_MAX_BYTES,
)
from guardpost.protocol.messages import (
    Accept,
    ConnectionCredit,
    Credit,
    Data,
    Message,
    Open,
    Rekey,
    Reset,
    Welcome,
)
from guardpost.protocol.ranges import RangeSet
from guardpost.protocol.schedule import Schedule

__all__ = ["Mux"]

# Above GRANTED_MAX + CHANNELS_MAX first credits: never the brake.
_CONNECTION_WINDOW_BYTES = 48 << 20
_EARLY_MAX_MESSAGES = 2048
_CHANNEL_NUMBER_MAX = 1 << 48


class Mux:
    """Channels of one session. `console` decides the parity of ids."""

    def __init__(self, *, console: bool) -> None:
        self.events: deque[events.Event] = deque()
        self.rate: float | None = None  # of our sending direction, told by recovery
        self.round_trip = 0.0
        self._parity = 0 if console else 1
        self._next = self._parity
        self._opened = RangeSet()  # ids the peer has used, halved
        self._early: list[Data | Credit | Reset] = []  # for channels whose OPEN is late
        self._early_bytes = 0
        self._channels: dict[int, Channel] = {}
        self._control: deque[Message] = deque()
        self._credit_due: dict[int, None] = {}
        self._connection_due = True
        self._pool = GrantPool()
        self._granted = Granted(CONNECTION_CREDIT_BYTES)
        self._granted.window = self._granted.limit = _CONNECTION_WINDOW_BYTES
        self._spending = Spending(CONNECTION_CREDIT_BYTES)
        self._schedule = Schedule()

    def __len__(self) -> int:
        return len(self._channels)

    # --- what users do ---

    def open(
        self, service: str, request: bytes, now: float, *, interactive: bool, compressed: bool
    ) -> Channel:
        if len(request) > REQUEST_MAX_BYTES:
            raise LocalProtocolError("the request is too long")
        if len(self._channels) >= CHANNELS_MAX:
            raise LocalProtocolError("too many channels")
        channel = self._make(self._next, ours=True, interactive=interactive, compressed=compressed)
        self._next += 2
        channel.service = service
        self._control.append(Open(channel.number, service, len(request), interactive, compressed))
        self._write(channel, request, now)
        return channel

    def accept(self, channel: Channel, reply: bytes, now: float) -> None:
        if channel.ours or channel.accepted or len(reply) > REQUEST_MAX_BYTES:
            raise LocalProtocolError("cannot accept this")
        if channel.sending.reset:
            return
        channel.accepted = True
        self._control.append(Accept(channel.number, len(reply)))
        self._write(channel, reply, now)

    def write(self, channel: Channel, data: bytes, now: float) -> None:
        channel.check_writable()
        self._write(channel, data, now)

    def write_fin(self, channel: Channel, now: float) -> None:
        if not channel.sending.closed:
            channel.sending.write_fin()
            self._schedule.add(channel, self.rate, now)

    def read(self, channel: Channel, limit: int, now: float) -> bytes:
        data = channel.read(limit)
        if data:
            self._note_credit(channel, now)
        self._forget_if_finished(channel)
        return data

    def reset(self, channel: Channel, code: ResetCode, text: str = "") -> None:
        """Both directions end now; the peer is told `code` and `text`."""
        if channel.number in self._channels and not channel.reset_sent:
            self._send_reset(channel, code, text)

    def send_control(self, message: Message) -> None:
        """WELCOME and REKEY travel with the mux's own control messages."""
        self._control.append(message)

    def room(self, channel: Channel) -> int:
        """How many more bytes the channel should be given: about a quarter second of line."""
        limit = READ_AHEAD_MIN_BYTES
        if self.rate is not None:
            limit = max(limit, min(int(self.rate * READ_AHEAD_SECONDS), READ_AHEAD_MAX_BYTES))
        room = limit - channel.sending.buffered
        channel.wants_writable = room <= 0
        return max(0, room)

    def _write(self, channel: Channel, data: bytes, now: float) -> None:
        if data:
            channel.sending.write(data)
            self._schedule.add(channel, self.rate, now)

    def _make(self, number: int, *, ours: bool, interactive: bool, compressed: bool) -> Channel:
        channel = Channel(
            number,
            self._pool,
            self._granted,
            self._spending,
            ours=ours,
            interactive=interactive,
            compressed=compressed,
        )
        self._channels[number] = channel
        return channel

    # --- filling packets ---

    @property
    def wants_to_send(self) -> bool:
        return self.urgent or self._schedule.bulk or self._credits_due

    @property
    def urgent(self) -> bool:
        return bool(self._control) or self._schedule.urgent

    @property
    def _credits_due(self) -> bool:
        return bool(self._credit_due) or self._connection_due

    def take(self, room: int, now: float) -> list[Message]:
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
            if (size := self._take_data(channel, messages, room, now)) is None:
                return messages
            room -= size
            urgent = True
        if urgent or self._control:
            return messages
        while channel := self._schedule.next_bulk(quantum):
            if (size := self._take_data(channel, messages, room, now)) is None:
                break
            room -= size
        return messages

    def _take_credits(self, messages: list[Message], room: int) -> int:
        if self._connection_due:
            self._connection_due = False
            messages.append(ConnectionCredit(self._granted.limit))
            room -= 10
        while self._credit_due and room >= 32:
            number = next(iter(self._credit_due))
            del self._credit_due[number]
            if (channel := self._channels.get(number)) is not None:
                messages.append(Credit(number, channel.receiving.credit.limit))
                room -= 16
        return room

    def _take_data(
        self, channel: Channel, messages: list[Message], room: int, now: float
    ) -> int | None:
        """Bytes used, or None when the packet is full."""
        overhead = Data.overhead(channel.number, channel.sending.position, room)
        room -= overhead
        if room < min(16, channel.sending.buffered or 1):
            return None
        message = channel.sending.take(room)
        size = len(message.data) if message else 0
        self._schedule.served(channel, size, self.rate, now)
        if message is not None:
            messages.append(message)
        if channel.wants_writable and self.room(channel):
            self.events.append(events.ChannelWritable(channel))
        return size + overhead if message is not None else 0

    # --- what became of it ---

    def acked(self, message: Message, now: float) -> None:
        if isinstance(message, Data) and (channel := self._channels.get(message.channel)):
            channel.sending.on_acked(message)
            self._forget_if_finished(channel)

    def lost(self, message: Message, now: float) -> None:
        match message:
            case Data(channel=number):
                if (channel := self._channels.get(number)) is not None:
                    channel.sending.on_lost(message)
                    self._schedule.add(channel, self.rate, now)
            case Credit(channel=number):
                if number in self._channels:
                    self._credit_due[number] = None
            case ConnectionCredit():
                self._connection_due = True
            case Open() | Accept() | Reset() | Welcome() | Rekey():
                self._control.appendleft(message)
            case _:
                pass

    # --- what the peer says ---

    def receive(self, message: Message, now: float) -> None:
        match message:
            case Data():
                if (channel := self._find(message)) is not None:
                    self._receive_data(channel, message, now)
            case Open():
                self._receive_open(message, now)
            case Accept():
                self._receive_accept(message, now)
            case Reset():
                if (channel := self._find(message)) is not None:
                    self._receive_reset(channel, message)
            case Credit(limit=limit):
                if (channel := self._find(message)) is not None:
                    channel.sending.credit.raise_to(limit)
                    self._schedule.add(channel, self.rate, now)
            case ConnectionCredit(limit=limit):
                self._spending.raise_to(limit)
                for channel in self._channels.values():
                    self._schedule.add(channel, self.rate, now)
            case _:
                raise RemoteProtocolError("not a message for the mux")

    def _find(self, message: Data | Credit | Reset) -> Channel | None:
        """The live channel; None: it is over, or its OPEN is late and the message is kept."""
        number = message.channel
        channel = self._channels.get(number)
        if channel is not None:
            return channel
        if number % 2 == self._parity:
            if number >= self._next:
                raise RemoteProtocolError("a message for a channel that was never opened")
        elif number // 2 not in self._opened:
            self._keep_early(message)
        return None

    def _keep_early(self, message: Data | Credit | Reset) -> None:
        self._early.append(message)
        self._early_bytes += len(message.data) if isinstance(message, Data) else 0
        if self._early_bytes > CONNECTION_CREDIT_BYTES or len(self._early) > _EARLY_MAX_MESSAGES:
            raise RemoteProtocolError("too much for channels that were never opened")

    def _receive_open(self, message: Open, now: float) -> None:
        number = message.channel
        if number % 2 == self._parity or message.request_length > REQUEST_MAX_BYTES:
            raise RemoteProtocolError("an open makes no sense")
        if number // 2 in self._opened:
            return
        if number > _CHANNEL_NUMBER_MAX:
            raise RemoteProtocolError("channel numbers have run out")
        self._opened.add(number // 2, number // 2 + 1)
        channel = self._make(
            number, ours=False, interactive=message.interactive, compressed=message.compressed
        )
        channel.service = message.service
        channel.preface = message.request_length
        if len(self._channels) > CHANNELS_MAX:
            channel.introduced = True
            self._send_reset(channel, ResetCode.LIMIT, "too many channels")
        self._introduce(channel, now)
        early, self._early = self._early, []
        self._early_bytes = 0
        for kept in early:
            self.receive(kept, now)

    def _receive_accept(self, message: Accept, now: float) -> None:
        channel = self._channels.get(message.channel)
        if channel is None:
            if message.channel % 2 != self._parity or message.channel >= self._next:
                raise RemoteProtocolError("an accept for a channel that was never opened")
            return
        if not channel.ours or message.reply_length > REQUEST_MAX_BYTES:
            raise RemoteProtocolError("an accept makes no sense")
        if channel.preface not in (None, message.reply_length):
            raise RemoteProtocolError("two different accepts")
        channel.preface = message.reply_length
        self._introduce(channel, now)

    def _receive_data(self, channel: Channel, message: Data, now: float) -> None:
        receiving = channel.receiving
        before, was_complete = receiving.readable, receiving.complete
        receiving.receive(message)
        if receiving.reset:
            return
        if not channel.introduced:
            self._introduce(channel, now)
        elif (receiving.readable and not before) or receiving.complete != was_complete:
            self.events.append(events.ChannelReadable(channel))

    def _introduce(self, channel: Channel, now: float) -> None:
        """Tells of the request or the reply once it is whole."""
        preface = channel.introduce()
        if channel.receiving.credit.consumed:
            self._note_credit(channel, now)
        if preface is None:
            return
        if channel.ours:
            self.events.append(events.ChannelAccepted(channel, preface))
        else:
            self.events.append(events.ChannelOpened(channel, channel.service, preface))
        if channel.receiving.readable or channel.receiving.complete:
            self.events.append(events.ChannelReadable(channel))

    def _receive_reset(self, channel: Channel, message: Reset) -> None:
        known = channel.sending.reset
        try:
            code = ResetCode(message.code)
        except ValueError:
            code = ResetCode.FAILED
        ended = channel.sending.finished and channel.receiving.complete
        channel.receiving.discard(message.final)
        self._connection_due = self._connection_due or self._grant_connection()
        channel.awaits_reset = False
        if not channel.reset_sent and not ended:
            self._send_reset(channel, ResetCode.CANCELLED, "")
        if not known:
            self.events.append(events.ChannelReset(channel, code, message.text))
        self._forget_if_finished(channel)

    # --- ends and credit ---

    def _send_reset(self, channel: Channel, code: ResetCode, text: str) -> None:
        channel.reset_sent = True
        channel.awaits_reset = not channel.receiving.complete and not channel.receiving.reset
        channel.sending.discard()
        channel.receiving.discard(None)
        self._schedule.remove(channel)
        self._control.append(Reset(channel.number, code, channel.sending.credit.used, text))
        self._forget_if_finished(channel)

    def _forget_if_finished(self, channel: Channel) -> None:
        if channel.finished and self._channels.pop(channel.number, None) is not None:
            self._schedule.remove(channel)
            channel.receiving.credit.close()

    def _note_credit(self, channel: Channel, now: float) -> None:
        receiving = channel.receiving
        if not receiving.complete and receiving.credit.grant(self.round_trip, now) is not None:
            self._credit_due[channel.number] = None
        self._connection_due = self._connection_due or self._grant_connection()

    def _grant_connection(self) -> bool:
        return self._granted.grant(self.round_trip, 0.0) is not None
