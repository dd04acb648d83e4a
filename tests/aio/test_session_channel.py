"""Channels of a live session as services see them: ends, resets, back-pressure."""

import asyncio

import pytest
from support.session import session
from support.virtual_time import run_virtual

from guardpost.errors import ChannelReset, ResetCode


def test_each_way_ends_on_its_own() -> None:
    async def story() -> None:
        async with session() as live:
            here, far = await live.open()
            await here.write(b"question")
            await here.write_eof()
            assert await far.read() == b"question"
            assert await far.read() == b""
            await far.write(b"answer")
            await far.close()
            assert await here.read() == b"answer"
            assert await here.read() == b""
            await here.close()
            await asyncio.sleep(1)
            assert live.console.connection.association is not None
            assert len(live.console.connection.association.mux) == 0

    run_virtual(story())


@pytest.mark.parametrize("compress", [False, True])
def test_a_megabyte_arrives_whole(compress: bool) -> None:
    async def story() -> None:
        async with session() as live:
            here, far = await live.open(compress=compress)
            text = b"".join(b"line %d of a log\n" % number for number in range(50_000))

            async def send() -> None:
                await here.write(text)
                await here.write_eof()

            sending = asyncio.create_task(send())
            received = bytearray()
            while data := await far.read(10_000):
                received += data
            await sending
            assert received == text

    run_virtual(story())


def test_a_writer_waits_for_a_reader_that_does_not_read() -> None:
    async def story() -> None:
        async with session() as live:
            here, far = await live.open()
            writing = asyncio.create_task(here.write(bytes(5_000_000)))
            await asyncio.sleep(60)
            assert not writing.done()
            other, far_other = await live.open()
            await other.write(b"not held up")
            assert await far_other.read() == b"not held up"
            received = 0
            while received < 5_000_000:
                received += len(await far.read())
            await writing

    run_virtual(story())


def test_a_reset_is_told_to_whoever_reads_writes_or_waits() -> None:
    async def story() -> None:
        async with session() as live:
            here, far = await live.open()
            waiting = [
                asyncio.create_task(here.read()),
                asyncio.create_task(here.write(bytes(5_000_000))),
                asyncio.create_task(here.wait_reset()),
            ]
            await asyncio.sleep(1)
            far.reset(ResetCode.FAILED, "out of luck")
            for end in await asyncio.gather(*waiting, return_exceptions=True):
                assert isinstance(end, ChannelReset)
                assert (end.code, end.text) == (ResetCode.FAILED, "out of luck")

    run_virtual(story())


def test_a_refusal_reaches_the_opener() -> None:
    async def story() -> None:
        async with session() as live:
            opening = asyncio.create_task(live.console.open("test", b""))
            far, _, _ = await live.served.get()
            far.reset(ResetCode.NOT_ALLOWED, "not with this key")
            with pytest.raises(ChannelReset, match="not-allowed: not with this key"):
                await opening

    run_virtual(story())


def test_closing_lets_go_of_a_peer_that_never_stops() -> None:
    """What was written still arrives; what the peer goes on sending is refused."""

    async def story() -> None:
        async with session() as live:
            here, far = await live.open()
            await here.write(b"last words")
            await here.close()
            assert await far.read() == b"last words"
            sending = asyncio.create_task(far.write(bytes(1 << 30)))
            with pytest.raises(ChannelReset):
                await sending

    run_virtual(story())
