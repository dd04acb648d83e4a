"""The whole chain in one process: commands that join, the owner, a line with its time, an agent.

The control socket, the session and its services are the real ones; only programs are not started,
since those take time that a virtual clock does not know.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
from support.line import SimulatedLine
from support.timed_line import TimedLine

from guardpost.agent.agent import Agent
from guardpost.agent.authorized import AuthorizedConsoles
from guardpost.aio.channel import Channel
from guardpost.console import session
from guardpost.console.line import ConnectOptions, Line
from guardpost.console.owner import serve
from guardpost.identity import ephemeral, load_or_make
from guardpost.services import Asker, Service, program
from guardpost.services import exec as exec_service
from guardpost.services.action import Action
from guardpost.services.records import write_record

__all__ = ["OwnedLine", "owned_line"]


async def run_nothing(channel: Channel, request: bytes, asker: Asker) -> None:
    """As exec's agent half with a program that ends at once, which says what it was told to."""
    wanted = msgspec.msgpack.decode(request, type=exec_service.ExecRequest)
    channel.accept(msgspec.msgpack.encode(exec_service.ExecReply(1)))
    for said in wanted.argv[1:]:
        await write_record(channel, program.Stdout(said))
    await write_record(channel, program.Exit(0))
    await channel.write_eof()
    while await channel.read():
        pass


class OwnedLine:
    """`options` is what a command would have been given; its owner keeps the session for good."""

    def __init__(self, line: TimedLine, name: str, options: ConnectOptions) -> None:
        self.line = line
        self._name = name
        self._options = options

    async def exec(self, *argv: bytes, stdout: int) -> int:
        """`guardpost exec TARGET ARGV...` as the command does it, from joining to letting go."""
        line = Line(self._name, self._name, self.line.open_a)
        async with session.connect(line, self._options, ("nobody starts one",)) as opener:
            return await exec_service.run(opener, argv, stdin=None, stdout=stdout, stderr=stdout)


@contextlib.asynccontextmanager
async def owned_line(simulated: SimulatedLine, folder: Path) -> AsyncIterator[OwnedLine]:
    """An owner and an agent on it. `folder` is the run folder's parent: $XDG_RUNTIME_DIR."""
    assert os.environ["XDG_RUNTIME_DIR"] == str(folder)
    key, name = folder / "console.key", "serial:/dev/ttyS0"
    console = load_or_make(key, os.urandom)
    options = ConnectOptions(
        identity=str(key), known_agents=str(folder / "known"), trust_new=True, persist=1e6
    )
    line = TimedLine(simulated)
    agent = Agent(
        identity=ephemeral(lambda count: b"a" * count),
        authorized=AuthorizedConsoles([console.public_key]),
        accounts=None,
        version="1.2.3",
        services={"exec": lambda: Service(run_nothing, lambda request: Action("exec"))},
    )
    listening = asyncio.Event()
    owner = asyncio.ensure_future(
        serve(Line(name, name, line.open_a), options, lambda record: listening.set())
    )
    serving = asyncio.ensure_future(agent.run(line.open_b))
    await listening.wait()
    try:
        yield OwnedLine(line, name, options)
    finally:
        agent.stop()
        await asyncio.gather(owner, serving)
