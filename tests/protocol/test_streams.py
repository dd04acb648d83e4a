"""Streams: every byte once and in order, whatever is lost, repeated, recut and overtaken."""

import tracemalloc
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardpost.errors import RemoteProtocolError
from guardpost.protocol.credit import Granted, Spending
from guardpost.protocol.limits import READ_AHEAD_MAX_BYTES
from guardpost.protocol.messages import Data
from guardpost.protocol.streams import ReceivingStream, SendingStream

PLENTY = 1 << 30
TEXT = b"".join(
    b"Nov 23 12:%02d:%02d web01 sshd[%d]: session opened for user anna(uid=1000)\n"
    % (n // 60 % 60, n % 60, 4000 + n * n % 5000)
    for n in range(1500)
)


def sending(credit: int = PLENTY, shared: int = PLENTY, compressed: bool = False) -> SendingStream:
    return SendingStream(0, Spending(credit), Spending(shared), compressed=compressed)


def receiving(window: int = 1 << 16, compressed: bool = False) -> ReceivingStream:
    return ReceivingStream(Granted(window), Granted(PLENTY), compressed=compressed)


# --- sending ---


def test_bytes_leave_in_pieces_and_the_end_with_the_last() -> None:
    stream = sending()
    stream.write(b"abcdef")
    stream.write_fin()
    assert stream.take(4) == Data(0, 0, b"abcd")
    assert stream.take(4) == Data(0, 4, b"ef", fin=True)
    assert not stream.ready()
    assert stream.closed
    assert not stream.finished


def test_an_end_that_comes_late_goes_alone() -> None:
    stream = sending()
    stream.write(b"abc")
    assert stream.take(10) == Data(0, 0, b"abc")
    assert stream.take(10) is None
    stream.write_fin()
    assert stream.ready()
    assert stream.take(10) == Data(0, 3, b"", fin=True)


def test_it_is_finished_when_all_of_it_was_acked() -> None:
    stream = sending()
    stream.write(b"abcdef")
    stream.write_fin()
    first, second = stream.take(3), stream.take(3)
    assert first is not None
    assert second is not None
    stream.on_acked(second)
    assert not stream.finished
    stream.on_acked(first)
    assert stream.finished


def test_what_was_lost_goes_before_what_is_new_and_may_be_cut_anew() -> None:
    stream = sending()
    stream.write(b"abcdefgh")
    message = stream.take(6)
    assert message is not None
    stream.on_lost(message)
    assert [stream.take(4), stream.take(4), stream.take(4)] == [
        Data(0, 0, b"abcd"),
        Data(0, 4, b"ef"),
        Data(0, 6, b"gh"),
    ]


def test_a_lost_end_goes_again() -> None:
    stream = sending()
    stream.write(b"ab")
    stream.write_fin()
    for _ in range(3):
        message = stream.take(10)
        assert message == Data(0, 0, b"ab", fin=True)
        stream.on_lost(message)
        assert stream.ready()


def test_an_ack_of_what_was_acked_before_takes_nothing_away() -> None:
    stream = sending()
    stream.write(b"abcdef")
    first, _, third = stream.take(2), stream.take(2), stream.take(2)
    assert first is not None
    assert third is not None
    stream.on_acked(third)
    stream.on_acked(first)
    stream.on_acked(first)
    stream.on_lost(Data(0, 2, b"cd"))
    assert stream.take(10) == Data(0, 2, b"cd")


def test_credit_holds_back_what_is_new_and_not_what_was_lost() -> None:
    stream = sending(credit=3)
    stream.write(b"abcdef")
    message = stream.take(10)
    assert message == Data(0, 0, b"abc")
    assert not stream.ready()
    stream.on_lost(message)
    assert stream.take(10) == message
    stream.credit.raise_to(4)
    assert stream.take(10) == Data(0, 3, b"d")


def test_the_credit_of_the_connection_holds_back_as_well() -> None:
    stream = sending(shared=2)
    stream.write(b"abc")
    assert stream.take(10) == Data(0, 0, b"ab")
    assert not stream.ready()
    assert stream.buffered == 1


def test_an_end_needs_no_credit() -> None:
    stream = sending(credit=3)
    stream.write(b"abc")
    stream.take(10)
    stream.write_fin()
    assert stream.ready()


def test_nothing_of_a_reset_stream_goes_out() -> None:
    stream = sending()
    stream.write(b"abc")
    message = stream.take(2)
    assert message is not None
    stream.discard()
    stream.on_lost(message)
    stream.on_acked(message)
    assert not stream.ready()
    assert stream.finished
    assert stream.credit.used == 2


def test_compressed_bytes_use_plain_credit() -> None:
    stream = sending(credit=5000, compressed=True)
    stream.write(bytes(20000))
    messages = []
    while stream.ready() and (message := stream.take(100)) is not None:
        messages.append(message)
    assert stream.credit.used == 5000
    assert sum(len(message.data) for message in messages) < 100
    assert stream.room(0) == -15000


def test_room_is_as_much_as_becomes_that_much_line() -> None:
    """Otherwise text would wait for its writer while the line is idle."""
    stream = sending(compressed=True)
    assert stream.room(3000) == 3000
    stream.write(TEXT[:3000])
    assert stream.room(3000) == 0
    while stream.ready():
        stream.take(1000)
    room = stream.room(3000)
    assert 3 * 3000 < room <= 8 * 3000
    stream.write(TEXT[3000 : 3000 + room])
    assert stream.room(3000) == 0
    assert stream.buffered == pytest.approx(3000, rel=0.01)
    assert stream.room(READ_AHEAD_MAX_BYTES) == READ_AHEAD_MAX_BYTES - room


def test_room_for_what_does_not_shrink_is_as_on_a_plain_stream() -> None:
    stream = sending(compressed=True)
    stream.write(Random(6).randbytes(20000))
    while stream.ready():
        stream.take(1000)
    assert stream.room(3000) == 3000


def test_a_block_fills_the_packet_it_is_for_and_little_of_the_next() -> None:
    """Its first byte is of use when its last has arrived."""
    stream = sending(compressed=True)
    stream.write(TEXT)
    sizes = []
    while stream.ready() and (message := stream.take(1000)) is not None:
        sizes.append(len(message.data))
        assert stream.buffered <= len(TEXT) - stream.credit.used + 400
    assert sizes[:-1] == [1000] * (len(sizes) - 1)
    assert sum(sizes) < len(TEXT) / 5


# --- receiving ---


def test_pieces_may_overtake_each_other_and_overlap() -> None:
    stream = receiving()
    for offset, data in ((4, b"ef"), (2, b"cdef"), (6, b"gh"), (0, b"abc")):
        assert stream.readable == 0
        stream.receive(Data(0, offset, data))
    assert stream.read(3) == b"abc"
    assert stream.read(100) == b"defgh"
    assert stream.read(100) == b""


def test_the_end_is_known_before_it_is_reached() -> None:
    stream = receiving()
    stream.receive(Data(0, 2, b"cd", fin=True))
    assert not stream.complete
    stream.receive(Data(0, 0, b"ab"))
    assert stream.complete
    assert not stream.at_eof
    assert stream.read(10) == b"abcd"
    assert stream.at_eof
    assert stream.finished


@pytest.mark.parametrize(
    "messages",
    [
        [Data(0, 0, b"ab", fin=True), Data(0, 0, b"abc")],
        [Data(0, 0, b"ab", fin=True), Data(0, 0, b"a", fin=True)],
        [Data(0, 0, b"abc"), Data(0, 2, b"", fin=True)],
        [Data(0, 5, b"f"), Data(0, 3, b"", fin=True)],
    ],
    ids=["data beyond the end", "two ends", "an end too early", "an end before what is early"],
)
def test_ends_that_contradict_are_violations(messages: list[Data]) -> None:
    stream = receiving()
    stream.receive(messages[0])
    with pytest.raises(RemoteProtocolError):
        stream.receive(messages[1])


def test_credit_counts_to_the_largest_offset() -> None:
    stream = receiving(window=10)
    stream.receive(Data(0, 8, b"ij"))
    with pytest.raises(RemoteProtocolError):
        stream.receive(Data(0, 8, b"ijk"))


def test_a_compressed_stream_may_not_end_inside_a_block() -> None:
    sender = sending(compressed=True)
    sender.write(b"abc" * 100)
    message = sender.take(1000)
    assert message is not None
    stream = receiving(compressed=True)
    with pytest.raises(RemoteProtocolError):
        stream.receive(Data(0, 0, message.data[:-1], fin=True))


def test_a_compressed_flood_is_found() -> None:
    stream = receiving(window=100, compressed=True)
    with pytest.raises(RemoteProtocolError):
        stream.receive(Data(0, 100000, b"x"))


def test_a_reset_gives_back_all_credit() -> None:
    shared = Granted(1000)
    stream = ReceivingStream(Granted(100), shared, compressed=False)
    stream.receive(Data(0, 0, b"abc"))
    stream.discard(None)
    stream.receive(Data(0, 3, b"defg"))
    assert stream.readable == 0
    stream.discard(50)
    assert (shared.received, shared.consumed) == (50, 50)
    with pytest.raises(RemoteProtocolError):
        stream.discard(49)
    with pytest.raises(RemoteProtocolError):
        stream.discard(101)


def test_repeats_cut_differently_do_not_pile_up() -> None:
    stream, rng = receiving(window=4096), Random(4)
    for _ in range(3000):
        start = rng.randrange(1, 4096)
        stream.receive(Data(0, start, bytes(rng.randrange(0, 4097 - start))))
        assert len(stream._early) <= 4096
    stream.receive(Data(0, 0, b"\0"))
    assert stream.readable <= 4096


def test_single_bytes_cost_little_more_than_others() -> None:
    stream = receiving()
    for offset in (*range(1, 8000), *range(8001, 12000), 0, 8000):
        stream.receive(Data(0, offset, b"x"))
    for offset in range(12000, 20000):
        stream.receive(Data(0, offset, b"x"))
    assert len(stream._chunks) < 50
    assert stream.read(1 << 20) == b"x" * 20000


# --- both ends ---


@given(
    st.lists(st.binary(max_size=600), max_size=8),
    st.booleans(),
    st.integers(0, 3),
    st.randoms(use_true_random=False),
)
@settings(max_examples=80, deadline=None)
def test_every_byte_arrives_once_and_in_order(
    pieces: list[bytes], compressed: bool, trouble: int, rng: Random
) -> None:
    """Messages are lost, told late, repeated though they arrived, and overtake each other."""
    sender, receiver = sending(credit=700, compressed=compressed), receiving(700, compressed)
    for piece in pieces:
        sender.write(piece)
    sender.write_fin()
    got, flying, turns = b"", list[Data](), 0
    while not (sender.finished and receiver.at_eof):
        turns += 1
        assert turns < 20000
        if sender.ready() and (rng.random() < 0.7 or not flying):
            message = sender.take(rng.randrange(1, 300))
            if message is not None:
                flying.append(message)
        if flying and rng.random() < 0.5:
            message = flying.pop(rng.randrange(len(flying)) if trouble else 0)
            fate = rng.random()
            if fate >= trouble / 10:
                receiver.receive(message)
            if fate >= trouble / 5:
                sender.on_acked(message)
            else:
                sender.on_lost(message)
        got += receiver.read(rng.randrange(1, 400))
        if (limit := receiver.credit.grant(0.1, turns / 100)) is not None:
            sender.credit.raise_to(limit)
        assert len(receiver._early) <= 2 * 700 + 64
    assert got == b"".join(pieces)
    assert sender.credit.used == receiver.credit.received == len(got)


def test_a_compressed_stream_that_carries_nothing_costs_nothing() -> None:
    tracemalloc.start()
    streams = [sending(compressed=True) for _ in range(20)]
    for stream in streams:
        stream.write_fin()
        assert stream.take(100) == Data(0, 0, b"", fin=True)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 20 * 4096


def test_a_request_and_some_keystrokes_make_no_compressor() -> None:
    """Which every channel with a compressed answer would have at the console."""
    tracemalloc.start()
    streams = [sending(compressed=True) for _ in range(20)]
    for stream in streams:
        stream.write(TEXT[:80])
        assert stream.take(1000) is not None
        for octet in b"reboot\r":
            stream.write(bytes((octet,)))
            assert stream.take(1000) is not None
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 20 * 4096


def test_a_stream_that_has_ended_keeps_no_compressor() -> None:
    tracemalloc.start()
    pairs = [(sending(compressed=True), receiving(compressed=True)) for _ in range(20)]
    for number, (sender, receiver) in enumerate(pairs):
        sender.write(TEXT[:2000])
        if number % 2:
            sender.write_fin()
        while sender.ready() and (message := sender.take(300)) is not None:
            receiver.receive(message)
            sender.on_acked(message)
        if not number % 2:
            sender.write_fin()
            message = sender.take(300)
            assert message is not None
            receiver.receive(message)
        assert receiver.read(2000) == TEXT[:2000]
        assert receiver.at_eof
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 20 * 8192
