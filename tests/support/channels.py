"""Channels without a session under them: services are tested against these.

`channel_pair()` gives the console's and the agent's end of one channel;
`MemoryOpener` opens such channels to services that it runs itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import NoReturn

from guardpost.aio.channel import Channel
from guardpost.console.figures import Figures
from guardpost.errors import ChannelReset, LocalProtocolError, ResetCode

Serve = Callable[[Channel, bytes], Awaitable[None]]

BUFFER_BYTES = 65536


class _Direction:
    """One way of a channel: at most `limit` bytes wait in it."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.data = bytearray()
        self.ended = False
        self.discarded = False
        self._changed = asyncio.Event()

    async def change(self) -> None:
        await self._changed.wait()

    def wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class MemoryChannel:
    """One end of a channel. It holds back, half-closes and resets as a real one does."""

    def __init__(self, outgoing: _Direction, incoming: _Direction) -> None:
        self.reply = b""
        self.accepted: asyncio.Future[bytes] | None = None
        self.reset_with: ChannelReset | None = None
        self.peer: MemoryChannel | None = None
        self._outgoing = outgoing
        self._incoming = incoming

    @property
    def unread(self) -> int:
        """How many bytes of the peer wait here."""
        return len(self._incoming.data)

    @property
    def write_ended(self) -> bool:
        return self._outgoing.ended

    async def read(self, limit: int = 65536) -> bytes:
        incoming = self._incoming
        while True:
            if self.reset_with is not None:
                raise self.reset_with
            if incoming.data:
                data = bytes(incoming.data[:limit])
                del incoming.data[:limit]
                incoming.wake()
                return data
            if incoming.ended:
                return b""
            await incoming.change()

    async def write(self, data: bytes) -> None:
        outgoing = self._outgoing
        view = memoryview(data)
        while True:
            if self.reset_with is not None:
                raise self.reset_with
            if outgoing.ended:
                raise LocalProtocolError("write after write_eof()")
            if self.accepted is not None and not self.accepted.done():
                raise LocalProtocolError("write before accept()")
            if outgoing.discarded:
                return
            room = outgoing.limit - len(outgoing.data)
            outgoing.data += view[:room]
            outgoing.wake()
            view = view[room:]
            if not view:
                return
            await outgoing.change()

    async def wait_reset(self) -> NoReturn:
        while self.reset_with is None:
            await self._incoming.change()
        raise self.reset_with

    async def write_eof(self) -> None:
        if self.reset_with is not None:
            raise self.reset_with
        self._outgoing.ended = True
        self._outgoing.wake()

    def reset(self, code: ResetCode, text: str = "") -> None:
        finished = self._outgoing.ended and self._incoming.ended and not self._incoming.data
        if self.reset_with is None and not finished:
            self._fail(code, text)
            assert self.peer is not None
            self.peer._fail(code, text)

    def _fail(self, code: ResetCode, text: str) -> None:
        self.reset_with = ChannelReset(code, text)
        if self.accepted is not None and not self.accepted.done():
            self.accepted.set_exception(self.reset_with)
        self._incoming.data.clear()
        self._outgoing.wake()
        self._incoming.wake()

    async def close(self) -> None:
        self._outgoing.ended = True
        self._outgoing.wake()
        self._incoming.discarded = True
        self._incoming.data.clear()
        self._incoming.wake()

    def accept(self, reply: bytes = b"") -> None:
        if self.reset_with is not None:
            return  # whoever asked has gone
        if self.accepted is None or self.accepted.done():
            raise LocalProtocolError("accept() is for the agent's end, and once")
        assert self.peer is not None
        self.peer.reply = reply
        self.accepted.set_result(reply)


def channel_pair(limit: int = BUFFER_BYTES) -> tuple[MemoryChannel, MemoryChannel]:
    """Return (console's end, agent's end), each way holding `limit` bytes. Needs a running loop."""
    up, down = _Direction(limit), _Direction(limit)
    console, agent = MemoryChannel(up, down), MemoryChannel(down, up)
    console.peer, agent.peer = agent, console
    agent.accepted = asyncio.get_running_loop().create_future()
    # A refusal that nobody waits for is no error.
    agent.accepted.add_done_callback(lambda done: done.cancelled() or done.exception())
    return console, agent


class MemoryOpener:
    """Opens channels to `services` and runs those, as an agent would.

    Use it as an async context manager: leaving it loses every channel still open
    (ResetCode.LOST), waits for the services and raises what one of them raised.
    """

    def __init__(self, services: Mapping[str, Serve], limit: int = BUFFER_BYTES) -> None:
        self.services = services
        self.limit = limit
        self.opened: list[tuple[str, bytes]] = []
        self.consoles: list[MemoryChannel] = []
        self._serving: set[asyncio.Task[None]] = set()
        self._failed: list[BaseException] = []

    async def open(
        self, service: str, request: bytes, *, interactive: bool = False, compress: bool = False
    ) -> MemoryChannel:
        self.opened.append((service, request))
        if service not in self.services:
            raise ChannelReset(ResetCode.UNSUPPORTED, service)
        console, agent = channel_pair(self.limit)
        self.consoles.append(console)
        task = asyncio.ensure_future(self._serve(service, agent, request))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        assert agent.accepted is not None
        try:
            await asyncio.shield(agent.accepted)
        except asyncio.CancelledError:
            console.reset(ResetCode.CANCELLED)
            raise
        return console

    async def _serve(self, service: str, agent: MemoryChannel, request: bytes) -> None:
        try:
            await self.services[service](agent, request)
        except ChannelReset:
            pass
        except Exception as error:
            self._failed.append(error)
            agent.reset(ResetCode.FAILED, str(error))
        assert agent.accepted is not None
        if not agent.accepted.done():
            agent.reset(ResetCode.FAILED, "the service returned without accepting")
        await agent.close()

    @property
    def serving(self) -> int:
        """How many services run now."""
        return len(self._serving)

    def lose(self, code: ResetCode = ResetCode.LOST) -> None:
        """End every channel as the end of the session does."""
        for console in self.consoles:
            console.reset(code)

    def cut(self) -> None:
        """As lose(), and the services are cancelled, as an agent does then."""
        for task in self._serving:
            task.cancel()
        self.lose()

    async def figures(self) -> Figures | None:
        """There is no line under these channels."""
        return None

    async def __aenter__(self) -> "MemoryOpener":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.lose()
        if self._serving:
            await asyncio.wait(set(self._serving))
        if self._failed and error is None:
            raise self._failed[0]
