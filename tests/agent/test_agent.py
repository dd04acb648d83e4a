"""An agent on a line in memory, with a real console on the other side, under a virtual clock."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from support.memory_line import MemoryLine
from support.pair import CONSOLE_KEY, OTHER_KEY, make_console
from support.virtual_time import run_virtual, until

from guardpost.agent.accounts import Accounts
from guardpost.agent.agent import Agent
from guardpost.agent.authorized import AuthorizedConsoles
from guardpost.agent.introduction import NOT_READY
from guardpost.aio.channel import Channel
from guardpost.aio.driver import Driver
from guardpost.aio.stream import ByteStream
from guardpost.errors import ChannelReset, GoAwayCode, KeyFileError, ResetCode
from guardpost.identity import Identity, ephemeral, fingerprint
from guardpost.protocol import events
from guardpost.protocol.framing import Profile
from guardpost.protocol.hello import Hello
from guardpost.services import Asker, Service
from guardpost.services.action import Action
from guardpost.services.introductions import operator

AGENT_IDENTITY = ephemeral(lambda count: b"a" * count)
CONSOLE, OTHER = Identity(CONSOLE_KEY), Identity(OTHER_KEY)


class Services:
    """What the services of a story saw."""

    def __init__(self) -> None:
        self.asked: list[Asker] = []
        self.cancelled = 0

    async def echo(self, channel: Channel, request: bytes, asker: Asker) -> None:
        self.asked.append(asker)
        channel.accept(request[::-1])
        while data := await channel.read():
            await channel.write(data)

    async def crash(self, channel: Channel, request: bytes, asker: Asker) -> None:
        raise ValueError("a defect\nof a service \x1b[2J")

    async def hang(self, channel: Channel, request: bytes, asker: Asker) -> None:
        channel.accept()
        try:
            await asyncio.sleep(1e6)
        except asyncio.CancelledError:
            await asyncio.sleep(2)  # a program that wants to be killed
            self.cancelled += 1
            raise

    async def tidy(self, channel: Channel, request: bytes, asker: Asker) -> None:
        channel.accept()
        await channel.read()
        await channel.close()
        try:
            await asyncio.sleep(1e6)
        except asyncio.CancelledError:
            channel.reset(ResetCode.CANCELLED)
            self.cancelled += 1
            raise

    def registry(self) -> dict[str, Callable[[], Service]]:
        def of(
            serve: Callable[[Channel, bytes, Asker], Awaitable[None]], action: Action
        ) -> Callable[[], Service]:
            return lambda: Service(serve, lambda request: action)

        return {
            "echo": of(self.echo, Action("monitor")),
            "crash": of(self.crash, Action("monitor")),
            "hang": of(self.hang, Action("monitor")),
            "tidy": of(self.tidy, Action("monitor")),
            "program": of(self.echo, Action("exec")),
            "web": of(self.echo, Action("forward", "127.0.0.1", 80)),
            "ssh": of(self.echo, Action("forward", "127.0.0.1", 22)),
            "odd": lambda: Service(self.echo, lambda request: Action("monitor", str(1 // 0))),
        }


class Console:
    """A person's console: connection and driver, and what they told."""

    def __init__(
        self,
        line: MemoryLine,
        key: bytes = CONSOLE_KEY,
        seed: int = 1,
        psk: bytes | None = None,
    ) -> None:
        self.connection = make_console(seed, key, psk)
        self.connection._message_3_payload = operator("ann\x1b[2J")
        self.driver = Driver(self.connection, self._on_event)
        self.events: list[events.Event] = []
        self.text = b""
        self.end: ByteStream | None = None
        self._line = line
        self._task: asyncio.Task[None] | None = None

    def _on_event(self, event: events.Event) -> None:
        self.events.append(event)
        if isinstance(event, events.AgentKeyOffered):
            self.connection.accept_agent(self.driver.now())
            self.driver.wake()
        elif isinstance(event, events.Text):
            self.text += event.data

    def saw(self, kind: type[events.Event]) -> bool:
        return any(isinstance(event, kind) for event in self.events)

    @property
    def goodbye(self) -> events.SessionEnded | None:
        ended = [event for event in self.events if isinstance(event, events.SessionEnded)]
        return ended[-1] if ended else None

    async def plug_in(self) -> None:
        self.end = await self._line.open("a")
        self._task = asyncio.ensure_future(self.driver.run(self.end))

    async def connect(self) -> None:
        """Until there is a session, or there will be none."""
        await self.plug_in()
        self.connection.begin(self.driver.now(), (Profile.CLEAN,))
        self.driver.wake()
        decided = (events.SessionEstablished, events.SessionEnded, events.HandshakeFailed)
        await until(lambda: any(self.saw(kind) for kind in decided))

    async def leave(self) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self.driver.stop()

    async def open(self, service: str) -> Channel:
        return await self.driver.open(service, b"request")


class Stage:
    """An agent that runs, its line, its files."""

    def __init__(
        self,
        folder: Path,
        psk: bytes | None = None,
        identity: Identity | None = AGENT_IDENTITY,
    ) -> None:
        self.line = MemoryLine()
        self.services = Services()
        self.keys = folder / "keys"
        self.allow("", CONSOLE)
        self.agent = Agent(
            identity=identity,
            authorized=AuthorizedConsoles([str(self.keys)]),
            accounts=Accounts(folder / "accounts"),
            version="9.9",
            services=self.services.registry(),
            psk=psk,
        )

    def allow(self, permit: str, *who: Identity) -> None:
        option = f'permit="{permit}" ' if permit else ""
        self.keys.write_text("".join(f"{option}{each.public_key}\n" for each in who))

    async def person(self, typed: bytes) -> bytes:
        """What a bare terminal shows after `typed`; nobody else is on the line then."""
        end = await self.line.open("a")
        await end.write(typed)
        shown = b""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                while True:
                    shown += await end.read()
        return shown


@contextlib.asynccontextmanager
async def stage(folder: Path, psk: bytes | None = None) -> AsyncIterator[Stage]:
    made = Stage(folder, psk)
    running = asyncio.ensure_future(made.agent.run(made.line.open_b))
    await until(lambda: made.line.is_open("b"))
    try:
        yield made
    finally:
        made.agent.stop()
        await running


@contextlib.asynccontextmanager
async def session(folder: Path) -> AsyncIterator[tuple[Stage, Console]]:
    async with stage(folder) as made:
        console = Console(made.line)
        await console.connect()
        try:
            yield made, console
        finally:
            await console.leave()


async def refusal(console: Console, service: str) -> ChannelReset:
    with pytest.raises(ChannelReset) as refused:
        await console.open(service)
    return refused.value


def test_a_service_runs_for_an_allowed_console(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def story() -> None:
        async with session(tmp_path) as (made, console):
            channel = await console.open("echo")
            assert channel.reply == b"tseuqer"
            await channel.write(b"secret words")
            assert await channel.read() == b"secret words"
            await channel.write_eof()
            assert await channel.read() == b""
            (asker,) = made.services.asked
            assert (asker.user, asker.agent_version) == ("ann\\x1b[2J", "9.9")
            assert (asker.action, asker.verdict.allowed) == (Action("monitor"), True)

    run_virtual(story())
    assert (
        f'outcome=begin session=1 key={fingerprint(CONSOLE.public)} name="ann\\\\x1b' in caplog.text
    )
    ended = [each for each in caplog.messages if "event=channel outcome=end" in each]
    assert len(ended) == 1
    assert "service=echo action=monitor seconds=0.0" in ended[0]
    assert ended[0].endswith("sent=12 received=12")
    assert "secret" not in caplog.text
    assert "\x1b" not in caplog.text


def test_each_channel_is_judged_by_the_permits_of_the_key(tmp_path: Path) -> None:
    async def story() -> None:
        async with session(tmp_path) as (made, console):
            made.allow("monitor,forward=127.0.0.1:80", CONSOLE)
            assert await console.open("echo")
            assert await console.open("web")
            assert (await refusal(console, "ssh")).code is ResetCode.NOT_ALLOWED
            exec_refusal = await refusal(console, "program")
            assert str(exec_refusal) == "not-allowed: exec is not permitted"
            assert (await refusal(console, "nothing")).code is ResetCode.UNSUPPORTED

    run_virtual(story())


def test_a_key_that_is_taken_out_opens_no_more_channels(tmp_path: Path) -> None:
    async def story() -> None:
        async with session(tmp_path) as (made, console):
            channel = await console.open("echo")
            made.allow("", OTHER)
            assert (await refusal(console, "echo")).code is ResetCode.NOT_ALLOWED
            await channel.write(b"still here")
            assert await channel.read() == b"still here"

    run_virtual(story())


def test_a_key_nobody_allowed_learns_only_that(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        async with stage(tmp_path) as made:
            console = Console(made.line, OTHER_KEY)
            await console.connect()
            assert console.goodbye is not None
            assert console.goodbye.code is GoAwayCode.NOT_ALLOWED
            assert not console.saw(events.SessionEstablished)
            await console.leave()

    run_virtual(story())
    assert f"event=session outcome=refused key={fingerprint(OTHER.public)}" in caplog.text


def test_another_console_finds_the_line_busy_and_the_session_lives_on(tmp_path: Path) -> None:
    async def story() -> None:
        async with session(tmp_path) as (made, console):
            made.allow("", CONSOLE, OTHER)
            channel = await console.open("echo")
            await console.leave()  # the cable now goes to somebody else
            other = Console(made.line, OTHER_KEY, seed=3)
            await other.connect()
            assert other.goodbye is not None
            assert other.goodbye.code is GoAwayCode.BUSY
            await other.leave()
            assert channel is not None
            await console.plug_in()

    run_virtual(story())


def test_a_new_session_of_the_same_key_ends_what_the_old_one_ran(tmp_path: Path) -> None:
    async def story() -> None:
        async with stage(tmp_path) as made:
            old = Console(made.line)
            await old.connect()
            await old.open("hang")
            await old.leave()
            new = Console(made.line, seed=5)
            await new.connect()
            assert new.saw(events.SessionEstablished)
            await until(lambda: made.services.cancelled)
            assert await new.open("echo")
            await new.leave()

    run_virtual(story())


def test_a_service_that_crashes_ends_its_channel_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        async with session(tmp_path) as (_, console):
            assert str(await refusal(console, "crash")) == "failed: ValueError: a defect"
            assert (await refusal(console, "odd")).code is ResetCode.FAILED
            assert await console.open("echo")

    run_virtual(story())
    assert "service crash failed: ValueError: a defect" in caplog.text
    assert "\x1b" not in caplog.text


def test_a_session_may_end_between_the_end_of_a_channel_and_that_of_its_service(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        async with session(tmp_path) as (made, console):
            channel = await console.open("tidy")
            await channel.close()
            await asyncio.sleep(1)
            console.connection.close(GoAwayCode.DONE, "", console.driver.now())
            console.driver.wake()
            await until(lambda: made.services.cancelled)

    run_virtual(story())
    assert "failed" not in caplog.text


def test_the_same_port_answers_a_person_before_and_after_a_session(tmp_path: Path) -> None:
    async def story() -> None:
        async with stage(tmp_path) as made:
            assert b"guardpost> " in await made.person(b"\r")
            console = Console(made.line)
            await console.connect()
            channel = await console.open("echo")
            await channel.write(b"x")
            assert await channel.read() == b"x"
            console.connection.close(GoAwayCode.DONE, "", console.driver.now())
            console.driver.wake()
            await asyncio.sleep(2.5)
            await console.leave()
            assert b"locked" not in await made.person(b"\r")  # nobody was logged in
            assert b"version" in await made.person(b"help\r")

    run_virtual(story())


def test_a_person_is_answered_between_the_frames_of_a_session(tmp_path: Path) -> None:
    async def story() -> None:
        async with session(tmp_path) as (_, console):
            channel = await console.open("echo")
            await asyncio.sleep(1)
            assert console.end is not None
            await console.end.write(b"\r")
            await asyncio.sleep(1)
            assert b"guardpost> " not in console.text, "deaf for 2 s after a frame"
            while b"guardpost> " not in console.text:
                await asyncio.sleep(0.5)
                await console.end.write(b"\r")
            await channel.write(b"still here")
            assert await channel.read() == b"still here"

    run_virtual(story())


@pytest.mark.parametrize("theirs", [b"p" * 32, b"q" * 32, None])
def test_both_ends_need_the_same_psk(tmp_path: Path, theirs: bytes | None) -> None:
    async def story() -> None:
        async with stage(tmp_path, psk=b"p" * 32) as made:
            console = Console(made.line, psk=theirs)
            await console.connect()
            assert console.saw(events.SessionEstablished) == (theirs == b"p" * 32)
            await console.leave()

    run_virtual(story())


def test_a_session_outlives_the_port(tmp_path: Path) -> None:
    async def story() -> None:
        async with session(tmp_path) as (made, console):
            channel = await console.open("echo")
            made.line.unplug()
            await asyncio.sleep(60)
            made.line.plug()
            await console.plug_in()
            before = console.driver.now()
            await channel.write(b"after a minute")
            assert await channel.read() == b"after a minute"
            assert console.driver.now() - before < 3
            assert b"guardpost: agent here, session suspended" in console.text

    run_virtual(story())


def test_a_port_that_comes_back_without_a_session_says_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        async with stage(tmp_path) as made:
            await asyncio.sleep(1)
            made.line.unplug()
            await asyncio.sleep(5)
            made.line.plug()
            assert await made.person(b"") == b""
            await asyncio.sleep(3)
            assert b"guardpost> " in await made.person(b"\r")

    run_virtual(story())


def test_a_suspended_session_ends_after_its_grace_with_what_it_runs(tmp_path: Path) -> None:
    async def story() -> None:
        async with session(tmp_path) as (made, console):
            await console.open("hang")
            made.line.unplug()
            await asyncio.sleep(290)
            assert made.services.cancelled == 0, "too early"
            await until(lambda: made.services.cancelled, 15)

    run_virtual(story())


def test_an_agent_that_is_stopped_says_goodbye_and_waits_for_its_programs(tmp_path: Path) -> None:
    async def story() -> None:
        made = Stage(tmp_path)
        running = asyncio.ensure_future(made.agent.run(made.line.open_b))
        console = Console(made.line)
        await console.connect()
        await console.open("hang")
        made.agent.stop("the host goes down")
        await running
        await until(lambda: console.goodbye)
        assert console.goodbye is not None
        assert console.goodbye.code is GoAwayCode.SHUTTING_DOWN
        assert console.goodbye.text == "the host goes down"
        assert made.services.cancelled == 1
        await console.leave()

    run_virtual(story())


def test_a_line_that_takes_nothing_stops_neither_the_prompt_nor_the_end(tmp_path: Path) -> None:
    async def story() -> None:
        async with stage(tmp_path) as made:
            end = await made.line.open("a")
            made.line.stuck = "b"
            for _ in range(50):
                await end.write(b"help\r")
                await asyncio.sleep(11)  # or it would be too much of this
            made.line.unstick()
            assert b"guardpost> " in await made.person(b"\r")
            made.line.stuck = "b"

    run_virtual(story())


def test_noise_runs_no_command(tmp_path: Path) -> None:
    async def story() -> None:
        async with stage(tmp_path) as made:
            await made.person(b"\r")
            assert await made.person(b"\xfe\x00help\r") == b""
            await asyncio.sleep(2)
            assert b"version" in await made.person(b"\rhelp\r")

    run_virtual(story())


def test_whoever_stops_an_agent_need_not_wait_for_its_line_to_open(tmp_path: Path) -> None:
    async def story() -> None:
        agent = Stage(tmp_path).agent
        given_up = asyncio.Event()

        async def open_line() -> ByteStream:
            try:
                await asyncio.sleep(100)
            finally:
                given_up.set()
            raise AssertionError

        asyncio.get_running_loop().call_later(1, agent.stop)
        assert await agent.open(open_line) is None
        assert given_up.is_set()

    run_virtual(story())


# --- an agent whose host has no random bytes yet ---


def test_until_it_has_a_key_hellos_go_unanswered_and_the_prompt_says_why(tmp_path: Path) -> None:
    async def story() -> None:
        made = Stage(tmp_path, identity=None)
        ready = asyncio.Event()

        async def identity() -> Identity:
            await ready.wait()
            return AGENT_IDENTITY

        running = asyncio.ensure_future(made.agent.run(made.line.open_b, identity=identity))
        await until(lambda: made.line.is_open("b"))
        hello = Hello(False, 4711, Profile.CLEAN, Profile.CLEAN).encode()
        assert await made.person(hello) == b""
        assert NOT_READY.encode() in await made.person(b"\r")
        console = Console(made.line)
        await console.plug_in()
        console.connection.begin(console.driver.now(), (Profile.CLEAN,))
        console.driver.wake()
        await asyncio.sleep(1)
        assert not console.saw(events.AgentKeyOffered)
        ready.set()  # the next hello finds it
        await until(lambda: console.saw(events.SessionEstablished))
        (offered,) = [each for each in console.events if isinstance(each, events.AgentKeyOffered)]
        assert offered.key == AGENT_IDENTITY.public
        await console.leave()
        made.agent.stop()
        await running

    run_virtual(story())


def test_an_agent_can_be_stopped_while_it_waits_for_a_key(tmp_path: Path) -> None:
    async def story() -> None:
        made = Stage(tmp_path, identity=None)

        async def identity() -> Identity:
            await asyncio.Event().wait()
            raise AssertionError

        running = asyncio.ensure_future(made.agent.run(made.line.open_b, identity=identity))
        await until(lambda: made.line.is_open("b"))
        made.agent.stop()
        await running

    run_virtual(story())


def test_a_key_that_cannot_be_had_ends_the_agent(tmp_path: Path) -> None:
    async def story() -> None:
        made = Stage(tmp_path, identity=None)

        async def identity() -> Identity:
            raise KeyFileError("others can read it")

        with pytest.raises(KeyFileError):
            await made.agent.run(made.line.open_b, identity=identity)

    run_virtual(story())
