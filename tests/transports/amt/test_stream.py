"""amt: lines against the firmware that amtterm has checked: what a person is told, what bytes meet.

Over a wire in memory under a virtual clock where time matters, over real TCP where a target is
opened as a user opens it. What holds for every line: tests/transports/test_conformance.py.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from support.amt_server import AmtServer
from support.memory_line import MemoryLine
from support.virtual_time import run_virtual, until

from guardpost.aio.stream import ByteStream, StatusStream
from guardpost.errors import (
    GuardpostError,
    LineBusy,
    LineLost,
    NoSuchTarget,
    NotAllowed,
    TransportError,
    UsageError,
)
from guardpost.transports import open_target, open_url
from guardpost.transports.amt.redirection import Redirection
from guardpost.transports.amt.stream import AmtStream
from guardpost.transports.target import parse_target


async def password() -> str:
    return "P@ssw0rd"


@contextlib.asynccontextmanager
async def firmware() -> AsyncIterator[tuple[AmtServer, ByteStream]]:
    """The server, and the host behind its UART."""
    uart = MemoryLine()
    server = AmtServer(await uart.open("a"))
    yield server, await uart.open("b")


@contextlib.asynccontextmanager
async def in_memory(
    prepare: Callable[[AmtServer], None] = lambda server: None,
) -> AsyncIterator[tuple[AmtStream, AmtServer, ByteStream]]:
    """A line that is open, its firmware, its host; no kernel in between, so time may be virtual."""
    async with firmware() as (server, host):
        prepare(server)
        wire = MemoryLine()
        near, far = await wire.open("a"), await wire.open("b")
        serving = asyncio.ensure_future(server.serve(far))
        now = asyncio.get_running_loop().time()
        session = Redirection(b"admin", b"P@ssw0rd", random_bytes=bytes, now=now)
        line = AmtStream(near, session, "amt:web01:16994", "admin")
        try:
            await line.opened()
            yield line, server, host
        finally:
            await line.close()
            await serving


def refusal(
    prepare: Callable[[AmtServer], None], options: str = "", user: str = ""
) -> GuardpostError:
    """What opening a target over TCP raises when the firmware was prepared so."""

    async def story() -> GuardpostError:
        async with firmware() as (server, _):
            prepare(server)
            async with server.listening() as port:
                target = parse_target(f"amt:{user}127.0.0.1:{port}{options}")
                with pytest.raises(GuardpostError) as raised:
                    await open_target(target, password)
                assert "P@ssw0rd" not in str(raised.value)
                assert str(raised.value).startswith(str(target))
                return raised.value

    return asyncio.run(story())


# -- what a person is told


def test_a_wrong_password_names_the_user() -> None:
    def prepare(server: AmtServer) -> None:
        server.password = b"another"

    error = refusal(prepare)
    assert type(error) is NotAllowed
    assert "refuses user 'admin'" in str(error)
    assert "user 'ops'" in str(refusal(lambda server: None, user="ops@"))


def test_busy_and_switched_off_have_words_of_their_own() -> None:
    def busy(server: AmtServer) -> None:
        server.start_status = 2

    def off(server: AmtServer) -> None:
        server.start_status = 3

    assert type(refusal(busy)) is LineBusy
    assert "another console" in str(refusal(busy))
    assert type(refusal(off)) is TransportError
    assert "switched off" in str(refusal(off))


def test_a_session_that_is_taken_is_busy_until_its_console_lets_go() -> None:
    async def story() -> None:
        async with firmware() as (server, _), server.listening() as port:
            target = parse_target(f"amt:127.0.0.1:{port}")
            first = await open_target(target, password)
            with pytest.raises(LineBusy):
                await open_target(target, password)
            await first.close()
            second = await open_target(target, password)
            await second.close()
            assert server.sessions == 2

    asyncio.run(story())


def test_let_in_and_not_started() -> None:
    def prepare(server: AmtServer) -> None:
        server.sol_status = 1

    assert "consent" in str(refusal(prepare))


def test_firmware_of_one_login_is_asked_in_that_way_or_not_at_all() -> None:
    def plain_only(server: AmtServer) -> None:
        server.logins = [1]

    assert "?auth=plain" in str(refusal(plain_only))
    assert "leave ?auth=plain out" in str(refusal(lambda server: None, "?auth=plain"))


def test_what_is_no_amt_is_called_so() -> None:
    async def story(answer: bytes) -> str:
        def came(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(answer)

        server = await asyncio.start_server(came, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(TransportError) as raised:
                await open_target(parse_target(f"amt:127.0.0.1:{port}"), password)
            return str(raised.value)

    assert "is not AMT's redirection" in asyncio.run(story(b"SSH-2.0-OpenSSH_9.2\r\n"))


def test_a_port_without_a_listener_says_what_to_switch_on() -> None:
    async def story() -> None:
        async with firmware() as (server, _):
            async with server.listening() as port:
                pass
            with pytest.raises(NoSuchTarget, match="redirection listener"):
                await open_target(parse_target(f"amt:127.0.0.1:{port}"), password)

    asyncio.run(story())


def test_firmware_that_never_answers_is_given_up() -> None:
    async def story() -> None:
        wire = MemoryLine()
        near, _ = await wire.open("a"), await wire.open("b")
        loop = asyncio.get_running_loop()
        began = loop.time()
        session = Redirection(b"admin", b"pw", random_bytes=bytes, now=began)
        line = AmtStream(near, session, "amt:web01:16994", "admin")
        with pytest.raises(TransportError, match="does not answer"):
            await line.opened()
        assert loop.time() - began < 15
        await line.close()

    run_virtual(story())


def test_a_password_that_no_message_holds() -> None:
    async def long() -> str:
        return "x" * 256

    with pytest.raises(UsageError, match="255 bytes"):
        asyncio.run(_opened("amt:127.0.0.1:1", long))


def test_the_agent_has_no_password_to_give() -> None:
    with pytest.raises(UsageError, match="for the console"):
        asyncio.run(_nothing(open_url("amt:web01")))


async def _nothing(opening: Awaitable[ByteStream]) -> None:
    await opening


async def _opened(target: str, password: Callable[[], Awaitable[str]]) -> None:
    await open_target(parse_target(target), password)


def test_the_options_reach_the_firmware() -> None:
    async def story() -> None:
        async with firmware() as (server, _), server.listening() as port:
            server.user, server.logins = b"ops", [1]
            address = f"amt:ops@127.0.0.1:{port}?auth=plain&gather=20"
            line = await open_target(parse_target(address), password)
            await line.close()
            assert server.settings is not None
            assert server.settings.tx_timeout == 20

    asyncio.run(story())


def test_older_firmware_s_digest() -> None:
    async def story() -> None:
        async with firmware() as (server, _), server.listening() as port:
            server.logins = [1, 3]
            line = await open_target(parse_target(f"amt:127.0.0.1:{port}"), password)
            await line.close()

    asyncio.run(story())


# -- the life of a session


def test_an_idle_line_lives_for_an_hour() -> None:
    """The firmware hangs up on a console that says nothing for 10 s."""

    async def story() -> None:
        async with in_memory() as (line, server, host):
            reading = asyncio.ensure_future(line.read())
            await asyncio.sleep(3600)
            gaps = [b - a for a, b in zip(server.beats, server.beats[1:], strict=False)]
            assert max(gaps) < 10
            await host.write(b"still here")
            assert await reading == b"still here"

    run_virtual(story())


def test_a_heartbeat_that_stops_is_a_lost_line() -> None:
    async def story() -> None:
        async with in_memory() as (line, server, _):
            reading = asyncio.ensure_future(line.read())
            await asyncio.sleep(12)
            server.heartbeats = False
            began = asyncio.get_running_loop().time()
            with pytest.raises(LineLost, match="heartbeat"):
                await reading
            assert 10 < asyncio.get_running_loop().time() - began <= 20

    run_virtual(story())


def test_firmware_without_heartbeats_may_be_quiet_for_as_long_as_it_likes() -> None:
    def mute(server: AmtServer) -> None:
        server.heartbeats = False

    async def story() -> None:
        async with in_memory(mute) as (line, _, host):
            reading = asyncio.ensure_future(line.read())
            await asyncio.sleep(600)
            await host.write(b"login: ")
            assert await reading == b"login: "

    run_virtual(story())


def test_a_reader_that_paused_has_not_heard_silence() -> None:
    async def story() -> None:
        async with in_memory() as (line, _, host):
            await asyncio.sleep(6)  # the first heartbeat is there
            writing = asyncio.ensure_future(host.write(bytes(200_000)))
            await asyncio.sleep(120)  # nobody reads the line
            seen = 0
            while seen < 200_000:
                seen += len(await line.read())
            await writing

    run_virtual(story())


def test_a_session_that_the_network_lost_is_lost_and_can_be_opened_again() -> None:
    async def story() -> None:
        async with firmware() as (server, host), server.listening() as port:
            target = parse_target(f"amt:127.0.0.1:{port}")
            line = await open_target(target, password)
            server.drop()
            with pytest.raises(LineLost, match="hung up"):
                await line.read()
            with pytest.raises(LineLost):
                await line.write(b"nobody there")
            await line.close()
            again = await open_target(target, password)
            await again.write(b"back")
            assert await host.read() == b"back"
            await again.close()

    asyncio.run(story())


def test_closing_ends_the_session_in_the_protocol_s_words() -> None:
    async def story() -> None:
        async with in_memory() as (line, server, _):
            await line.close()
            assert [each[0] for each in server.said[-2:]] == [0x22, 0x12]

    run_virtual(story())


def test_a_cancelled_write_cuts_no_message() -> None:
    async def story() -> None:
        async with in_memory() as (line, _, host):
            for number in range(50):
                writing = asyncio.ensure_future(line.write(bytes([number]) * 1500))
                await asyncio.sleep(0)
                writing.cancel()
                await asyncio.wait([writing])
            seen = b""
            while len(seen) < 50 * 1500:
                seen += await host.read()
            assert seen == b"".join(bytes([number]) * 1500 for number in range(50))

    run_virtual(story())


# -- the limits of the firmware


def test_a_host_that_says_more_than_the_firmware_holds_loses_nothing() -> None:
    async def story() -> None:
        async with in_memory() as (line, server, host):
            much = bytes(range(256)) * 400
            writing = asyncio.ensure_future(host.write(much))
            seen = b""
            while len(seen) < len(much):
                seen += await line.read()
            await writing
            assert seen == much
            assert server.settings is not None
            assert server.settings.max_tx == 10_000
            assert server.settings.tx_overflow == 0

    run_virtual(story())


def test_what_no_host_reads_is_flushed_and_the_session_lives() -> None:
    """With a flush timeout of 0, as other consoles ask for, the firmware would hang up here."""

    async def story() -> None:
        uart = MemoryLine()
        uart.stuck = "a"
        server, host = AmtServer(await uart.open("a")), await uart.open("b")
        async with server.listening() as port:
            line = await open_target(parse_target(f"amt:127.0.0.1:{port}"), password)
            assert isinstance(line, AmtStream)
            await line.write(bytes(100_000))
            async with asyncio.timeout(20):
                while not (server.flushed_bytes and "input dropped" in line.status()):
                    await asyncio.sleep(0.01)
            uart.unstick()
            await line.write(b"the agent is here")
            seen = b""
            async with asyncio.timeout(20):
                while not seen.endswith(b"the agent is here"):
                    seen += await host.read()
            assert len(seen) < 100_000
            await line.close()

    asyncio.run(story())


def test_the_status_tells_whether_the_host_is_on() -> None:
    async def story() -> None:
        async with in_memory() as (line, _, _):
            assert isinstance(line, StatusStream)
            await until(lambda: line.status() != "AMT: nothing said of the host yet")
            assert line.status() == "AMT: the host on, its port's DTR on, RTS on"

    run_virtual(story())
