"""The service `top` between its two halves; what hosts do is in test_table_delta.py."""

import asyncio
import os

import msgspec
import pytest
from support.channels import MemoryOpener, channel_pair
from support.memory_line import MemoryLine
from support.session import session

from guardpost.aio.channel import Channel
from guardpost.errors import ChannelReset, RemoteProtocolError, ResetCode
from guardpost.services import top
from guardpost.services.records import encode_record
from guardpost.services.table_delta import HOST_NUMBERS, Row

Readings = list[tuple[dict[int, Row], list[int | None]]]


def row(pid: int, cpu: int = 0, rss: int = 1000) -> Row:
    argv = [b"/usr/sbin/daemon-%d" % pid, b"--config", b"/etc/daemon.conf"]
    return Row(pid, 100_000 + pid, "root", f"daemon-{pid}", argv, [cpu, rss, 83, 1, 0, 1])


def reading(*rows: Row) -> tuple[dict[int, Row], list[int | None]]:
    return {each.pid: each for each in rows}, [1] * HOST_NUMBERS


def serving(readings: Readings):
    async def serve(channel: Channel, request: bytes) -> None:
        await top.serve(channel, request, lambda: iter(readings).__next__)

    return serve


def test_each_refresh_is_the_host_at_that_time() -> None:
    readings = [reading(row(1), row(7)), reading(row(1, cpu=50)), reading(row(1, cpu=60), row(9))]

    async def story() -> None:
        async with MemoryOpener({"top": serving(readings)}) as opener:
            follower = await top.Follower.open(opener)
            for table, host in readings:
                before = dict(follower.table.rows)
                await follower.refresh()
                assert follower.table.rows == table
                assert follower.table.host == host
                assert follower.before == before
            assert follower.elapsed >= 20
            await follower.close()

    asyncio.run(story())


def test_this_very_process_is_in_the_table() -> None:
    async def story() -> None:
        async with MemoryOpener({"top": top.serve}) as opener:
            follower = await top.Follower.open(opener)
            await follower.refresh()
            await follower.refresh()
            assert os.getpid() in follower.table.rows
            assert follower.table.host[6]  # memory
            await follower.close()

    asyncio.run(story())


def test_a_console_that_asks_without_end_waits_its_turn() -> None:
    async def story() -> None:
        readings = [reading(row(1)) for _ in range(1000)]
        console, agent = channel_pair()
        task = asyncio.ensure_future(serving(readings)(agent, b""))
        await console.write(encode_record(0) * 100)
        await asyncio.sleep(top.LEAST_SECONDS * 2)
        answered = 0
        while console.unread:
            data = await console.read()
            answered += data.count(encode_record(0)[:1])
        assert answered >= 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert agent.unread < 100 * 5

    asyncio.run(story())


def test_a_key_that_may_not_look_any_more_gets_no_refresh() -> None:
    answers = ["", "this key is not allowed any more"]

    async def serve(channel: Channel, request: bytes) -> None:
        await top.serve(channel, request, refusal=lambda: answers.pop(0))

    async def story() -> None:
        async with MemoryOpener({"top": serve}) as opener:
            follower = await top.Follower.open(opener)
            await follower.refresh()
            with pytest.raises(ChannelReset, match="not allowed any more") as refusal:
                await follower.refresh()
            assert refusal.value.code is ResetCode.NOT_ALLOWED
            await follower.close()

    asyncio.run(story())


@pytest.mark.parametrize("request_", [b"\xc1", b"\x01", b"\x93\x01"])
def test_a_malformed_request_is_refused(request_: bytes) -> None:
    async def story() -> None:
        async with MemoryOpener({"top": top.serve}) as opener:
            with pytest.raises(ChannelReset) as refusal:
                await opener.open("top", request_)
            assert refusal.value.code is ResetCode.BAD_REQUEST

    asyncio.run(story())


@pytest.mark.parametrize("answer", [b"", b"\x01\x00\x00\x00\xc0", b"\xff\xff\xff\xff", b"\x01"])
def test_an_agent_that_makes_no_sense_is_an_error(answer: bytes) -> None:
    async def nonsense(channel: Channel, request: bytes) -> None:
        channel.accept()
        await channel.write(answer)
        await channel.write_eof()

    async def story() -> None:
        async with MemoryOpener({"top": nonsense}) as opener:
            follower = await top.Follower.open(opener)
            with pytest.raises(RemoteProtocolError):
                await follower.refresh()
            await follower.close()

    asyncio.run(story())


class _Opener:
    def __init__(self, open_) -> None:
        self.open = open_


def test_a_refresh_of_a_quiet_host_is_at_most_300_bytes_on_the_line() -> None:
    """200 processes, of which 12 took some processor time and 4 some memory."""

    def quiet(step: int) -> tuple[dict[int, Row], list[int | None]]:
        rows = [
            row(pid, cpu=step * pid % 7 if pid % 16 == 3 else 0, rss=1000 + step * (pid % 50 == 7))
            for pid in range(1, 201)
        ]
        host = [21 + step % 3, 20, 19, 1000 + step * 5, 9000 + step * 390, 2]
        return {each.pid: each for each in rows}, [*host, 10**7, 9 * 10**6 - step * 13, 0, 0, step]

    async def story() -> None:
        line = MemoryLine()
        async with session(line=line) as made:
            opening = asyncio.create_task(top.Follower.open(_Opener(made.console.open)))
            channel, _, request = await made.served.get()
            steps = iter(range(20))
            agent = asyncio.create_task(
                top.serve(channel, request, lambda: lambda: quiet(next(steps)))
            )
            follower = await opening
            sizes = []
            for _ in range(6):
                before = sum(line.written.values())
                await follower.refresh()
                await asyncio.sleep(0.3)  # the acknowledgements count
                sizes.append(sum(line.written.values()) - before)
            assert follower.table.rows == quiet(5)[0]
            await follower.close()
            agent.cancel()
        assert max(sizes[1:]) <= 300, sizes
        assert sizes[0] < 8000

    asyncio.run(story())


def test_the_request_is_a_map() -> None:
    assert msgspec.msgpack.encode(top.TopRequest()) == b"\x80"
