"""The firmware that guardpost is tested against, first against a console that is not ours.

Debian's amtterm logs in with the plain password alone, and never asks which logins there are.
"""

import asyncio
import contextlib
import os
import pty
import signal
from collections.abc import AsyncIterator

import pytest
from support.amt_server import AmtServer
from support.memory_line import MemoryLine
from support.tools import need

from guardpost.aio.stream import ByteStream
from guardpost.transports.descriptor import DescriptorStream

PATIENCE_SECONDS = 20.0

# amtterm loses what comes in one piece with the messages that open a session.
OPENED = b"connected now"


class Amtterm:
    """What a person sees of it, and types."""

    def __init__(self, terminal: ByteStream) -> None:
        self.terminal = terminal
        self.shown = b""

    async def shows(self, text: bytes) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while text not in self.shown:
                more = await self.terminal.read()
                assert more, self.shown.decode()
                self.shown += more


@contextlib.asynccontextmanager
async def amtterm(port: int, password: str = "P@ssw0rd") -> AsyncIterator[Amtterm]:
    words = [need("amtterm"), "-u", "admin", "-p", password, "127.0.0.1", str(port)]
    pid, master = pty.fork()
    if pid == 0:
        os.execv(words[0], words)
    os.set_blocking(master, False)
    stream = DescriptorStream(master, master, "amtterm", release=lambda: os.close(master))
    try:
        yield Amtterm(stream)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        await stream.close()


@contextlib.asynccontextmanager
async def firmware() -> AsyncIterator[tuple[AmtServer, ByteStream, int]]:
    """The server, the host behind it, and its port."""
    wire = MemoryLine()
    server = AmtServer(await wire.open("a"))
    server.logins = [1]
    host = await wire.open("b")
    async with server.listening() as port:
        yield server, host, port


def test_amtterm_shows_what_the_host_says_and_types_to_it() -> None:
    async def story() -> None:
        async with firmware() as (server, host, port), amtterm(port) as person:
            await person.shows(OPENED)
            await host.write(b"Debian GNU/Linux 12 web01 ttyS4\r\n")
            await person.shows(b"web01 ttyS4")
            await person.terminal.write(b"root\r")
            typed = b""
            while len(typed) < 5:
                typed += await host.read()
            assert typed == b"root\r"
            assert [each[0] for each in server.said[:3]] == [0x10, 0x13, 0x20]

    asyncio.run(story())


def test_amtterm_answers_the_heartbeat_with_its_own_number() -> None:
    async def story() -> None:
        async with firmware() as (server, _, port):
            server.hurry = 20.0
            async with amtterm(port) as person:
                await person.shows(OPENED)
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while not server.beats:
                        await asyncio.sleep(0.02)
                assert b"\x2b\0\0\0\x01\0\0\0" in server.said

    asyncio.run(story())


def test_amtterm_ends_a_session_and_the_next_one_finds_it_free() -> None:
    async def story() -> None:
        async with firmware() as (server, _, port):
            async with amtterm(port) as person:
                await person.shows(OPENED)
                async with amtterm(port) as other:
                    await other.shows(b"ERROR")
                await person.terminal.write(b"\x1d")
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while server.holder is not None:
                        await asyncio.sleep(0.02)
                kinds = [each[0] for each in server.said]
                assert 0x22 in kinds
                assert kinds[-1] == 0x12
            async with amtterm(port) as next_one:
                await next_one.shows(OPENED)

    asyncio.run(story())


@pytest.mark.parametrize("spoiled", ["wrong", "P@ssw0rd "])
def test_amtterm_with_a_wrong_password_is_refused(spoiled: str) -> None:
    async def story() -> None:
        async with firmware() as (server, _, port), amtterm(port, spoiled) as person:
            await person.shows(b"authentication failed")
            assert server.sessions == 0

    asyncio.run(story())
