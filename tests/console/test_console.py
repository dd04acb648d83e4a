"""A Console and an agent's connection on a line in memory, under a virtual clock."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from support.memory_line import MemoryLine
from support.pair import AGENT_KEY, CONSOLE_KEY, make_agent
from support.virtual_time import run_virtual, until

from guardpost.aio.driver import Driver
from guardpost.aio.session_channel import SessionChannel
from guardpost.aio.stream import ByteStream
from guardpost.console.breakmark import note_break
from guardpost.console.console import Console
from guardpost.console.line import Line
from guardpost.errors import (
    AgentSilent,
    ChannelReset,
    GoAwayCode,
    LineBusy,
    LineLost,
    NotAllowed,
    ResetCode,
    UnknownAgent,
)
from guardpost.identity import Identity
from guardpost.protocol import events


class FarAgent:
    """The agent's end of a line: it allows every console and echoes what a channel brings."""

    def __init__(self, line: MemoryLine, refuse: GoAwayCode | None = None) -> None:
        self.line = line
        self.connection = make_agent()
        self.ended: list[events.SessionEnded] = []
        self._refuse = refuse
        self._driver = Driver(self.connection, self._on_event, self._on_channel)
        self._serving: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        with contextlib.suppress(LineLost):
            await self._driver.run(await self.line.open("b"))

    def _on_event(self, event: events.Event) -> None:
        now = self._driver.now()
        if isinstance(event, events.ConsoleKeyOffered):
            if self._refuse is None:
                self.connection.allow(now)
            else:
                self.connection.refuse(self._refuse, "", now)
            self._driver.wake()
        elif isinstance(event, events.SessionEnded):
            self.ended.append(event)

    def _on_channel(self, channel: SessionChannel, service: str, request: bytes) -> None:
        task = asyncio.ensure_future(self._echo(channel, request))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _echo(self, channel: SessionChannel, request: bytes) -> None:
        with contextlib.suppress(ChannelReset):
            channel.accept(request[::-1])
            while data := await channel.read():
                await channel.write(data)
            await channel.close()

    def shut_down(self) -> None:
        self.connection.close(GoAwayCode.SHUTTING_DOWN, "reboot", self._driver.now())
        self._driver.wake()

    def says(self, text: bytes) -> None:
        self.connection.send_text(text)
        self._driver.wake()


async def anybody(key: bytes, ephemeral: bool) -> None:
    assert key == Identity(AGENT_KEY).public
    assert not ephemeral


class Story:
    def __init__(self) -> None:
        self.line = MemoryLine()
        self.agent = FarAgent(self.line)
        self.told: list[str] = []
        self.text = b""

    def console(
        self,
        judge: Callable[[bytes, bool], Awaitable[None]] = anybody,
        profile: str | None = None,
    ) -> Console:
        async def open_line() -> ByteStream:
            return await self.line.open("a")

        def heard(data: bytes) -> None:
            self.text += data

        return Console(
            Line("memory", "memory", open_line, profile),
            Identity(CONSOLE_KEY),
            judge,
            operator="ann",
            tell=self.told.append,
            text=heard,
        )

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[Console]:
        running = asyncio.ensure_future(self.agent.run())
        console = self.console()
        await console.connect(30)
        try:
            yield console
        finally:
            await console.close()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def failure(story: Story, console: Console, seconds: float = 30) -> Exception:
    running = asyncio.ensure_future(story.agent.run())
    with pytest.raises(Exception) as caught:
        await console.connect(seconds)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return caught.value


def test_a_session_carries_channels_and_ends_with_a_goodbye() -> None:
    async def story() -> None:
        told = Story()
        async with told.connected() as console:
            channel = await console.open("test", b"abc")
            assert channel.reply == b"cba"
            await channel.write(b"hello")
            assert await channel.read() == b"hello"
            await channel.close()
            figures = await console.figures()
            assert figures is not None
            assert (figures.profile_to_agent, figures.state) == ("clean", "live")
            assert console.agent_key == Identity(AGENT_KEY).public
        assert [each.code for each in told.agent.ended] == [GoAwayCode.DONE]

    run_virtual(story())


def test_a_profile_can_be_pinned() -> None:
    async def story() -> None:
        told = Story()
        running = asyncio.ensure_future(told.agent.run())
        console = told.console(profile="printable")
        await console.connect(30)
        figures = await console.figures()
        assert figures is not None
        assert figures.profile_to_console == "printable"
        await console.close()
        running.cancel()

    run_virtual(story())


def test_channels_outlive_a_line_that_vanishes() -> None:
    async def story() -> None:
        told = Story()
        async with told.connected() as console:
            channel = await console.open("test", b"")
            told.line.unplug()
            await asyncio.sleep(3)
            told.line.plug()
            again = asyncio.ensure_future(told.agent.run())
            await channel.write(b"still here")
            assert await channel.read() == b"still here"
            again.cancel()
        assert "the line is back" in told.told

    run_virtual(story())


def test_the_agent_s_goodbye_loses_channels_and_says_why() -> None:
    async def story() -> None:
        told = Story()
        async with told.connected() as console:
            channel = await console.open("test", b"")
            told.agent.shut_down()
            with pytest.raises(ChannelReset) as caught:
                await channel.read()
            assert caught.value.code is ResetCode.LOST
            error = await console.ended
            assert isinstance(error, LineLost)
            assert "shuts down" in str(error)
            with pytest.raises(LineLost):
                await console.open("test", b"")

    run_virtual(story())


def test_text_in_a_session_is_handed_on() -> None:
    async def story() -> None:
        told = Story()
        async with told.connected():
            told.agent.says(b"\r\nkernel: all is well\r\n")
            await until(lambda: b"all is well" in told.text)

    run_virtual(story())


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        (GoAwayCode.NOT_ALLOWED, NotAllowed, Identity(CONSOLE_KEY).public_key),
        (GoAwayCode.BUSY, LineBusy, "another console"),
    ],
)
def test_a_refusal_says_what_to_do(code: GoAwayCode, kind: type[Exception], text: str) -> None:
    async def story() -> None:
        told = Story()
        told.agent = FarAgent(told.line, code)
        error = await failure(told, told.console())
        assert isinstance(error, kind)
        assert text in str(error)

    run_virtual(story())


def test_an_agent_that_is_not_trusted_learns_nothing_of_us() -> None:
    async def nobody(key: bytes, ephemeral: bool) -> None:
        raise UnknownAgent("who is that")

    async def story() -> None:
        told = Story()
        assert isinstance(await failure(told, told.console(nobody)), UnknownAgent)
        assert told.agent.connection.association is None

    run_virtual(story())


def test_a_person_may_think_longer_than_a_handshake_lasts() -> None:
    asked = []

    async def slow(key: bytes, ephemeral: bool) -> None:
        asked.append(key)
        await asyncio.sleep(60)

    async def story() -> None:
        told = Story()
        running = asyncio.ensure_future(told.agent.run())
        console = told.console(slow)
        await console.connect(30)
        assert len(asked) == 1
        await console.close()
        running.cancel()

    run_virtual(story())


def test_silence_is_told_from_a_login_prompt() -> None:
    async def story() -> None:
        told = Story()
        with pytest.raises(AgentSilent, match="nothing was heard at all"):
            await told.console().connect(30)
        far = await told.line.open("b")
        connecting = asyncio.ensure_future(told.console().connect(30))
        await until(lambda: told.line.is_open("a"))
        await asyncio.sleep(0.1)
        await far.write(b"Debian GNU/Linux 12 web01 ttyS0\r\n\r\nweb01 login: ")
        with pytest.raises(AgentSilent, match="getty has the port"):
            await connecting

    run_virtual(story())


def test_the_connect_timeout_is_for_all_of_it() -> None:
    async def story() -> None:
        with pytest.raises(AgentSilent, match="no session within 1 s"):
            await Story().console().connect(1)

    run_virtual(story())


def test_a_line_that_ends_before_a_session_is_lost() -> None:
    async def story() -> None:
        told = Story()
        connecting = asyncio.ensure_future(told.console().connect(30))
        await until(lambda: told.line.is_open("a"))
        told.line.unplug()
        with pytest.raises(LineLost, match="nobody had answered"):
            await connecting

    run_virtual(story())


def test_no_hello_goes_out_within_six_seconds_of_a_break(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))

    async def story() -> float:
        told = Story()
        clock = asyncio.get_running_loop().time
        began = clock()
        async with told.connected():
            return clock() - began

    assert run_virtual(story()) < 3
    note_break("memory")
    assert 5 < run_virtual(story()) < 9
