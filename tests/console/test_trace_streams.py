"""Compressed channels are readable in a trace that saw them begin."""

import random

from hypothesis import given
from hypothesis import strategies as st

from guardpost.console.trace_streams import Streams
from guardpost.protocol.compression import Deflater
from guardpost.protocol.messages import Data, Open, Reset

PLAIN = b"a line of a log that repeats itself\n" * 40


def compressed(plain: bytes = PLAIN) -> bytes:
    deflater = Deflater()
    return b"".join(deflater.block(plain[at : at + 200]) for at in range(0, len(plain), 200))


def pieces(stream: bytes, size: int) -> list[Data]:
    cut = [Data(4, at, stream[at : at + size]) for at in range(0, len(stream), size)]
    cut[-1].fin = True
    return cut


def watching() -> Streams:
    streams = Streams()
    streams.open(Open(4, "exec", 0, compressed=True))
    return streams


def test_lost_and_repeated_pieces_are_put_in_order() -> None:
    sent = pieces(compressed(), 30)
    order = sent[:2] + sent[4:6] + sent[1:4] + sent[2:]
    shown = watching()
    assert b"".join(shown.plain(each, True) or b"" for each in order) == PLAIN


def test_a_stream_that_has_ended_is_followed_no_more_whatever_its_end_came_in() -> None:
    sent = pieces(compressed(), 30)
    shown = watching()
    for each in (sent[-1], *sent[:-1]):
        shown.plain(each, True)
    assert len(shown) == 1
    shown.plain(Data(4, 0, b"", fin=True), False)
    assert len(shown) == 0


def test_each_direction_is_a_stream_of_its_own() -> None:
    streams = watching()
    (one,) = pieces(compressed(b"there"), 100)
    assert streams.plain(one, False) == b"there"
    assert streams.plain(one, True) == b"there"


def test_what_is_not_compressed_or_began_before_is_shown_as_it_is() -> None:
    streams = Streams()
    streams.open(Open(4, "tcp", 0))
    assert streams.plain(Data(4, 0, b"x"), True) is None
    assert streams.plain(Data(6, 100, b"x"), True) is None
    streams = watching()
    streams.reset(Reset(4, 0, 0))
    assert streams.plain(Data(4, 0, b"\x02x"), True) is None
    streams = watching()
    streams.clear()
    assert streams.plain(Data(4, 0, b"\x02x"), True) is None


@given(st.lists(st.tuples(st.integers(0, 2**62), st.binary(max_size=20)), max_size=10))
def test_any_data_is_shown_one_way_or_the_other(sent: list[tuple[int, bytes]]) -> None:
    streams = watching()
    for offset, data in sent:
        streams.plain(Data(4, offset, data), True)
    noise = random.Random(1).randbytes(100)
    assert streams.plain(Data(4, 0, noise), False) in (None, b"")
