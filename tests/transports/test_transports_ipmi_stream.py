"""ipmi: against OpenIPMI's simulator of a BMC, its Serial over LAN on a pty."""

import asyncio
import contextlib
import os
import tty
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from support import bmc

from guardpost.aio.stream import BreakingStream, ByteStream
from guardpost.errors import LineBusy, LineLost, NotAllowed, TransportError
from guardpost.transports import open_target
from guardpost.transports.descriptor import DescriptorStream
from guardpost.transports.target import parse_target

pytest.importorskip("pyghmi")

BMC_PATIENCE_SECONDS = 30

Story = Callable[[bmc.SimulatedBmc, ByteStream], Awaitable[None]]


async def opened(target: str, password: str = bmc.PASSWORD) -> ByteStream:
    async def ask() -> str:
        return password

    return await open_target(parse_target(target), ask)


@contextlib.asynccontextmanager
async def host_line() -> AsyncIterator[tuple[str, ByteStream]]:
    """The device for the BMC, and the host's end of it."""
    near, far = os.openpty()
    os.set_blocking(far, False)
    os.set_blocking(near, False)
    tty.setraw(far)
    host = DescriptorStream(near, near, "the host", release=lambda: os.close(near))
    try:
        yield os.ttyname(far), host
    finally:
        await host.close()
        os.close(far)


def with_a_bmc(story: Story) -> None:
    async def whole() -> None:
        async with asyncio.timeout(60), host_line() as (device, host):
            with bmc.simulated_bmc(device) as simulated:
                await story(simulated, host)

    asyncio.run(whole())


async def read_exactly(stream: ByteStream, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += await stream.read()
    return data


@pytest.mark.parametrize("option", ["", "?cipher=3"])
def test_every_byte_value_passes_both_ways(option: str) -> None:
    async def story(simulated: bmc.SimulatedBmc, host: ByteStream) -> None:
        line = await opened(simulated.target + option)
        values = bytes(range(256)) * 8
        await line.write(values)
        await line.write(b"end")
        assert await read_exactly(host, len(values) + 3) == values + b"end"
        await host.write(values[::-1])
        assert await read_exactly(line, len(values)) == values[::-1]
        await line.close()

    with_a_bmc(story)


def test_a_break_is_accepted_and_the_line_goes_on() -> None:
    """What the UART makes of it cannot be seen on a pty."""

    async def story(simulated: bmc.SimulatedBmc, host: ByteStream) -> None:
        line = await opened(simulated.target)
        assert isinstance(line, BreakingStream)
        assert await line.send_break()
        await line.write(b"after")
        assert (await read_exactly(host, 5))[-5:] == b"after"
        await line.close()

    with_a_bmc(story)


def test_what_was_written_before_a_close_arrives() -> None:
    async def story(simulated: bmc.SimulatedBmc, host: ByteStream) -> None:
        line = await opened(simulated.target)
        await line.write(bytes(1000) + b"the end")
        await line.close()
        assert (await read_exactly(host, 1007))[-7:] == b"the end"

    with_a_bmc(story)


def test_closing_wakes_a_reader_and_gives_the_line_back() -> None:
    async def story(simulated: bmc.SimulatedBmc, host: ByteStream) -> None:
        line = await opened(simulated.target)
        reading = asyncio.create_task(line.read())
        await asyncio.sleep(0)
        await line.close()
        await line.close()
        assert await reading == b""
        with pytest.raises(LineLost):
            await line.write(b"too late")
        again = await opened(simulated.target)
        await again.write(b"again")
        assert await read_exactly(host, 5) == b"again"
        await again.close()

    with_a_bmc(story)


def test_whoever_has_it_is_left_alone_unless_told_otherwise() -> None:
    async def story(simulated: bmc.SimulatedBmc, host: ByteStream) -> None:
        tool = await open_target(
            parse_target("exec:" + " ".join(simulated.ipmitool_argv("sol", "activate")))
        )
        reading = asyncio.create_task(tool.read())
        while not reading.done():  # until it is active nobody keeps what the host says
            await host.write(b"x")
            await asyncio.wait({reading}, timeout=0.1)
        assert set(reading.result()) == set(b"x")
        with pytest.raises(LineBusy, match="another console has Serial over LAN"):
            await opened(simulated.target)
        line = await opened(f"{simulated.target}?take-over=1")
        await line.write(b"ours")
        assert await read_exactly(host, 4) == b"ours"
        await line.close()
        await tool.close()

    with_a_bmc(story)


def test_a_line_that_is_ended_at_the_bmc_is_lost_also_when_nothing_is_sent() -> None:
    async def story(simulated: bmc.SimulatedBmc, host: ByteStream) -> None:
        line = await opened(simulated.target)
        await asyncio.to_thread(simulated.deactivate)
        with pytest.raises(LineLost, match="ended at the BMC"):
            await line.read()
        await line.close()

    with_a_bmc(story)


@pytest.mark.slow
def test_a_line_that_is_never_silent_outlives_the_patience_of_the_bmc() -> None:
    """ipmi_sim ends a session 30 s after the last command, whatever characters pass meanwhile."""

    async def story(simulated: bmc.SimulatedBmc, host: ByteStream) -> None:
        line = await opened(simulated.target)
        loop = asyncio.get_running_loop()
        until = loop.time() + BMC_PATIENCE_SECONDS + 4
        passed = 0
        while loop.time() < until:
            async with asyncio.timeout(5):
                await line.write(b"there")
                assert await read_exactly(host, 5) == b"there"
                await host.write(b"and back")
                assert await read_exactly(line, 8) == b"and back"
            passed += 1
        assert passed > BMC_PATIENCE_SECONDS, "there were silences"
        await line.close()

    with_a_bmc(story)


def test_what_we_left_behind_ourselves_is_taken_back() -> None:
    """As after a network that was away: the BMC still thinks that the old session has it."""

    async def story(simulated: bmc.SimulatedBmc, host: ByteStream) -> None:
        lost = await opened(simulated.target)
        line = await opened(simulated.target)
        await line.write(b"taken back")
        assert await read_exactly(host, 10) == b"taken back"
        await line.close()
        await lost.close()

    with_a_bmc(story)


def test_who_is_refused_hears_why() -> None:
    async def story(simulated: bmc.SimulatedBmc, host: ByteStream) -> None:
        with pytest.raises(NotAllowed, match="check user and password"):
            await opened(simulated.target, "wrong")
        with pytest.raises(NotAllowed, match="check user and password"):
            await opened(simulated.target.replace("admin@", "nobody@"))
        with pytest.raises(NotAllowed, match="check user and password"):
            await opened(simulated.target, "p\udce4")  # of a variable that is no UTF-8
        with pytest.raises(TransportError, match="no cipher suite 17"):
            await opened(f"{simulated.target}?cipher=17")

    with_a_bmc(story)


def test_where_nobody_answers_is_said() -> None:
    async def story() -> None:
        with pytest.raises(TransportError, match="no BMC answers"):
            await opened("ipmi:admin@127.0.0.1:9")

    asyncio.run(story())
