"""Relay between a channel and a local end; tests/services/test_tunnel.py has the TCP side."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable

import pytest
from support.channels import MemoryChannel, channel_pair

from guardpost.errors import ChannelReset, ResetCode
from guardpost.services.relay import DescriptorEnd, SocketEnd, relay


def told(story: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(10):
            await story()

    asyncio.run(run())


def accepted(limit: int = 65536) -> tuple[MemoryChannel, MemoryChannel]:
    console, agent = channel_pair(limit)
    agent.accept()
    return console, agent


def test_both_ways_end_on_their_own() -> None:
    async def story() -> None:
        console, agent = accepted()
        here, there = socket.socketpair()
        with there:
            relaying = asyncio.ensure_future(relay(agent, SocketEnd(here)))
            await console.write(b"question")
            await console.write_eof()
            assert await asyncio.to_thread(there.recv, 100) == b"question"
            assert await asyncio.to_thread(there.recv, 100) == b""
            there.sendall(b"answer")
            assert await console.read() == b"answer"
            there.shutdown(socket.SHUT_WR)
            assert await console.read() == b""
            await relaying
        here.close()

    told(story)


class Piece(bytes):
    alive = 0

    def __init__(self, data: bytes) -> None:
        Piece.alive += 1

    def __del__(self) -> None:
        Piece.alive -= 1


class SaysOneThing:
    """A channel or a local end that takes everything and gives one piece, then waits."""

    def __init__(self) -> None:
        self.pieces = [Piece(bytes(65536))]
        self.taken = 0

    async def read(self, limit: int) -> bytes:
        return self.pieces.pop() if self.pieces else await asyncio.Future()

    async def write(self, data: bytes) -> None:
        self.taken += len(data)

    async def wait_reset(self) -> None:
        await asyncio.Future()

    def reset(self, code: ResetCode, text: str = "") -> None:
        pass


def test_while_nothing_comes_the_last_piece_is_let_go_of() -> None:
    async def story() -> None:
        channel, end = SaysOneThing(), SaysOneThing()
        relaying = asyncio.ensure_future(relay(channel, end))
        while not (channel.taken and end.taken):
            await asyncio.sleep(0)
        assert Piece.alive == 0
        relaying.cancel()
        await asyncio.gather(relaying, return_exceptions=True)

    told(story)


def test_a_reset_is_noticed_while_both_ways_are_stuck() -> None:
    async def story() -> None:
        console, agent = accepted(1000)
        here, there = socket.socketpair()
        with here, there:
            relaying = asyncio.ensure_future(relay(agent, SocketEnd(here)))
            feeding = asyncio.ensure_future(console.write(bytes(10_000_000)))
            there.setblocking(False)
            await asyncio.get_running_loop().sock_sendall(there, bytes(2000))
            await asyncio.wait([feeding], timeout=0.05)
            assert not feeding.done()
            console.reset(ResetCode.LOST)
            with pytest.raises(ChannelReset):
                await relaying
            await asyncio.gather(feeding, return_exceptions=True)

    told(story)


def test_cancelling_resets_the_channel() -> None:
    async def story() -> None:
        console, agent = accepted()
        here, there = socket.socketpair()
        with here, there:
            relaying = asyncio.ensure_future(relay(agent, SocketEnd(here)))
            await asyncio.sleep(0)
            relaying.cancel()
            with pytest.raises(ChannelReset) as caught:
                await console.read()
            assert caught.value.code is ResetCode.CANCELLED

    told(story)


def test_an_output_without_a_reader_ends_it_at_once() -> None:
    async def story() -> None:
        console, agent = accepted()
        source, feed = os.pipe()
        readable, sink = os.pipe()
        os.close(readable)
        try:
            relaying = asyncio.ensure_future(relay(console, DescriptorEnd(source, sink)))
            await agent.write(b"x")
            with pytest.raises(BrokenPipeError):
                await relaying
            with pytest.raises(ChannelReset) as caught:
                await agent.read()
            assert caught.value.code is ResetCode.PEER_RESET
        finally:
            for fd in (source, feed, sink):
                os.close(fd)

    told(story)


def test_no_input_at_all_is_an_end() -> None:
    async def story() -> None:
        console, agent = accepted()
        readable, sink = os.pipe()
        relaying = asyncio.ensure_future(relay(console, DescriptorEnd(None, sink)))
        assert await agent.read() == b""
        await agent.write(b"bye")
        await agent.write_eof()
        await relaying
        assert os.read(readable, 100) == b"bye"
        assert os.read(readable, 100) == b""
        os.close(readable)
        os.close(sink)

    told(story)


def test_an_aborted_socket_is_seen_as_broken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        async def story() -> None:
            client = socket.create_connection(server.getsockname())
            other, _ = server.accept()
            with other:
                end = SocketEnd(client)
                end.abort()
                end.abort()
                with pytest.raises(ConnectionResetError):
                    other.recv(1)

        told(story)
