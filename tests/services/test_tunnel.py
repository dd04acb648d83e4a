import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable

import msgspec
import pytest
from support.channels import MemoryOpener, channel_pair
from support.tcp import echo, listening, nobody_listens

from guardpost.aio.channel import Channel
from guardpost.errors import ChannelReset, RemoteProtocolError, ResetCode
from guardpost.services import tunnel
from guardpost.services.action import Action

Story = Callable[[MemoryOpener], Awaitable[None]]


def told(story: Story, limit: int = 65536) -> None:
    async def run() -> None:
        async with asyncio.timeout(20), MemoryOpener({"tcp": tunnel.serve}, limit) as opener:
            await story(opener)

    asyncio.run(run())


async def all_of(channel: Channel) -> bytes:
    parts = []
    while data := await channel.read():
        parts.append(data)
    return b"".join(parts)


async def refusal(opener: MemoryOpener, host: str, port: int) -> ChannelReset:
    with pytest.raises(ChannelReset) as caught:
        await tunnel.open_tunnel(opener, host, port)
    return caught.value


def test_bytes_go_there_and_come_back_and_so_does_the_end() -> None:
    async def story(opener: MemoryOpener) -> None:
        async with listening(echo) as port:
            channel = await tunnel.open_tunnel(opener, "127.0.0.1", port)
            await channel.write(b"hello")
            assert await channel.read() == b"hello"
            await channel.write_eof()
            assert await all_of(channel) == b""
        while opener.serving:
            await asyncio.sleep(0)

    told(story)


def test_the_answer_may_follow_the_end_of_the_question() -> None:
    async def after_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        question = await reader.read()
        writer.write(b"%d bytes" % len(question))
        writer.close()

    async def story(opener: MemoryOpener) -> None:
        async with listening(after_the_end) as port:
            channel = await tunnel.open_tunnel(opener, "localhost", port)
            await channel.write(b"x" * 100_000)
            await channel.write_eof()
            assert await all_of(channel) == b"100000 bytes"

    told(story, limit=1000)


def test_the_question_may_go_on_after_the_end_of_the_answer() -> None:
    heard: list[bytes] = []

    async def answer_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"welcome")
        writer.write_eof()
        heard.append(await reader.read())
        writer.close()

    async def story(opener: MemoryOpener) -> None:
        async with listening(answer_first) as port:
            channel = await tunnel.open_tunnel(opener, "127.0.0.1", port)
            assert await all_of(channel) == b"welcome"
            await channel.write(b"still here")
            await channel.write_eof()
            while not heard:
                await asyncio.sleep(0)
        assert heard == [b"still here"]

    told(story)


def test_nobody_listening_is_a_refusal() -> None:
    async def story(opener: MemoryOpener) -> None:
        with nobody_listens() as port:
            assert (await refusal(opener, "127.0.0.1", port)).code is ResetCode.REFUSED
            assert (await refusal(opener, "localhost", port)).code is ResetCode.REFUSED

    told(story)


@pytest.mark.parametrize(
    "name", ["no-such-host.invalid", "a" * 70 + "ü.example", "ü" * 64, "a\0b", ".."]
)
def test_a_name_that_does_not_resolve_is_told_as_such(name: str) -> None:
    async def story(opener: MemoryOpener) -> None:
        assert (await refusal(opener, name, 80)).code is ResetCode.NAME_NOT_FOUND

    told(story)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"",
        b"\xc1",
        b"\x80",
        *(msgspec.msgpack.encode({"host": "h", "port": port}) for port in (0, -1, 65536, "80")),
        msgspec.msgpack.encode({"host": "", "port": 80}),
        msgspec.msgpack.encode({"host": 5, "port": 80}),
        msgspec.msgpack.encode([1, 2]),
    ],
)
def test_a_request_for_nothing_is_bad(request_bytes: bytes) -> None:
    async def story(opener: MemoryOpener) -> None:
        with pytest.raises(ChannelReset) as caught:
            await opener.open("tcp", request_bytes)
        assert caught.value.code is ResetCode.BAD_REQUEST

    told(story)
    with pytest.raises(RemoteProtocolError):
        tunnel.action(request_bytes)


def test_the_policy_is_told_host_and_port() -> None:
    request = msgspec.msgpack.encode({"host": "db", "port": 5432, "newer": True})
    assert tunnel.action(request) == Action("forward", "db", 5432)


def test_a_connection_that_is_reset_resets_the_channel() -> None:
    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def story(opener: MemoryOpener) -> None:
        async with listening(break_off) as port:
            channel = await tunnel.open_tunnel(opener, "127.0.0.1", port)
            await channel.write(b"x")
            with pytest.raises(ChannelReset) as caught:
                await all_of(channel)
            assert caught.value.code is ResetCode.PEER_RESET

    told(story)


def test_a_channel_that_is_reset_resets_the_connection() -> None:
    seen: list[type[Exception]] = []

    async def wait_for_it(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"ready")
        try:
            await reader.read()
        except ConnectionError as error:
            seen.append(type(error))
        writer.close()

    async def story(opener: MemoryOpener) -> None:
        async with listening(wait_for_it) as port:
            channel = await tunnel.open_tunnel(opener, "127.0.0.1", port)
            assert await channel.read() == b"ready"
            channel.reset(ResetCode.CANCELLED)
            while not seen:
                await asyncio.sleep(0)
        assert seen == [ConnectionResetError]

    told(story)


def test_last_words_arrive_although_the_peer_listens_no_more() -> None:
    async def say_and_go(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        writer.write(b"go away" * 20_000)
        writer.close()

    async def story(opener: MemoryOpener) -> None:
        async with listening(say_and_go) as port:
            channel = await tunnel.open_tunnel(opener, "127.0.0.1", port)
            await channel.write(b"x")
            parts = [await channel.read(10)]
            for _ in range(20):
                await channel.write(b"unwanted")
                await asyncio.sleep(0)
            parts.append(await all_of(channel))
            assert b"".join(parts) == b"go away" * 20_000

    told(story, limit=5000)


def test_two_hundred_connections_at_once() -> None:
    async def story(opener: MemoryOpener) -> None:
        async with listening(echo) as port:

            async def one(number: int) -> None:
                channel = await tunnel.open_tunnel(opener, "127.0.0.1", port)
                await channel.write(b"%d" % number * 1000)
                await channel.write_eof()
                assert await all_of(channel) == b"%d" % number * 1000

            await asyncio.gather(*map(one, range(200)))

    told(story)


def test_a_slow_reader_stalls_its_own_connection_only() -> None:
    sent = [0]

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(bytes(65536))
                await writer.drain()
                sent[0] += 65536

    async def story(opener: MemoryOpener) -> None:
        async with listening(pour) as endless, listening(echo) as port:
            slow = await tunnel.open_tunnel(opener, "127.0.0.1", endless)
            before = -1
            while before != sent[0]:  # the pourer stands still: all buffers are full
                before = sent[0]
                brisk = await tunnel.open_tunnel(opener, "127.0.0.1", port)
                for _ in range(50):
                    await brisk.write(b"ping")
                    assert await brisk.read() == b"ping"
            assert opener.consoles[0].unread == 4096
            assert len(await slow.read(100_000)) == 4096

    told(story, limit=4096)


def test_a_console_that_goes_while_we_connect_is_noticed() -> None:
    async def story() -> None:
        # A full backlog leaves the next connection without an answer.
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            port = full.getsockname()[1]
            fillers = [socket.socket() for _ in range(4)]
            for each in fillers:
                each.setblocking(False)
                each.connect_ex(("127.0.0.1", port))
            console, agent = channel_pair()
            request = msgspec.msgpack.encode(tunnel.TcpRequest("127.0.0.1", port))
            serving = asyncio.ensure_future(tunnel.serve(agent, request))
            await asyncio.wait([serving], timeout=0.05)
            assert not serving.done()
            console.reset(ResetCode.CANCELLED)
            await asyncio.wait_for(serving, 1)
            for each in fillers:
                each.close()

    asyncio.run(story())


def test_what_was_sent_before_the_answer_is_not_lost() -> None:
    async def story() -> None:
        async with listening(echo) as port:
            console, agent = channel_pair()
            await console.write(b"early")
            request = msgspec.msgpack.encode(tunnel.TcpRequest("127.0.0.1", port))
            serving = asyncio.ensure_future(tunnel.serve(agent, request))
            await console.write(b" bird")
            await console.write_eof()
            assert await all_of(console) == b"early bird"
            await asyncio.wait_for(serving, 1)

    asyncio.run(story())


def test_a_cancelled_service_leaves_neither_channel_nor_connection() -> None:
    async def story() -> None:
        async with listening(echo) as port:
            console, agent = channel_pair()
            request = msgspec.msgpack.encode(tunnel.TcpRequest("127.0.0.1", port))
            serving = asyncio.ensure_future(tunnel.serve(agent, request))
            await console.write(b"x")
            assert await console.read() == b"x"
            serving.cancel()
            with pytest.raises(ChannelReset):
                await console.read()

    asyncio.run(story())
