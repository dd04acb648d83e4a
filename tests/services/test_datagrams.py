"""UDP through a channel: real sockets, a channel in memory."""

import asyncio
import functools
import socket
from collections.abc import Awaitable, Callable
from typing import cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.channels import MemoryOpener, channel_pair

from guardpost.errors import ChannelReset, RemoteProtocolError, ResetCode
from guardpost.host.listening import listen_on
from guardpost.services import datagrams as service
from guardpost.services.action import Action
from guardpost.services.datagrams import UdpForwarder


class Echo(asyncio.DatagramProtocol):
    """Answers each datagram with itself, and its length before."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.transport.sendto(b"%d:" % len(data) + data, addr)


class Forwarding:
    """`-U 0:127.0.0.1:PORT` to an echo."""

    def __init__(self, limit: int = 65536) -> None:
        self.said: list[str] = []
        self.opener = MemoryOpener({"udp": service.serve}, limit)

    async def run(self, story: Callable[["Forwarding"], Awaitable[None]], port: int | None) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(Echo, ("127.0.0.1", 0))
        there = port or transport.get_extra_info("sockname")[1]
        associate = functools.partial(service.open_datagrams, self.opener, "127.0.0.1", there)
        (sock,) = await listen_on("127.0.0.1", 0, socket.SOCK_DGRAM)
        async with asyncio.timeout(20), self.opener:
            self.forwarder = UdpForwarder(sock, associate, self.said.append)
            self.address = sock.getsockname()
            async with self.forwarder:
                await story(self)
        transport.close()


def told(
    story: Callable[[Forwarding], Awaitable[None]], limit: int = 65536, port: int | None = None
) -> None:
    asyncio.run(Forwarding(limit).run(story, port))


def client() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    return made


async def answer(sock: socket.socket) -> bytes:
    return await asyncio.get_running_loop().sock_recv(sock, 65535)


def test_datagrams_keep_their_bounds_and_find_their_client() -> None:
    async def story(forwarding: Forwarding) -> None:
        with client() as ann, client() as bob:
            for data in (b"", b"a", b"bc", bytes(9000)):
                ann.sendto(data, forwarding.address)
                assert await answer(ann) == b"%d:" % len(data) + data
            bob.sendto(b"bob's", forwarding.address)
            assert await answer(bob) == b"5:bob's"
        assert len(forwarding.opener.opened) == 2

    told(story)


def test_what_has_no_room_is_dropped_whole() -> None:
    async def story(forwarding: Forwarding) -> None:
        with client() as ann:
            loop = asyncio.get_running_loop()
            for _ in range(3000):
                await loop.sock_sendto(ann, bytes(1000), forwarding.address)
            seen = 0
            while True:
                try:
                    async with asyncio.timeout(0.5):
                        assert await answer(ann) == b"1000:" + bytes(1000)
                        seen += 1
                except TimeoutError:
                    break
            assert seen > 0

    told(story, limit=3000)


def test_a_refused_association_is_told_and_another_try_is_made() -> None:
    async def story(forwarding: Forwarding) -> None:
        forwarding.opener.services = {}
        with client() as ann:
            ann.sendto(b"x", forwarding.address)
            while not forwarding.said:
                await asyncio.sleep(0.01)
            assert "udp" in forwarding.said[0]
            forwarding.opener.services = {"udp": service.serve}
            ann.sendto(b"y", forwarding.address)
            assert await answer(ann) == b"1:y"

    told(story)


def test_silence_ends_an_association(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "IDLE_SECONDS", 0.05)

    async def story(forwarding: Forwarding) -> None:
        with client() as ann:
            ann.sendto(b"x", forwarding.address)
            assert await answer(ann) == b"1:x"
            while forwarding.opener.serving:
                await asyncio.sleep(0.01)
            ann.sendto(b"y", forwarding.address)
            assert await answer(ann) == b"1:y"
        assert len(forwarding.opener.opened) == 2

    told(story)


def test_where_nobody_listens_nothing_breaks() -> None:
    async def story(forwarding: Forwarding) -> None:
        with client() as ann:
            for _ in range(5):
                ann.sendto(b"x", forwarding.address)
                await asyncio.sleep(0.02)
        assert forwarding.said == []

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        nobody.close()
        told(story, port=port)


def test_half_a_datagram_is_a_fault_of_the_peer() -> None:
    async def story() -> None:
        console, agent = channel_pair()
        request = msgspec.msgpack.encode(service.UdpRequest("127.0.0.1", 9))
        serving = asyncio.ensure_future(service.serve(agent, request))
        await console.write(b"\x05\x00abc")
        await console.write_eof()
        with pytest.raises(ChannelReset) as caught:
            await console.wait_reset()
        assert caught.value.code is ResetCode.PROTOCOL
        await serving

    asyncio.run(story())


def test_the_policy_is_asked_for_the_address() -> None:
    request = msgspec.msgpack.encode(service.UdpRequest("10.0.0.1", 53))
    assert service.action(request) == Action("forward", "10.0.0.1", 53)
    for host, port in (("", 53), ("x", 0), ("x", 65536)):
        with pytest.raises(RemoteProtocolError):
            service.action(msgspec.msgpack.encode(service.UdpRequest(host, port)))


@given(st.lists(st.binary(max_size=40), max_size=10), st.integers(1, 7))
def test_any_cut_gives_the_same_datagrams(sent: list[bytes], size: int) -> None:
    async def story() -> None:
        console, agent = channel_pair()
        stream = b"".join(map(service._framed, sent))
        for at in range(0, len(stream), size):
            await console.write(stream[at : at + size])
        await console.write_eof()
        reader = service._Datagrams(agent)
        found = []
        while (data := await reader.read()) is not None:
            found.append(data)
        assert found == sent

    asyncio.run(story())
