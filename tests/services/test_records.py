import asyncio
import contextlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.channels import channel_pair

from guardpost.errors import ChannelReset, RemoteProtocolError, ResetCode
from guardpost.services.records import (
    MAX_RECORD_BYTES,
    RecordReader,
    encode_record,
    read_record,
    write_record,
)


class Point(msgspec.Struct):
    x: int
    name: bytes = b""


def read_all(raw: bytes, shape: type[Point] = Point, limit: int = 65536) -> list[Point]:
    async def story() -> list[Point]:
        console, agent = channel_pair(limit)
        reader = RecordReader(console)
        agent.accept()

        async def send() -> None:
            await agent.write(raw)
            await agent.write_eof()

        sending = asyncio.ensure_future(send())
        found = []
        try:
            while (point := await reader.read(shape)) is not None:
                found.append(point)
        finally:
            sending.cancel()
        return found

    return asyncio.run(story())


def test_a_record_is_its_length_and_a_msgpack_value() -> None:
    raw = encode_record(Point(7, b"p"))
    assert int.from_bytes(raw[:4], "little") == len(raw) - 4
    assert msgspec.msgpack.decode(raw[4:]) == {"x": 7, "name": b"p"}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.builds(Point, st.integers(0, 9), st.binary(max_size=300))), st.integers(1, 50))
def test_records_arrive_however_the_channel_cuts_them(points: list[Point], limit: int) -> None:
    assert read_all(b"".join(map(encode_record, points)), limit=limit) == points


def test_an_unknown_field_is_ignored() -> None:
    raw = encode_record({"x": 1, "newer": [1, 2]})
    assert read_all(raw) == [Point(1)]


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        (b"\x01", "middle"),
        (encode_record(Point(1))[:-1], "middle"),
        ((MAX_RECORD_BYTES + 1).to_bytes(4, "little"), "limit"),
        (b"\xff\xff\xff\xff", "limit"),
        (b"\0\0\0\0", "malformed"),
        (b"\x01\0\0\0\xc1", "malformed"),
        (encode_record({"x": "no number"}), "malformed"),
        (encode_record({"name": b""}), "malformed"),
        (b"\x04\0\0\0\x81\xa2\xff\xfe", "malformed"),
        ((100_000).to_bytes(4, "little") + b"\x91" * 100_000, "malformed"),
    ],
)
def test_what_is_no_record_is_an_error_of_the_peer(raw: bytes, complaint: str) -> None:
    with pytest.raises(RemoteProtocolError, match=complaint):
        read_all(raw)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_give_records_or_one_kind_of_error(raw: bytes) -> None:
    with contextlib.suppress(RemoteProtocolError):
        read_all(len(raw).to_bytes(4, "little") + raw)


def test_one_record_is_read_and_not_a_byte_more() -> None:
    async def story() -> None:
        console, agent = channel_pair()
        await write_record(console, Point(1))
        await console.write(b"what follows")
        assert await read_record(agent, Point) == Point(1)
        assert await agent.read() == b"what follows"
        await console.write_eof()
        assert await read_record(agent, Point) is None

    asyncio.run(story())


def test_too_long_a_record_is_not_written() -> None:
    with pytest.raises(ValueError, match="longer"):
        encode_record(b"x" * (MAX_RECORD_BYTES + 1))


def test_a_reset_is_told_and_not_taken_for_an_end() -> None:
    async def story() -> None:
        console, agent = channel_pair()
        await write_record(console, Point(1))
        console.reset(ResetCode.LOST)
        with pytest.raises(ChannelReset):
            await RecordReader(agent).read(Point)

    asyncio.run(story())
