"""TelnetStream: a ByteStream through a Telnet server; with RFC 2217 its port is set up as well."""

import asyncio

from guardpost.aio.stream import ByteStream, Receive, Wait, pump
from guardpost.errors import LineLost, TransportError
from guardpost.transports.modem import BREAK_SECONDS
from guardpost.transports.sockets import connect
from guardpost.transports.target import Target
from guardpost.transports.telnet.comport import ComPort
from guardpost.transports.telnet.negotiation import (
    BINARY,
    COM_PORT,
    ECHO,
    SUPPRESS_GO_AHEAD,
    TelnetEnd,
)

__all__ = ["open_rfc2217", "open_telnet"]

SETUP_SECONDS = 5.0
"""How long an RFC 2217 server may take to set up its port."""

AGREE_SECONDS = 1.0
"""How long the far end may take to agree on binary, before it counts as one that does not."""


async def open_telnet(target: Target) -> ByteStream:
    """Connect, and agree on binary if the far end does. Raises as sockets.connect()."""
    telnet = TelnetEnd(
        frozenset({BINARY, SUPPRESS_GO_AHEAD}), frozenset({BINARY, ECHO, SUPPRESS_GO_AHEAD})
    )
    stream = TelnetStream(await connect(target), telnet, str(target))
    try:
        await stream.agree()
    except BaseException:
        await stream.close()
        raise
    return stream


async def open_rfc2217(target: Target) -> ByteStream:
    """Connect and set up the port: 8N1 unless told otherwise, at its own speed unless told one.

    Raises as sockets.connect(), and TransportError when the far end has no RFC 2217, or its port
    not what is wanted.
    """
    telnet = TelnetEnd(
        frozenset({BINARY, SUPPRESS_GO_AHEAD, COM_PORT}), frozenset({BINARY, SUPPRESS_GO_AHEAD})
    )
    options = target.options
    port = ComPort(
        telnet,
        baud=int(options["baud"]) if "baud" in options else None,
        parity=options.get("parity", "none"),
        rtscts=options.get("rtscts") == "1",
    )
    stream = TelnetStream(await connect(target), telnet, str(target), port)
    try:
        async with asyncio.timeout(SETUP_SECONDS):
            await stream.set_up()
        await stream.agree()
    except TimeoutError:
        await stream.close()
        raise TransportError(
            f"{target}: the far end does not set up its port; is it RFC 2217, and not telnet: or "
            "tcp:?"
        ) from None
    except BaseException:
        await stream.close()
        raise
    return stream


class TelnetStream:
    """Bytes both ways, free of commands; what has to be said of options goes out beside them."""

    transparent = False

    def __init__(
        self, line: ByteStream, telnet: TelnetEnd, name: str, port: ComPort | None = None
    ) -> None:
        self.name = name
        self._line = line
        self._telnet = telnet
        self._port = port
        self._early = b""
        self._may_send = asyncio.Event()
        self._may_send.set()
        self._writing = asyncio.Lock()
        self._saying: asyncio.Task[None] | None = None
        self._closed = False
        self._say()

    @property
    def bits_per_second(self) -> int | None:
        """The speed of the port, if the server told."""
        return self._port.state.bits_per_second if self._port is not None else None

    async def agree(self) -> None:
        """Returns when binary was agreed on, or refused, or nobody answers.

        Until then nothing may be written: a CR written before is read by the rules of after.
        """
        try:
            async with asyncio.timeout(AGREE_SECONDS):
                while not self._telnet.is_settled(BINARY):
                    await self._read_early()
        except TimeoutError:
            pass

    async def set_up(self) -> None:
        """Returns when the server has done what we want of its port. Raises TransportError."""
        port, telnet = self._port, self._telnet
        assert port is not None
        while not port.is_set_up:
            if telnet.is_settled(COM_PORT) and not telnet.we(COM_PORT):
                raise TransportError(
                    f"{self.name}: the far end has no RFC 2217; name the line telnet: instead"
                )
            await self._read_early()
        if port.refusal is not None:
            raise TransportError(f"{self.name}: the port does not do {port.refusal}")

    async def _read_early(self) -> None:
        data = await self._line.read()
        if not data:
            raise LineLost(f"{self.name}: the far end hung up; is the port in use there?")
        self._early += self._receive(data)

    async def read(self) -> bytes:
        while not self._early and (data := await self._line.read()):
            self._early = self._receive(data)
        if self._closed:
            return b""
        early, self._early = self._early, b""
        return early

    async def pump(self, receive: Receive) -> None:
        def on_data(data: bytes) -> Wait:
            # A command may come at any time, so there is no delimiter to wait for.
            return Wait(receive(data).seconds) if (data := self._receive(data)) else Wait()

        if self._early:
            early, self._early = self._early, b""
            receive(early)
        await pump(self._line, on_data)

    async def write(self, data: bytes) -> None:
        async with self._writing:
            while not self._may_send.is_set() and not self._closed:
                await self._may_send.wait()
            await self._line.write(self._telnet.encode(data))

    async def send_break(self) -> bool:
        """A BREAK on the device's line, as far as the server makes one; True. Raises LineLost."""
        if self._port is None:
            self._telnet.send_break()
        else:
            self._port.set_break(True)
            try:
                await self._flush()
                await asyncio.sleep(BREAK_SECONDS)
            finally:  # also of whoever gives up waiting: it would go on for ever
                self._port.set_break(False)
                self._say()
        await self._flush()
        return True

    async def close(self) -> None:
        self._closed = True
        self._may_send.set()
        if self._saying is not None:
            self._saying.cancel()
        await self._line.close()

    # --- options ---

    def _receive(self, data: bytes) -> bytes:
        found = self._telnet.receive_data(data)
        if self._port is not None:
            if self._telnet.we(COM_PORT):
                self._port.begin()
            while self._telnet.subnegotiations:
                option, said = self._telnet.subnegotiations.popleft()
                if option == COM_PORT:
                    self._port.receive(said)
            if self._port.is_suspended:
                self._may_send.clear()
            else:
                self._may_send.set()
        self._telnet.subnegotiations.clear()
        self._say()
        return found

    def _say(self) -> None:
        """Have what is to be said written; a reader must not wait for a writer."""
        if self._telnet.has_data_to_send and (self._saying is None or self._saying.done()):
            self._saying = asyncio.get_running_loop().create_task(self._say_all())

    async def _say_all(self) -> None:
        try:
            await self._flush()
        except LineLost:
            pass  # whoever reads hears of it

    async def _flush(self) -> None:
        async with self._writing:
            while out := self._telnet.data_to_send():
                await self._line.write(out)
