"""A live session between two Drivers on a MemoryLine; the agent's side hands its channels over."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

from support.memory_line import MemoryLine
from support.pair import make_agent, make_console

from guardpost.aio.driver import Driver
from guardpost.aio.session_channel import SessionChannel
from guardpost.aio.stream import SpeedStream
from guardpost.protocol import events
from guardpost.protocol.agent_connection import AgentConnection
from guardpost.protocol.console_connection import ConsoleConnection
from guardpost.protocol.framing import Profile

__all__ = ["Session", "session"]


class Session:
    """`served` gets (channel, service, request) of every channel that the console opens."""

    def __init__(self, ports: Mapping[str, SpeedStream], line: MemoryLine | None = None) -> None:
        self.line = line or MemoryLine()
        self._ports = ports
        self.console_connection: ConsoleConnection = make_console()
        self.agent_connection: AgentConnection = make_agent()
        self.events: list[events.Event] = []
        self.served: asyncio.Queue[tuple[SessionChannel, str, bytes]] = asyncio.Queue()
        self.live = asyncio.Event()
        self.console = Driver(self.console_connection, self._on_console)
        self.agent = Driver(self.agent_connection, self._on_agent, self._on_channel)
        self._pumps: dict[str, asyncio.Task[None]] = {}

    def _on_console(self, event: events.Event) -> None:
        self.events.append(event)
        if isinstance(event, events.AgentKeyOffered):
            self.console_connection.accept_agent(self.console.now())
            self.console.wake()
        elif isinstance(event, events.SessionEstablished):
            self.live.set()

    def _on_agent(self, event: events.Event) -> None:
        if isinstance(event, events.ConsoleKeyOffered):
            self.agent_connection.allow(self.agent.now())
            self.agent.wake()
        elif isinstance(event, events.SpeedAsked):
            port = self._ports["b"]
            cable, now = self.agent_connection.cable, self.agent.now()
            cable.answer(port.bits_per_second, port.speeds(), now)
            self.agent.wake()

    def _on_channel(self, channel: SessionChannel, service: str, request: bytes) -> None:
        self.served.put_nowait((channel, service, request))

    async def plug(self) -> None:
        """Both ends open the line and pump it."""
        self.line.plug()
        for side, driver in (("a", self.console), ("b", self.agent)):
            stream = await self.line.open(side)
            self._pumps[side] = asyncio.create_task(driver.run(stream, self._ports.get(side)))

    async def unplug(self) -> None:
        self.line.unplug()
        await asyncio.gather(*self._pumps.values(), return_exceptions=True)

    async def open(
        self, request: bytes = b"", **options: bool
    ) -> tuple[SessionChannel, SessionChannel]:
        """An accepted channel: (the console's end, the agent's)."""
        opening = asyncio.create_task(self.console.open("test", request, **options))
        far, _, _ = await self.served.get()
        far.accept()
        return await opening, far

    async def stop(self) -> None:
        for pump in self._pumps.values():
            pump.cancel()
        await asyncio.gather(*self._pumps.values(), return_exceptions=True)
        self.console.stop()
        self.agent.stop()


@contextlib.asynccontextmanager
async def session(
    ports: Mapping[str, SpeedStream] | None = None, line: MemoryLine | None = None
) -> AsyncIterator[Session]:
    """`ports`: what changes the speed of side "a", the console's, and of "b"."""
    made = Session(ports or {}, line)
    await made.plug()
    made.console_connection.begin(made.console.now(), (Profile.CLEAN,))
    made.console.wake()
    await made.live.wait()
    try:
        yield made
    finally:
        await made.stop()
