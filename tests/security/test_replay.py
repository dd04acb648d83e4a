"""What a console once said, said again by somebody who recorded the line: nothing runs twice."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
from support.besieged import Host, Registry, besieged
from support.raw_console import RawConsole
from support.virtual_time import run_virtual, until

from guardpost.aio.channel import Channel
from guardpost.aio.stream import ByteStream
from guardpost.protocol.messages import Data
from guardpost.services import Asker, Service
from guardpost.services.action import Action

# Longer than an agent waits for a console that has gone.
A_LONG_TIME_SECONDS = 86400.0


class Tape:
    """A line that somebody listens to: `said` is what was written, write by write."""

    transparent = True

    def __init__(self, line: ByteStream) -> None:
        self._line = line
        self.said: list[bytes] = []

    async def read(self) -> bytes:
        return await self._line.read()

    async def write(self, data: bytes) -> None:
        self.said.append(data)
        await self._line.write(data)

    async def close(self) -> None:
        await self._line.close()


class Deeds:
    """A service whose every run is counted, and what it was told."""

    def __init__(self) -> None:
        self.told: list[bytes] = []

    async def serve(self, channel: Channel, request: bytes, asker: Asker) -> None:
        channel.accept()
        while data := await channel.read():
            self.told.append(data)

    def registry(self) -> Registry:
        return {"deed": lambda: Service(self.serve, lambda request: Action("monitor"))}


async def a_session(host: Host, seed: int = 3) -> list[bytes]:
    """All that a console says from its hello on."""
    tape = Tape(await host.line.open("a"))
    console = RawConsole(tape, seed)
    await console.enter()
    assert await console.ask("deed", b"now", early=b"once") is None
    await console.send(Data(0, len(b"nowonce"), b"and only once", fin=True))
    return tape.said


@contextlib.asynccontextmanager
async def recorded(folder: Path, deeds: Deeds) -> AsyncIterator[tuple[Host, list[bytes]]]:
    """A host that did its deed, and the tape of it."""
    host = Host(folder, deeds.registry())
    host.allow("monitor")
    running = asyncio.ensure_future(host.agent.run(host.line.open_b))
    try:
        await until(lambda: host.line.is_open("b"))
        tape = await a_session(host)
        assert b"".join(deeds.told) == b"onceand only once"
        yield host, tape
    finally:
        host.agent.stop()
        await running


def orders(tape: list[bytes]) -> dict[str, list[bytes]]:
    dice = Random(11)
    return {
        "as it was": tape,
        "at once": [b"".join(tape)],
        "twice": tape + tape,
        "without the hello": tape[1:],
        "the last first": tape[::-1],
        "in any order": dice.sample(tape * 3, len(tape) * 3),
        "byte by byte": [bytes([each]) for each in b"".join(tape)],
    }


ORDERS = list(orders([]))


async def play(line: ByteStream, pieces: list[bytes]) -> bytes:
    """What the agent says to it."""
    player = RawConsole(line)
    return b"".join([await player.exchange(piece) for piece in pieces])


@pytest.mark.parametrize("order", ORDERS)
def test_into_the_session_itself(tmp_path: Path, order: str) -> None:
    async def story() -> None:
        deeds = Deeds()
        async with besieged(tmp_path, deeds.registry()) as (host, console):
            host.allow("monitor")
            tape = Tape(console.line)
            console.line = tape
            assert await console.ask("deed", b"", early=b"once") is None
            await play(tape, orders(list(tape.said))[order])
            assert deeds.told == [b"once"]
            assert await console.ask("deed", b"", early=b"again") is None
            assert deeds.told == [b"once", b"again"]
            assert sum("event=session outcome=begin" in each for each in host.audit) == 1

    run_virtual(story())


@pytest.mark.parametrize("order", ORDERS)
def test_to_the_same_agent_when_the_console_has_gone(tmp_path: Path, order: str) -> None:
    async def story() -> None:
        deeds = Deeds()
        async with recorded(tmp_path, deeds) as (host, tape):
            # And another came meanwhile, since the hello of the last session is not answered.
            await a_session(host, seed=4)
            ended = "event=session outcome=end"
            await until(lambda: sum(ended in each for each in host.audit) == 2, A_LONG_TIME_SECONDS)
            audit, told = len(host.audit), len(deeds.told)
            answer = await play(await host.line.open("a"), orders(tape)[order])
            assert order != "as it was" or b"#7180011" in answer
            assert len(deeds.told) == told
            assert [each for each in host.audit[audit:] if "outcome=begin" in each] == []

    run_virtual(story())


@pytest.mark.parametrize("order", ORDERS)
def test_to_an_agent_that_was_started_again(tmp_path: Path, order: str) -> None:
    """With the key it had: a host that booted."""

    async def story() -> None:
        deeds = Deeds()
        async with recorded(tmp_path, deeds) as (_, tape):
            pass
        afterwards = Deeds()
        host = Host(tmp_path, afterwards.registry())
        host.allow("monitor")
        running = asyncio.ensure_future(host.agent.run(host.line.open_b))
        try:
            await until(lambda: host.line.is_open("b"))
            answer = await play(await host.line.open("a"), orders(tape)[order])
            assert afterwards.told == []
            assert host.audit == []
            # The hello was heard, and what followed it was not what it says now.
            assert order != "as it was" or b"#7180011" in answer
            # It is not that this agent lets nobody in.
            await a_session(host)
            assert b"".join(afterwards.told) == b"onceand only once"
        finally:
            host.agent.stop()
            await running

    run_virtual(story())
