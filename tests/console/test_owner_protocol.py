import asyncio
import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.console import owner_protocol as wire
from guardpost.console.owner_protocol import RecordSocket


def pair() -> tuple[RecordSocket, RecordSocket]:
    one, other = socket.socketpair()
    return RecordSocket(one), RecordSocket(other)


async def data_of(receiver: RecordSocket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        record = await receiver.receive()
        assert record is not None
        assert record[0] == wire.DATA
        got += record[1]
    return got


def test_records_arrive_as_they_were_sent() -> None:
    async def story() -> None:
        here, there = pair()
        big = os.urandom(3_000_000)
        sending = asyncio.ensure_future(here.send(wire.DATA, big))
        assert await data_of(there, len(big)) == big
        await sending
        here.post(wire.EOF)
        here.post(wire.RESET, wire.pack_reset(7, 2, "why"))
        assert await there.receive() == (wire.EOF, b"")
        record = await there.receive()
        assert record is not None
        assert wire.unpack_reset(record[1]) == (7, 2, "why")
        here.close()
        assert await there.receive() is None
        there.close()

    asyncio.run(story())


def test_closing_wakes_who_waits() -> None:
    async def story() -> None:
        here, there = pair()
        waiting = asyncio.ensure_future(here.receive())
        writing = asyncio.ensure_future(there.send(wire.DATA, bytes(10_000_000)))
        await asyncio.sleep(0)
        here.close()
        assert await waiting is None
        with pytest.raises(ConnectionError):
            await writing
        with pytest.raises(ConnectionError):
            await here.send(wire.EOF)
        there.close()

    asyncio.run(story())


def test_who_stops_receiving_can_still_be_read() -> None:
    async def story() -> None:
        here, there = pair()
        await there.send(wire.DATA, b"before")
        there.stop_receiving()
        with pytest.raises(ConnectionError):
            await here.send(wire.DATA, b"x")
        assert await here.receive() == (wire.DATA, b"before")
        await there.send(wire.DATA, b"after")
        assert await here.receive() == (wire.DATA, b"after")
        here.close()
        there.close()

    asyncio.run(story())


def test_a_peer_that_never_reads_is_cut_off() -> None:
    async def story() -> None:
        here, there = pair()
        for _ in range(100):
            here.post(wire.TELL, bytes(100_000))
        assert here.closed
        there.close()

    asyncio.run(story())


@given(st.binary(max_size=80))
def test_any_bytes_are_records_or_an_end(received: bytes) -> None:
    async def story() -> None:
        one, other = socket.socketpair()
        receiver = RecordSocket(one)
        other.sendall(received)
        other.close()
        while await receiver.receive() is not None:
            pass
        receiver.close()

    asyncio.run(story())
    wire.decode(received)
    for unpack in (wire.unpack_open, wire.unpack_reset):
        try:
            unpack(received)
        except ValueError:
            pass


def test_an_open_survives_its_packing() -> None:
    packed = wire.pack_open(1, 2, "exec", b"\x00request", interactive=True, compress=False)
    assert wire.unpack_open(packed) == (1, 2, "exec", b"\x00request", True, False)
    assert wire.decode(wire.encode(a=1, b="ü")) == {"a": 1, "b": "ü"}
