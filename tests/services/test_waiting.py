"""Connections that wait to be taken."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from guardpost.services import waiting
from guardpost.services.waiting import MOST, Waiting


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_only_its_key_takes_it_and_once(pair: tuple[socket.socket, socket.socket]) -> None:
    async def story() -> None:
        house = Waiting()
        number = house.put(b"ann", pair[0])
        assert house.take(b"bob", number) is None
        assert house.take(b"ann", number + 1) is None
        assert house.take(b"ann", number) is pair[0]
        assert house.take(b"ann", number) is None

    asyncio.run(story())


def test_what_nobody_takes_is_closed(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "WAITS_SECONDS", 0.01)

    async def story() -> None:
        house = Waiting()
        number = house.put(b"ann", pair[0])
        assert await asyncio.to_thread(pair[1].recv, 1) == b""
        assert house.take(b"ann", number) is None

    asyncio.run(story())


def test_there_is_an_end_to_waiting() -> None:
    async def story() -> None:
        house = Waiting()
        pairs = [socket.socketpair() for _ in range(MOST + 1)]
        assert all(house.put(b"ann", ours) for ours, _ in pairs[:MOST])
        assert house.put(b"ann", pairs[MOST][0]) == 0
        house.close()
        assert pairs[0][1].recv(1) == b""
        for ours, theirs in pairs:
            ours.close()
            theirs.close()

    asyncio.run(story())
