"""What the audit learns of a channel, and that nothing of it changes."""

import asyncio

import pytest
from support.channels import channel_pair

from guardpost.agent.witness import WitnessedChannel
from guardpost.errors import ChannelReset, ResetCode


def test_bytes_are_counted_and_pass_as_they_are() -> None:
    async def story() -> None:
        console, agent = channel_pair()
        witness = WitnessedChannel(agent)
        witness.accept(b"hello")
        await witness.write(b"12345")
        await console.write(b"abc")
        assert await witness.read() == b"abc"
        assert await console.read() == b"12345"
        await witness.write_eof()
        assert await console.read() == b""
        await console.write_eof()
        assert await witness.read() == b""
        await witness.close()
        assert (witness.sent, witness.received, witness.ending) == (5, 3, None)

    asyncio.run(story())


@pytest.mark.parametrize("how", ["read", "write", "wait_reset", "write_eof"])
def test_the_peers_reset_is_remembered_whoever_meets_it(how: str) -> None:
    async def story() -> None:
        console, agent = channel_pair()
        witness = WitnessedChannel(agent)
        witness.accept()
        console.reset(ResetCode.CANCELLED, "enough")
        calls = {"write": lambda: witness.write(b"x")}
        with pytest.raises(ChannelReset, match="enough"):
            await calls.get(how, getattr(witness, how))()
        assert str(witness.ending) == "cancelled: enough"

    asyncio.run(story())


def test_a_console_that_lets_go_after_our_end_broke_nothing() -> None:
    async def story() -> None:
        console, agent = channel_pair()
        witness = WitnessedChannel(agent)
        witness.accept()
        await witness.write_eof()
        console.reset(ResetCode.CANCELLED)
        with pytest.raises(ChannelReset):
            await witness.read()
        assert witness.ending is None

    asyncio.run(story())


def test_the_first_reset_is_the_reason() -> None:
    async def story() -> None:
        console, agent = channel_pair()
        witness = WitnessedChannel(agent)
        witness.reset(ResetCode.NOT_FOUND, "no such program")
        witness.reset(ResetCode.CANCELLED)
        with pytest.raises(ChannelReset, match="no such program"):
            await console.wait_reset()
        assert str(witness.ending) == "not-found: no such program"

    asyncio.run(story())
