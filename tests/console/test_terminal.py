import asyncio
import os
import sys
import termios
from collections.abc import Callable

import pytest
from support.memory_line import MemoryLine
from support.virtual_time import run_virtual, until

from guardpost.aio.stream import ByteStream
from guardpost.console.picture import LineLog, Picture
from guardpost.console.terminal import Terminal, raw_terminal
from guardpost.errors import NoSuchTarget
from guardpost.protocol.framing import Encoder, Profile

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes and ptys")


FRAME = Encoder(Profile.CLEAN, 9).encode(b"\x10\x05\x00" + bytes(range(200, 230)))


class Keyboard:
    """Both ends of what a Terminal reads and writes; it stands in for a DescriptorEnd."""

    def __init__(self) -> None:
        self.typed: asyncio.Queue[bytes] = asyncio.Queue()
        self.shown = b""

    async def read(self, limit: int) -> bytes:
        return await self.typed.get()

    async def write(self, data: bytes) -> None:
        self.shown += data

    async def write_eof(self) -> None: ...


class BreakingLine:
    """A line with a BREAK."""

    transparent = True

    def __init__(self, stream: ByteStream, breaks: list[str]) -> None:
        self.read, self.write, self.close = stream.read, stream.write, stream.close
        self._breaks = breaks

    async def send_break(self) -> bool:
        self._breaks.append("sent")
        return True


class Story:
    def __init__(self, *, keys: bool = True, picture: Picture | None = None) -> None:
        self.line = MemoryLine()
        self.breaks: list[str] | None = None  # of a line that has them
        self.keyboard = Keyboard()
        self.said: list[str] = []

        async def open_line() -> ByteStream:
            stream = await self.line.open("a")
            return stream if self.breaks is None else BreakingLine(stream, self.breaks)

        def say(*lines: str) -> None:
            self.said.extend(lines)

        self.terminal = Terminal(
            "memory",
            open_line,
            self.keyboard,
            say,
            keys=keys,
            picture=picture,
            on_break=lambda: self.breaks.append("noted") if self.breaks is not None else None,
        )
        self.arrived = b""

    async def far_end(self) -> ByteStream:
        stream = await self.line.open("b")

        async def keep() -> None:
            while data := await stream.read():
                self.arrived += data

        self.reading = asyncio.ensure_future(keep())
        return stream

    async def plug_with_far_end(self) -> None:
        self.line.plug()
        await self.far_end()

    def has(self, what: bytes) -> Callable[[], bool]:
        return lambda: what in self.arrived


def test_bytes_pass_raw_both_ways_until_the_escape_key() -> None:
    async def story() -> None:
        told = Story()
        far = await told.far_end()
        running = asyncio.ensure_future(told.terminal.run())
        told.keyboard.typed.put_nowait(b"ls\r\x03")
        await until(told.has(b"ls\r\x03"))
        await far.write(b"\x1b[1mraw\x00\xff")
        await until(lambda: told.keyboard.shown == b"\x1b[1mraw\x00\xff")
        told.keyboard.typed.put_nowait(b"\x1d?\x1db")
        told.keyboard.typed.put_nowait(b"\x1d.")
        await running
        assert "Ctrl-]" in told.said[0]
        assert told.said[-1] == "this kind of line has no BREAK"

    run_virtual(story())


def test_a_line_that_vanishes_is_waited_for() -> None:
    async def story() -> None:
        told = Story()
        await told.far_end()
        running = asyncio.ensure_future(told.terminal.run())
        await until(lambda: told.said != [])
        told.line.unplug()
        told.keyboard.typed.put_nowait(b"lost")
        told.keyboard.typed.put_nowait(b"lost, too")
        told.keyboard.typed.put_nowait(b"\x1db\x1ds")
        await until(lambda: "memory: away" in told.said)
        assert told.said.count("not sent: the line is away") == 1, "once, and not for each key"
        assert "no BREAK: the line is away" in told.said
        await asyncio.sleep(4)
        told.line.plug()
        await told.far_end()
        await until(lambda: "the line is back" in told.said)
        told.keyboard.typed.put_nowait(b"kept")
        await until(told.has(b"kept"))
        assert b"lost" not in told.arrived
        told.keyboard.typed.put_nowait(b"\x1dq")
        await running

    run_virtual(story())


def test_a_knock_is_enter_until_something_answers_that_is_no_frame() -> None:
    async def story() -> None:
        told = Story(picture=Picture())
        far = await told.far_end()
        running = asyncio.ensure_future(told.terminal.run())
        clock = asyncio.get_running_loop().time
        began = clock()
        told.keyboard.typed.put_nowait(b"\x1dk")
        await until(told.has(b"\r"))
        await far.write(b"\0" + FRAME)
        await until(told.has(b"\r\r"))
        assert clock() - began >= 1.0
        await until(told.has(b"\r\r\r"))
        assert clock() - began >= 2.2, "an agent is deaf for 2 s after a frame"
        told.keyboard.typed.put_nowait(b"\x1dk")
        await until(told.has(b"\r" * 4))
        await far.write(b"guardpost> ")
        await asyncio.sleep(10)
        assert told.arrived == b"\r" * 4
        assert told.keyboard.shown == b"guardpost> "
        told.keyboard.typed.put_nowait(b"\x1dq")
        await running

    run_virtual(story())


def test_a_break_is_sent_and_said_and_left_word_of() -> None:
    async def story() -> None:
        told = Story()
        told.breaks = []
        await told.far_end()
        running = asyncio.ensure_future(told.terminal.run())
        told.keyboard.typed.put_nowait(b"\x1db\x1dq")
        await running
        assert told.breaks == ["sent", "noted"]
        assert told.said[-1] == "a BREAK was sent"

    run_virtual(story())


def test_a_line_that_takes_nothing_leaves_the_escape_key_alone() -> None:
    async def story() -> None:
        told = Story()
        await told.far_end()
        running = asyncio.ensure_future(told.terminal.run())
        await until(lambda: told.said != [])
        told.line.stuck = "a"
        told.keyboard.typed.put_nowait(b"a paste" * 1000)
        for _ in range(1000):
            told.keyboard.typed.put_nowait(b"x" * 4000)
        told.keyboard.typed.put_nowait(b"and more\x1ds")
        await until(lambda: any("0 sent" in each for each in told.said))
        assert told.said.count("not sent: the line takes nothing") == 1
        told.keyboard.typed.put_nowait(b"\x1dq")
        await running

    run_virtual(story())


@pytest.mark.parametrize("wait", [True, False])
def test_who_waits_for_a_line_may_leave(wait: bool) -> None:
    """The keys are raw by then: without this nothing but a signal would help."""

    async def story() -> None:
        async def open_line() -> ByteStream:
            if wait:
                raise NoSuchTarget("no such port")
            await asyncio.sleep(3600)  # a host that does not answer
            raise AssertionError

        keyboard, said = Keyboard(), list[str]()
        terminal = Terminal("x", open_line, keyboard, lambda *lines: said.extend(lines), keys=True)
        running = asyncio.ensure_future(terminal.run(wait=wait))
        await asyncio.sleep(60)
        assert wait == ("Ctrl-] q quits" in said)
        for _ in range(100):
            keyboard.typed.put_nowait(b"l")
        keyboard.typed.put_nowait(b"\x1db\x1dq")
        async with asyncio.timeout(5):
            await running
        assert wait == ("not sent: the line is away" in said)
        assert wait == ("no BREAK: the line is away" in said)

    run_virtual(story())


def test_what_is_piped_waits_for_the_line() -> None:
    async def story() -> None:
        told = Story(keys=False)
        told.line.plugged = False
        told.keyboard.typed.put_nowait(b"kept")
        told.keyboard.typed.put_nowait(b"")
        running = asyncio.ensure_future(told.terminal.run(wait=True))
        await asyncio.sleep(60)
        await told.plug_with_far_end()
        await running
        assert told.arrived == b"kept"

    run_virtual(story())


def test_what_a_lost_line_did_not_take_is_not_typed_into_the_next() -> None:
    async def story() -> None:
        told = Story()
        await told.far_end()
        running = asyncio.ensure_future(told.terminal.run())
        await until(lambda: told.said != [])
        told.line.stuck = "a"
        for typed in (b"rm ", b"-rf ", b"/\r"):
            told.keyboard.typed.put_nowait(typed)
        await until(told.keyboard.typed.empty)
        told.line.unplug()
        told.line.unstick()
        told.line.plug()
        await told.far_end()
        await until(lambda: "the line is back" in told.said)
        told.keyboard.typed.put_nowait(b"kept\x1dq")
        await running
        await until(told.has(b"kept"))
        assert told.arrived == b"kept"

    run_virtual(story())


def test_a_log_that_cannot_be_written_any_more_is_told_once() -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")

    async def story() -> None:
        log = LineLog("/dev/full")
        told = Story(picture=Picture(log=log))
        far = await told.far_end()
        running = asyncio.ensure_future(told.terminal.run())
        await until(lambda: told.said != [])
        for line in (b"one\r\n", b"two\r\n"):
            await far.write(line)
            await until(lambda line=line: told.keyboard.shown.endswith(line))
        told.keyboard.typed.put_nowait(b"\x1dq")
        await running
        log.close()
        assert told.said[1:] == ["the log is not written any more: no space left on device"]

    run_virtual(story())


def test_what_is_held_back_is_shown_in_time() -> None:
    async def story() -> None:
        told = Story(picture=Picture())
        far = await told.far_end()
        running = asyncio.ensure_future(told.terminal.run())
        await until(lambda: told.said != [])
        await far.write(b"root#")
        await until(lambda: told.keyboard.shown == b"root#", 0.5)
        await far.write(b"\xe2\x82")
        await until(lambda: told.keyboard.shown == rb"root#\xe2\x82", 0.5)
        told.keyboard.typed.put_nowait(b"\x1dr\x1dt\x1dq")
        await running
        assert told.said[-2:] == ["all bytes as they are: on", "time stamps on"]

    run_virtual(story())


def test_a_line_that_ends_at_once_each_time_is_not_opened_in_a_hurry() -> None:
    async def story() -> None:
        opened: list[float] = []

        async def open_line() -> ByteStream:
            opened.append(asyncio.get_running_loop().time())
            line = MemoryLine()
            stream = await line.open("a")
            line.unplug()
            return stream

        terminal = Terminal("exec:true", open_line, Keyboard(), lambda *lines: None, keys=True)
        running = asyncio.ensure_future(terminal.run())
        await asyncio.sleep(60)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert 20 <= len(opened) <= 40

    run_virtual(story())


def test_a_piped_input_ends_when_the_line_is_quiet() -> None:
    async def story() -> None:
        told = Story(keys=False)
        far = await told.far_end()
        running = asyncio.ensure_future(told.terminal.run())
        told.keyboard.typed.put_nowait(b"\x1d.\r")
        told.keyboard.typed.put_nowait(b"")
        await until(told.has(b"\x1d.\r"))
        for _ in range(3):
            await asyncio.sleep(1.5)
            await far.write(b".")
        await running
        assert (told.keyboard.shown, told.said) == (b"...", [])

    run_virtual(story())


def test_the_local_terminal_is_as_it_was_whatever_happens() -> None:
    leader, follower = os.openpty()
    before = termios.tcgetattr(follower)

    def leave_with(error: type[BaseException]) -> None:
        with raw_terminal(follower):
            assert termios.tcgetattr(follower) != before
            raise error

    for error in (KeyboardInterrupt, ValueError):
        with pytest.raises(error):
            leave_with(error)
        assert termios.tcgetattr(follower) == before
    os.close(leader)
    os.close(follower)
    with raw_terminal(-1):
        pass
