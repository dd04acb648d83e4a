"""Two Muxes back to back: whatever is lost, both ends agree in the end; broken rules are named."""

import pytest

from guardpost.errors import LocalProtocolError, RemoteProtocolError, ResetCode
from guardpost.protocol import events
from guardpost.protocol.limits import CHANNELS_MAX, REQUEST_MAX_BYTES
from guardpost.protocol.messages import (
    Accept,
    ConnectionCredit,
    Credit,
    Data,
    Message,
    Open,
    Ping,
    Reset,
)
from guardpost.protocol.mux import Mux

NOW = 5.0


def console_with_channel() -> Mux:
    mux = Mux(console=True)
    mux.open("test", b"", NOW, interactive=False, compressed=False)
    return mux


def agent_with_channel(request: bytes = b"") -> Mux:
    mux = Mux(console=False)
    mux.receive(Open(0, "test", len(request)), NOW)
    if request:
        mux.receive(Data(0, 0, request), NOW)
    return mux


def sent(mux: Mux) -> list[Message]:
    """All it has to send, without the credit of the connection."""
    out: list[Message] = []
    while mux.wants_to_send:
        out += mux.take(1000, NOW)
    return [message for message in out if not isinstance(message, ConnectionCredit)]


def happened(mux: Mux) -> list[events.Event]:
    out = list(mux.events)
    mux.events.clear()
    return out


# --- opening ---


def test_open_request_and_data_leave_at_once() -> None:
    mux = Mux(console=True)
    channel = mux.open("exec", b"request", NOW, interactive=True, compressed=False)
    mux.write(channel, b"data", NOW)
    assert sent(mux) == [
        Open(0, "exec", 7, interactive=True),
        Data(0, 0, b"requestdata"),
    ]


def test_little_is_sent_before_the_open_is_known_to_have_arrived() -> None:
    """So what an agent must keep for channels that are not open yet has a limit."""
    for arrived in ("ack", "accept"):
        mux = Mux(console=True)
        mux.open("exec", bytes(5000), NOW, interactive=False, compressed=False)
        opening, *data = sent(mux)
        assert sum(len(message.data) for message in data if isinstance(message, Data)) == 1024
        if arrived == "ack":
            mux.acked(opening, NOW)
        else:
            mux.receive(Accept(0, 0), NOW)
        data = sent(mux)
        assert sum(len(message.data) for message in data if isinstance(message, Data)) == 3976


@pytest.mark.parametrize("console, numbers", [(True, [0, 2, 4]), (False, [1, 3, 5])])
def test_ids_are_counted_up_by_two(console: bool, numbers: list[int]) -> None:
    mux = Mux(console=console)
    channels = [mux.open("x", b"", NOW, interactive=False, compressed=False) for _ in range(3)]
    assert [channel.number for channel in channels] == numbers


def test_what_cannot_be_opened_is_our_own_fault() -> None:
    mux = Mux(console=True)
    for service, request in (("x", bytes(REQUEST_MAX_BYTES + 1)), ("x" * 33, b"")):
        with pytest.raises(LocalProtocolError):
            mux.open(service, request, NOW, interactive=False, compressed=False)
    for _ in range(CHANNELS_MAX):
        mux.open("x", b"", NOW, interactive=False, compressed=False)
    with pytest.raises(LocalProtocolError):
        mux.open("x", b"", NOW, interactive=False, compressed=False)


def test_the_agent_hears_of_a_channel_when_its_request_is_whole() -> None:
    mux = Mux(console=False)
    mux.receive(Open(0, "exec", 7), NOW)
    mux.receive(Data(0, 0, b"req"), NOW)
    assert happened(mux) == []
    mux.receive(Data(0, 3, b"uest!"), NOW)
    opened, readable = happened(mux)
    assert isinstance(opened, events.ChannelOpened)
    assert (opened.service, opened.request) == ("exec", b"request")
    assert readable == events.ChannelReadable(opened.channel)
    assert mux.read(opened.channel, 100, NOW) == b"!"


def test_data_credit_and_reset_may_overtake_their_open() -> None:
    mux = Mux(console=False)
    mux.receive(Credit(2, 50000), NOW)
    mux.receive(Data(2, 0, b"request"), NOW)
    mux.receive(Reset(0, 1, 0, "no"), NOW)
    mux.receive(Open(0, "a", 0), NOW)
    mux.receive(Open(2, "b", 7), NOW)
    names = [type(event).__name__ for event in happened(mux)]
    assert names == ["ChannelOpened", "ChannelReset", "ChannelOpened"]
    assert len(mux) == 1


def test_a_channel_that_was_reset_before_its_request_was_whole_is_never_told() -> None:
    mux = Mux(console=False)
    mux.receive(Open(0, "x", 7), NOW)
    mux.receive(Data(0, 0, b"req"), NOW)
    mux.receive(Reset(0, 0, 7), NOW)
    assert happened(mux) == []
    assert len(mux) == 0


def test_an_open_beyond_the_limit_is_refused_and_no_violation() -> None:
    mux = Mux(console=False)
    for number in range(0, 2 * CHANNELS_MAX, 2):
        mux.receive(Open(number, "x", 0), NOW)
    happened(mux)
    mux.receive(Open(2 * CHANNELS_MAX, "x", 3), NOW)
    assert happened(mux) == []
    (reset,) = sent(mux)
    assert isinstance(reset, Reset)
    assert (reset.channel, reset.code) == (2 * CHANNELS_MAX, ResetCode.LIMIT)
    # The opener's answer lets it be forgotten.
    mux.receive(Reset(2 * CHANNELS_MAX, 0, 3), NOW)
    assert len(mux) == CHANNELS_MAX


# --- accepting ---


def test_the_reply_comes_before_the_stream() -> None:
    mux = console_with_channel()
    mux.receive(Data(0, 0, b"replydata"), NOW)
    assert happened(mux) == []
    mux.receive(Accept(0, 5), NOW)
    accepted, _ = happened(mux)
    assert isinstance(accepted, events.ChannelAccepted)
    assert accepted.reply == b"reply"
    assert mux.read(accepted.channel, 100, NOW) == b"data"


def test_an_accept_may_come_twice_if_it_says_the_same() -> None:
    mux = console_with_channel()
    mux.receive(Accept(0, 0), NOW)
    mux.receive(Accept(0, 0), NOW)
    assert len(happened(mux)) == 1
    with pytest.raises(RemoteProtocolError):
        mux.receive(Accept(0, 1), NOW)


def test_who_is_asked_may_not_write_before_he_accepts() -> None:
    mux = agent_with_channel()
    (opened,) = happened(mux)
    assert isinstance(opened, events.ChannelOpened)
    with pytest.raises(LocalProtocolError):
        mux.write(opened.channel, b"x", NOW)
    mux.accept(opened.channel, b"reply", NOW)
    mux.write(opened.channel, b"x", NOW)
    assert sent(mux) == [Accept(0, 5), Data(0, 0, b"replyx")]
    with pytest.raises(LocalProtocolError):
        mux.accept(opened.channel, b"", NOW)


def test_who_ends_without_an_answer_has_failed() -> None:
    mux = agent_with_channel()
    (opened,) = happened(mux)
    assert isinstance(opened, events.ChannelOpened)
    mux.write_fin(opened.channel, NOW)
    (reset,) = sent(mux)
    assert isinstance(reset, Reset)
    assert reset.code == ResetCode.FAILED


def test_an_accept_after_our_reset_is_not_told() -> None:
    mux = console_with_channel()
    channel = mux._channels[0]
    mux.reset(channel, ResetCode.CANCELLED)
    mux.receive(Accept(0, 0), NOW)
    mux.receive(Data(0, 0, b"data"), NOW)
    assert happened(mux) == []
    assert mux.read(channel, 10, NOW) == b""


# --- ends ---


def test_a_reset_is_answered_once_and_told_once() -> None:
    mux = agent_with_channel()
    happened(mux)
    mux.receive(Reset(0, ResetCode.TIMEOUT, 0, "late"), NOW)
    mux.receive(Reset(0, ResetCode.TIMEOUT, 0, "late"), NOW)
    (event,) = happened(mux)
    assert isinstance(event, events.ChannelReset)
    assert (event.code, event.text) == (ResetCode.TIMEOUT, "late")
    assert sent(mux) == [Reset(0, ResetCode.CANCELLED, 0)]
    assert len(mux) == 0


@pytest.mark.parametrize("code", [ResetCode.LOST, ResetCode.SUPERSEDED, 99, 1 << 40])
def test_codes_that_are_never_on_the_wire_are_failures(code: int) -> None:
    mux = agent_with_channel()
    happened(mux)
    mux.receive(Reset(0, code, 0), NOW)
    (event,) = happened(mux)
    assert isinstance(event, events.ChannelReset)
    assert event.code is ResetCode.FAILED


def test_who_reset_waits_for_the_other_side_to_say_what_it_used() -> None:
    mux = agent_with_channel()
    (opened,) = happened(mux)
    assert isinstance(opened, events.ChannelOpened)
    mux.reset(opened.channel, ResetCode.FAILED, "no")
    mux.reset(opened.channel, ResetCode.FAILED, "no")
    assert sent(mux) == [Reset(0, ResetCode.FAILED, 0, "no")]
    assert len(mux) == 1
    mux.receive(Reset(0, 0, 4000), NOW)
    assert len(mux) == 0
    assert mux.shares.granted.received == mux.shares.granted.consumed == 4000


def test_messages_for_a_forgotten_channel_are_ignored() -> None:
    mux = console_with_channel()
    mux.receive(Reset(0, 0, 0), NOW)
    happened(mux)
    for message in (Data(0, 0, b"x"), Accept(0, 3), Reset(0, 0, 9), Credit(0, 9), Open(1, "", 0)):
        mux.receive(message, NOW)
        mux.lost(message, NOW)
        mux.acked(message, NOW)
    assert len(mux) == 1


# --- violations ---


@pytest.mark.parametrize(
    "message",
    [
        Data(2, 0, b"x"),
        Accept(2, 0),
        Accept(1, 0),
        Reset(2, 0, 0),
        Credit(2, 0),
        Open(2, "x", 0),
        Open(1, "x", REQUEST_MAX_BYTES + 1),
        Open((1 << 50) + 1, "x", 0),
        Accept(0, REQUEST_MAX_BYTES + 1),
        Data(0, 16384, b"x"),
        Reset(0, 0, 16385),
        Ping(),
    ],
    ids=str,
)
def test_a_violation(message: Message) -> None:
    """The console has opened channel 0."""
    mux = console_with_channel()
    with pytest.raises(RemoteProtocolError):
        mux.receive(message, NOW)


def test_an_accept_from_the_opener_is_a_violation() -> None:
    mux = agent_with_channel()
    with pytest.raises(RemoteProtocolError):
        mux.receive(Accept(0, 0), NOW)


def test_endless_data_for_a_channel_that_is_never_opened_is_a_violation() -> None:
    mux = agent_with_channel()
    for number in range(2, 130, 2):
        mux.receive(Data(number, 0, bytes(16384)), NOW)
    with pytest.raises(RemoteProtocolError):
        mux.receive(Data(130, 0, b"x"), NOW)


def test_opens_whose_refusals_are_never_answered_are_a_violation() -> None:
    mux = Mux(console=False)
    for number in range(0, 4 * CHANNELS_MAX, 2):
        mux.receive(Open(number, "x", 0), NOW)
    with pytest.raises(RemoteProtocolError):
        mux.receive(Open(4 * CHANNELS_MAX, "x", 0), NOW)


def opened_and_reset(mux: Mux, count: int, step: int) -> None:
    for number in range(0, count * step, step):
        mux.receive(Open(number, "x", 0), NOW)
        mux.receive(Reset(number, 0, 0), NOW)


def test_channel_numbers_may_be_lost_but_not_left_out_for_ever() -> None:
    mux = Mux(console=False)
    with pytest.raises(RemoteProtocolError):
        opened_and_reset(mux, 2 * CHANNELS_MAX, step=4)


def test_answers_that_nobody_takes_are_a_violation() -> None:
    mux = Mux(console=False)
    with pytest.raises(RemoteProtocolError):
        opened_and_reset(mux, 9000, step=2)


def test_credit_of_the_connection_costs_nothing_while_there_is_some() -> None:
    mux = Mux(console=True)
    channel = mux.open("x", b"", NOW, interactive=False, compressed=False)
    mux.receive(Accept(0, 0), NOW)
    mux.receive(Credit(0, 1 << 30), NOW)
    mux.write(channel, bytes(1 << 20), NOW)
    mux.write(channel, b"the rest", NOW)
    sent(mux)
    assert not mux.wants_to_send
    mux.receive(ConnectionCredit((1 << 20) + 3), NOW)
    mux.receive(ConnectionCredit((1 << 20) + 8), NOW)
    assert sent(mux) == [Data(0, 1 << 20, b"the rest")]
