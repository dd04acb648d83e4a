import asyncio
import os
import sys
import termios
from collections.abc import Callable

import pytest
from support.memory_line import MemoryLine
from support.virtual_time import run_virtual, until

from guardpost.aio.stream import ByteStream
from guardpost.console.terminal import Terminal, raw_terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes and ptys")


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


class Story:
    def __init__(self, *, keys: bool = True) -> None:
        self.line = MemoryLine()
        self.keyboard = Keyboard()
        self.said: list[str] = []

        async def open_line() -> ByteStream:
            return await self.line.open("a")

        def say(*lines: str) -> None:
            self.said.extend(lines)

        self.terminal = Terminal("memory", open_line, self.keyboard, say, keys=keys)
        self.arrived = b""

    async def far_end(self) -> ByteStream:
        stream = await self.line.open("b")

        async def keep() -> None:
            while data := await stream.read():
                self.arrived += data

        self.reading = asyncio.ensure_future(keep())
        return stream

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
