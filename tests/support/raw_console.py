"""A console with a good key that says any messages it likes to a whole agent, over a line."""

import asyncio
import contextlib

from support.hostile import HostileConsole
from support.pair import CONSOLE_KEY

from guardpost.aio.stream import ByteStream
from guardpost.errors import ResetCode
from guardpost.protocol.messages import Accept, Data, Message, Open, Reset, decode_messages

__all__ = ["RawConsole"]

# Longer than the agent takes to answer on a line without delay.
QUIET_SECONDS = 0.08
PATIENCE_SECONDS = 30.0

# No agent says it: such a channel has not been answered yet.
NOTHING = ResetCode.LOST


class RawConsole:
    """`said` is what the agent said on `line`, as messages; nothing on our side keeps any rule."""

    def __init__(self, end: ByteStream, seed: int = 3) -> None:
        self.said: list[Message] = []
        self.line = end
        self._peer = HostileConsole(seed=seed)
        self._next = 0

    async def enter(self, key: bytes = CONSOLE_KEY) -> None:
        """Hello, handshake, session."""
        peer = self._peer
        answer = await self._answered(peer.hello)
        at = answer.find(b"#7180011")
        agent_hello = answer[at : at + len(peer.hello)]
        encoder, decoder = peer.handshake_codec(agent_hello)
        handshake = peer.begin(agent_hello, key)
        answer = await self._answered(b"\0" + encoder.encode(b"\x01" + handshake.write_message()))
        ((_, body),) = [item for item in decoder.feed(answer) if item[0] >= 0]
        handshake.read_message(body[1:])
        message_3 = encoder.encode(b"\x03" + handshake.write_message(b"\x80"))
        peer.use(handshake, console=True)
        await self.exchange(message_3)

    async def exchange(self, data: bytes) -> bytes:
        """Send bytes; return what comes until the agent is quiet."""
        if data:
            await self.line.write(data)
        heard = b""
        with contextlib.suppress(TimeoutError):
            while True:
                async with asyncio.timeout(QUIET_SECONDS):
                    piece = await self.line.read()
                heard += piece
                self._hear(piece)
        return heard

    async def _answered(self, data: bytes) -> bytes:
        """As exchange(), of something that is answered in any case, if slowly."""
        heard = await self.exchange(data)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not heard:
                heard = await self.exchange(b"")
        return heard

    def _hear(self, data: bytes) -> None:
        peer = self._peer
        if peer._decoder is not None and peer.session is not None:
            for which, body in peer._decoder.feed(data):
                opened = peer.session.open(body) if which >= 0 else None
                if opened is not None:
                    self.said += decode_messages(opened[1])

    async def send(self, *messages: Message) -> None:
        """All of them in one packet, with an ack of what came; then what is said to it."""
        await self.exchange(self.sealed(*messages))

    def sealed(self, *messages: Message) -> bytes:
        """The frame of such a packet, for who does not wait."""
        parts = [
            each.encode(last=False) if isinstance(each, Data) else each.encode()
            for each in (self._peer.ack(), *messages)
        ]
        return self._peer.packet(b"".join(parts))

    async def ask(
        self, service: str, request: bytes, early: bytes = b"", *, fin: bool = False
    ) -> ResetCode | None:
        """Open a channel, with `early` data (and its end) behind the request, all in one packet.

        None when it was accepted.
        """
        channel = self._next
        self._next += 2
        data = request + early
        messages: list[Message] = [Open(channel, service, len(request))]
        await self.send(*messages, *([Data(channel, 0, data, fin=fin)] if data or fin else []))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (answer := self._answer(channel)) is NOTHING:
                await self.exchange(b"")
        return answer

    def _answer(self, channel: int) -> ResetCode | None:
        for message in self.said:
            if isinstance(message, Accept) and message.channel == channel:
                return None
            if isinstance(message, Reset) and message.channel == channel:
                return ResetCode(message.code)
        return NOTHING
