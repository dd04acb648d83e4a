"""info over a channel in memory, against this very host."""

import asyncio
import functools

import pytest
from support.channels import MemoryOpener

from guardpost.aio.channel import Channel
from guardpost.errors import ChannelReset, RemoteProtocolError, ResetCode
from guardpost.services.info import Info, host_info, info_action, serve_info


def test_the_host_tells_what_it_is() -> None:
    async def story() -> None:
        serve = functools.partial(serve_info, agent_version="1.2.3")
        async with MemoryOpener({"info": serve}) as opener:
            info = await host_info(opener)
        assert info.agent_version == "1.2.3"
        assert info.name
        assert info.uptime is not None
        assert info.memory is not None
        assert info.memory.total > 0

    asyncio.run(story())


def test_a_malformed_request_is_refused() -> None:
    async def story() -> None:
        async with MemoryOpener({"info": serve_info}) as opener:
            with pytest.raises(ChannelReset) as refusal:
                await opener.open("info", b"\xc1")
        assert refusal.value.code is ResetCode.BAD_REQUEST

    asyncio.run(story())


def test_an_agent_that_says_nothing_is_no_host_without_facts() -> None:
    async def story() -> None:
        async def serve(channel: Channel, request: bytes) -> None:
            channel.accept()
            await channel.write_eof()

        async with MemoryOpener({"info": serve}) as opener:
            with pytest.raises(RemoteProtocolError):
                await host_info(opener)

    asyncio.run(story())


def test_what_is_withheld_is_none() -> None:
    assert Info("1").memory is None
    assert info_action(b"").verb == "monitor"
