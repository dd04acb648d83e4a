"""The channel table: opening, closing, credit (docs/protocol.md section 7).

It knows messages and channels, nothing of packets: `take` fills one, `acked` and `lost` say
what became of each message, `receive` brings the peer's. RemoteProtocolError means the peer
broke a rule.
"""

from collections import deque

from guardpost.errors import LocalProtocolError, RemoteProtocolError, ResetCode
from guardpost.protocol import events
from guardpost.protocol.channel import Channel, Shares
from guardpost.protocol.credit import Granted, GrantPool, Spending
from guardpost.protocol.early import EarlyMessages
from guardpost.protocol.limits import (
    CHANNEL_CREDIT_BYTES,
    CHANNELS_MAX,
    CONNECTION_CREDIT_BYTES,
    REQUEST_MAX_BYTES,
    SERVICE_NAME_MAX_BYTES,
)
from guardpost.protocol.messages import (
    Accept,
    ConnectionCredit,
    Credit,
    Data,
    Message,
    Open,
    Profiles,
    Rekey,
    Reset,
    Welcome,
)
from guardpost.protocol.outbox import Outbox
from guardpost.protocol.ranges import RangeSet

__all__ = ["Mux"]

# Above GRANTED_MAX + CHANNELS_MAX first credits: never the brake.
_CONNECTION_WINDOW_BYTES = 48 << 20
_CHANNEL_NUMBER_MAX = 1 << 48


class Mux:
    """Channels of one session. `console` decides the parity of ids."""

    def __init__(self, *, console: bool, events_out: deque[events.Event] | None = None) -> None:
        self.events = deque[events.Event]() if events_out is None else events_out
        self.rate: float | None = None  # of our sending direction, told by recovery
        self.round_trip = 0.0
        self._parity = 0 if console else 1
        self._next = self._parity
        self._opened = RangeSet()  # ids the peer has used, halved
        self._early = EarlyMessages()
        self._channels: dict[int, Channel] = {}
        self.shares = Shares(
            GrantPool(), Granted(_CONNECTION_WINDOW_BYTES), Spending(CONNECTION_CREDIT_BYTES)
        )
        self._outbox = Outbox(self.shares.granted, self.events)

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
        if len(service.encode()) > SERVICE_NAME_MAX_BYTES:
            raise LocalProtocolError("the service's name is too long")
        channel = Channel(
            self._next,
            service,
            self.shares,
            ours=True,
            interactive=interactive,
            compressed=compressed,
        )
        self._channels[self._next] = channel
        self._next += 2
        self._outbox.send(Open(channel.number, service, len(request), interactive, compressed))
        self.write(channel, request, now)
        return channel

    def accept(self, channel: Channel, reply: bytes, now: float) -> None:
        if channel.ours or channel.accepted or len(reply) > REQUEST_MAX_BYTES:
            raise LocalProtocolError("cannot accept this")
        if channel.sending.reset:
            return
        channel.accepted = True
        self._outbox.send(Accept(channel.number, len(reply)))
        self.write(channel, reply, now)

    def write(self, channel: Channel, data: bytes, now: float) -> None:
        channel.check_writable()
        if data:
            channel.sending.write(data)
            self._outbox.schedule(channel, self.rate, now)

    def write_fin(self, channel: Channel, now: float) -> None:
        if not channel.accepted:
            self.reset(channel, ResetCode.FAILED, "it ended without an answer")
        elif not channel.sending.closed:
            channel.sending.write_fin()
            self._outbox.schedule(channel, self.rate, now)

    def read(self, channel: Channel, limit: int, now: float) -> bytes:
        data = channel.read(limit)
        if data:
            self._outbox.note_credit(channel, self.round_trip, now)
        self._forget_if_finished(channel)
        return data

    def reset(self, channel: Channel, code: ResetCode, text: str = "") -> None:
        """Both directions end now; the peer is told `code` and `text`."""
        if channel.number in self._channels and not channel.reset_sent:
            self._send_reset(channel, code, text)

    def send_control(self, message: Message) -> None:
        """WELCOME and REKEY travel with the mux's own control messages."""
        self._outbox.send(message)

    def room(self, channel: Channel) -> int:
        """How many more bytes the channel should be given: about a quarter second of line."""
        return channel.room(self.rate)

    # --- filling packets ---

    @property
    def wants_to_send(self) -> bool:
        return self._outbox.wants_to_send

    @property
    def urgent(self) -> bool:
        return self._outbox.urgent

    def take(self, room: int, now: float) -> list[Message]:
        """The messages of the next packet, at most `room` bytes encoded with room for lengths."""
        return self._outbox.take(room, self.rate, now)

    # --- what became of it ---

    def acked(self, message: Message, now: float) -> None:
        if not isinstance(message, Data | Open):
            return
        if (channel := self._channels.get(message.channel)) is None:
            return
        if isinstance(message, Open):
            self._opening_arrived(channel, now)
        else:
            channel.sending.on_acked(message)
            self._forget_if_finished(channel)

    def _opening_arrived(self, channel: Channel, now: float) -> None:
        channel.sending.credit.raise_to(CHANNEL_CREDIT_BYTES)
        self._outbox.schedule(channel, self.rate, now)

    def lost(self, message: Message, now: float) -> None:
        match message:
            case Data(channel=number):
                if (channel := self._channels.get(number)) is not None:
                    channel.sending.on_lost(message)
                    self._outbox.schedule(channel, self.rate, now)
            case Credit(channel=number):
                if (channel := self._channels.get(number)) is not None:
                    self._outbox.owe_credit(channel)
            case ConnectionCredit():
                self._outbox.owe_connection_credit()
            case Open() | Accept() | Reset() | Welcome() | Rekey() | Profiles():
                self._outbox.send_again(message)
            case _:
                pass

    # --- what the peer says ---

    def receive(self, message: Message, now: float) -> None:
        self._outbox.check_answers()
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
                    self._outbox.schedule(channel, self.rate, now)
            case ConnectionCredit(limit=limit):
                had_none = self.shares.spending.left <= 0
                self.shares.spending.raise_to(limit)
                if had_none:
                    for channel in self._channels.values():
                        self._outbox.schedule(channel, self.rate, now)
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
            self._early.keep(message)
        return None

    def _receive_open(self, message: Open, now: float) -> None:
        number = message.channel
        if number % 2 == self._parity or message.request_length > REQUEST_MAX_BYTES:
            raise RemoteProtocolError("an open makes no sense")
        if number // 2 in self._opened:
            return
        if number > _CHANNEL_NUMBER_MAX:
            raise RemoteProtocolError("channel numbers have run out")
        if len(self._channels) >= 2 * CHANNELS_MAX:
            raise RemoteProtocolError("channels are opened and no reset is answered")
        self._opened.add(number // 2, number // 2 + 1)
        if len(self._opened) > CHANNELS_MAX:
            raise RemoteProtocolError("channel numbers are left out")
        channel = Channel(
            number,
            message.service,
            self.shares,
            ours=False,
            interactive=message.interactive,
            compressed=message.compressed,
        )
        self._channels[number] = channel
        channel.preface = message.request_length
        if len(self._channels) > CHANNELS_MAX:
            channel.introduced = True
            self._send_reset(channel, ResetCode.LIMIT, "too many channels")
        self._introduce(channel, now)
        for kept in self._early.take(number):
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
        self._opening_arrived(channel, now)
        self._introduce(channel, now)

    def _receive_data(self, channel: Channel, message: Data, now: float) -> None:
        receiving = channel.receiving
        before, was_complete = receiving.readable, receiving.complete
        receiving.receive(message)
        if receiving.reset:
            if receiving.complete:  # the peer had ended before it heard of our reset
                channel.awaits_reset = False
                self._outbox.note_connection_credit()
                self._forget_if_finished(channel)
            return
        if not channel.introduced:
            self._introduce(channel, now)
        elif (receiving.readable and not before) or receiving.complete != was_complete:
            self.events.append(events.ChannelReadable(channel))

    def _introduce(self, channel: Channel, now: float) -> None:
        """Tells of the request or the reply once it is whole."""
        if channel.receiving.reset:
            return
        preface = channel.introduce()
        if channel.receiving.credit.consumed:
            self._outbox.note_credit(channel, self.round_trip, now)
        if preface is None:
            return
        if channel.ours:
            self.events.append(events.ChannelAccepted(channel, preface))
        else:
            self.events.append(events.ChannelOpened(channel, channel.service, preface))
        if channel.receiving.readable or channel.receiving.complete:
            self.events.append(events.ChannelReadable(channel))

    def _receive_reset(self, channel: Channel, message: Reset) -> None:
        # Nobody was told of a channel whose request never came whole.
        silent = channel.sending.reset or not (channel.ours or channel.introduced)
        ended = channel.sending.finished and channel.receiving.complete
        channel.receiving.discard(message.final)
        self._outbox.note_connection_credit()
        channel.awaits_reset = False
        if not channel.reset_sent and not ended:
            self._send_reset(channel, ResetCode.CANCELLED, "")
        if not silent:
            code = _reset_code(message.code)
            self.events.append(events.ChannelReset(channel, code, message.text))
        self._forget_if_finished(channel)

    # --- ends and credit ---

    def _send_reset(self, channel: Channel, code: ResetCode, text: str) -> None:
        channel.reset_sent = True
        channel.awaits_reset = not channel.receiving.complete and not channel.receiving.reset
        channel.sending.discard()
        channel.receiving.discard(None)
        self._outbox.forget(channel)
        self._outbox.send(Reset(channel.number, code, channel.sending.credit.used, text))
        self._forget_if_finished(channel)

    def _forget_if_finished(self, channel: Channel) -> None:
        if channel.finished and self._channels.pop(channel.number, None) is not None:
            self._outbox.forget(channel)
            channel.receiving.credit.close()


def _reset_code(code: int) -> ResetCode:
    """What the peer's number means; one that is never on the wire is unknown."""
    try:
        return ResetCode(code) if code < ResetCode.LOST else ResetCode.FAILED
    except ValueError:
        return ResetCode.FAILED
