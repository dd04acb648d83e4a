"""Messages that overtook their OPEN are kept in order, and not without limit."""

import pytest

from guardpost.errors import RemoteProtocolError
from guardpost.protocol.early import EarlyMessages
from guardpost.protocol.limits import CHANNELS_MAX, EARLY_MESSAGES_MAX, OPENING_BYTES
from guardpost.protocol.messages import Credit, Data, Reset

ALL_BYTES = CHANNELS_MAX * OPENING_BYTES


def test_they_come_back_in_order_and_once() -> None:
    early = EarlyMessages()
    messages: list[Data | Credit | Reset] = [Data(0, 0, b"abc"), Credit(0, 70000), Reset(0, 0, 3)]
    for message in messages:
        early.keep(message)
    early.keep(Credit(2, 70000))
    assert early.take(0) == messages
    assert early.take(0) == []
    assert early.take(2) == [Credit(2, 70000)]


def test_bytes_have_a_limit() -> None:
    early = EarlyMessages()
    early.keep(Data(0, 0, bytes(ALL_BYTES)))
    with pytest.raises(RemoteProtocolError):
        early.keep(Data(2, 0, b"x"))


def test_so_has_their_number() -> None:
    early = EarlyMessages()
    for number in range(EARLY_MESSAGES_MAX):
        early.keep(Credit(2 * number, 1))
    with pytest.raises(RemoteProtocolError):
        early.keep(Credit(0, 1))


def test_what_was_taken_does_not_count() -> None:
    early = EarlyMessages()
    for _ in range(3):
        early.keep(Data(0, 0, bytes(ALL_BYTES)))
        early.take(0)
