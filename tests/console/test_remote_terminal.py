"""A person at a program's terminal; the program is played by hand at the channel's other end."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from support.channels import MemoryChannel, channel_pair

from guardpost.console import remote_terminal
from guardpost.console.escape import ESCAPE, Wish
from guardpost.console.remote_terminal import RemoteTerminal, screen_size
from guardpost.errors import ChannelReset, RemoteProtocolError, ResetCode
from guardpost.services.program import (
    Exit,
    Leave,
    Resize,
    Stdin,
    StdinEof,
    Stdout,
    ToAgent,
    to_agent,
)
from guardpost.services.records import RecordReader, write_record


class Person:
    """A screen and keys."""

    def __init__(self) -> None:
        self.screen = b""
        self.keys: asyncio.Queue[bytes] = asyncio.Queue()

    async def read(self, limit: int) -> bytes:
        return await self.keys.get()

    async def write(self, data: bytes) -> None:
        self.screen += data

    async def write_eof(self) -> None:
        raise AssertionError

    async def sees(self, text: bytes) -> None:
        while text not in self.screen:
            await asyncio.sleep(0.001)


class Scene:
    def __init__(self, *, is_kept: bool, limit: int) -> None:
        self.person = Person()
        console, self.agent = channel_pair(limit)
        self.agent.accept()
        self.view = RemoteTerminal(
            console, self.person, escape=ESCAPE, status=self._status, is_kept=is_kept
        )
        self.view.resize(24, 80)
        self.running = asyncio.ensure_future(self.view.run())
        self._records = RecordReader(self.agent)

    async def _status(self) -> list[str]:
        return ["the line does well\x1b[2J"]

    def types(self, data: bytes) -> None:
        self.person.keys.put_nowait(data)

    async def shows(self, data: bytes) -> None:
        await write_record(self.agent, Stdout(data))

    async def hears(self) -> ToAgent:
        record = await self._records.read(to_agent)
        assert record is not None
        return record


def played(
    story: Callable[[Scene], Awaitable[None]], *, is_kept: bool = False, limit: int = 65536
) -> None:
    async def run() -> None:
        async with asyncio.timeout(10):
            scene = Scene(is_kept=is_kept, limit=limit)
            await story(scene)
            assert scene.running.done()

    asyncio.run(run())


async def reset_of(channel: MemoryChannel) -> ResetCode:
    with pytest.raises(ChannelReset) as caught:
        await channel.wait_reset()
    return caught.value.code


def test_keys_go_there_output_comes_back_and_the_end_is_the_program_s() -> None:
    async def story(scene: Scene) -> None:
        assert await scene.hears() == Resize(24, 80)
        scene.types(b"ls\r")
        assert await scene.hears() == Stdin(b"ls\r")
        await scene.shows("ä".encode()[:1])
        await scene.shows("ä".encode()[1:] + b" file\r\n")
        await write_record(scene.agent, Exit(3))
        await scene.agent.write_eof()
        assert await scene.running == Exit(3)
        assert scene.person.screen == "ä file\r\n".encode()

    played(story)


def test_the_end_of_the_input_goes_there_and_ends_nothing() -> None:
    async def story(scene: Scene) -> None:
        await scene.hears()
        scene.types(b"")
        assert await scene.hears() == StdinEof()
        await scene.shows(b"still here")
        await scene.person.sees(b"still here")
        await write_record(scene.agent, Exit(None, 15))
        assert await scene.running == Exit(None, 15)

    played(story)


def test_wishes_are_fulfilled_here_and_go_nowhere() -> None:
    async def story(scene: Scene) -> None:
        await scene.hears()
        await scene.shows(b"$ ")
        await scene.person.sees(b"$ ")
        scene.types(b"a\x1dsb\x1d\x1d")
        assert await scene.hears() == Stdin(b"a")
        assert await scene.hears() == Stdin(b"b\x1d")
        await scene.person.sees(b"$ \r\nguardpost: the line does well\\x1b[2J\r\n")
        scene.types(b"\x1dd")
        await scene.person.sees(b"guardpost: it is not kept")
        scene.types(b"\x1d.")
        assert await scene.hears() == Leave()
        await scene.agent.write_eof()
        assert await scene.running is None
        assert scene.view.left is Wish.DISCONNECT
        assert not scene.view.is_cut

    played(story)


@pytest.mark.parametrize(("key", "wish"), [(b"d", Wish.DETACH), (b".", Wish.DISCONNECT)])
def test_what_was_typed_before_leaving_arrives_before_it(key: bytes, wish: Wish) -> None:
    async def story(scene: Scene) -> None:
        scene.types(b"make" * 500 + b"\r\x1d" + key)
        heard = b""
        while not isinstance(record := await scene.hears(), Leave):
            heard += record.data if isinstance(record, Stdin) else b""
            await scene.shows(b"what waits here holds up no end")
        assert heard == b"make" * 500 + b"\r"
        assert not scene.running.done(), "the agent has to say that the program has it"
        await scene.agent.write_eof()
        assert await scene.running is None
        assert scene.view.left is wish
        assert not scene.view.is_cut

    played(story, is_kept=True, limit=100)


def test_a_program_that_ends_as_it_is_left_has_ended() -> None:
    async def story(scene: Scene) -> None:
        scene.types(b"exit 3\r\x1dd")
        while await scene.hears() != Leave():
            pass
        await write_record(scene.agent, Exit(3))
        await scene.agent.write_eof()
        assert await scene.running == Exit(3)

    played(story, is_kept=True)


def test_a_session_that_is_lost_as_it_is_left_has_lost_what_was_typed() -> None:
    async def story(scene: Scene) -> None:
        scene.types(b"ls\r\x1dd")
        while await scene.hears() != Leave():
            pass
        scene.agent.reset(ResetCode.LOST, "the session is over")
        assert await scene.running is None
        assert scene.view.is_cut

    played(story, is_kept=True)


def test_on_a_full_screen_a_line_of_ours_covers_the_last_row_until_it_is_drawn_again() -> None:
    async def story(scene: Scene) -> None:
        await scene.hears()
        await scene.shows(b"\x1b[?1049h\x1b[H text")
        await scene.person.sees(b"text")
        scene.view.tell("the line is away" + "!" * 80)
        await scene.person.sees(b"\x1b8")
        covered = scene.person.screen.partition(b" text")[2]
        assert covered.startswith(b"\x1b7\x1b[24;1H\x1b[0;7m\x1b[2Kguardpost: the line is away!!")
        assert covered.endswith(b"!\x1b[0m\x1b8")
        assert covered.count(b"!") == 80 - len("guardpost: the line is away")
        assert await scene.hears() == Resize(24, 80), "which has the program draw again"
        scene.types(b"\x1d?")
        await scene.person.sees(b"\x1b[20;1H")
        scene.types(b"x")
        assert await scene.hears() == Resize(24, 80)
        assert await scene.hears() == Stdin(b"x")
        scene.agent.reset(ResetCode.LOST, "the session is over")
        with pytest.raises(ChannelReset, match="the session is over"):
            await scene.running
        assert scene.person.screen.endswith(b"\x1b[?1049l\x0f\x1b[0m")

    played(story)


def test_the_escape_key_is_heeded_behind_keys_that_the_line_does_not_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(remote_terminal, "_LEAVING_SECONDS", 0.1)

    async def story(scene: Scene) -> None:
        for _ in range(50):
            scene.types(b"x" * 1000)
        scene.types(b"\x1d.")
        assert await scene.running is None
        assert scene.view.is_cut
        assert await reset_of(scene.agent) is ResetCode.CANCELLED

    played(story, limit=100)


def test_of_many_sizes_the_last_is_sent() -> None:
    async def story(scene: Scene) -> None:
        for columns in range(80, 200):
            scene.view.resize(24, columns)
        scene.types(b"k")
        heard = [await scene.hears()]
        while not isinstance(heard[-1], Stdin):
            heard.append(await scene.hears())
        assert heard[-2:] == [Resize(24, 199), Stdin(b"k")]
        assert len(heard) < 10
        await write_record(scene.agent, Exit(0))
        await scene.running

    played(story)


@pytest.mark.parametrize(
    "said", [b"\x04\0\0\0\xff\xff\xff\xff", b"\xff\xff\xff\xff", b"\1\0\0\0\x93"]
)
def test_an_agent_that_says_nonsense_is_left(said: bytes) -> None:
    async def story(scene: Scene) -> None:
        await scene.agent.write(said)
        with pytest.raises(RemoteProtocolError):
            await scene.running
        assert await reset_of(scene.agent) is ResetCode.CANCELLED

    played(story)


def test_what_is_no_terminal_has_no_size() -> None:
    assert screen_size(-1) is None
