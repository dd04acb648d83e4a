"""What `guardpost forward` is told to forward: what listens here, and what listens over there."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol

from guardpost.aio.channel import Channel, Opener
from guardpost.errors import ChannelReset, UsageError
from guardpost.host.listening import listen_on
from guardpost.services import listen
from guardpost.services.datagrams import UdpForwarder
from guardpost.services.forwarding import (
    Forward,
    Forwarder,
    format_address,
    parse_dynamic,
    parse_forward,
)
from guardpost.services.relay import SocketEnd, relay

__all__ = ["Here", "There", "parse"]

CONNECT_SECONDS = 20.0

Say = Callable[[str], None]


class Tunnels(Protocol):
    """Opens channels in the session that there is at that moment. Raises ChannelReset."""

    async def open(self, host: str, port: int, path: str = "") -> Channel: ...

    async def open_datagrams(self, host: str, port: int) -> Channel: ...


class Here(NamedTuple):
    """-L, -D or -U: it stays while sessions come and go."""

    forward: Forward
    is_udp: bool = False

    @contextlib.asynccontextmanager
    async def serve(self, tunnels: Tunnels, say: Say) -> AsyncIterator[list[str]]:
        """Yields what to announce, a line for each address. Raises CannotListen."""
        forward = self.forward
        if self.is_udp:
            async with contextlib.AsyncExitStack() as stack:
                yield [
                    await stack.enter_async_context(_datagrams(each, forward, tunnels, say))
                    for each in await listen_on(forward.bind, forward.port, socket.SOCK_DGRAM)
                ]
            return
        async with Forwarder(tunnels.open, forward, say) as forwarder:
            heres = [format_address(*each) for each in forwarder.listening] or [forward.bind_path]
            yield [f"forwarding {each} to {forward.destination}" for each in heres]


@contextlib.asynccontextmanager
async def _datagrams(
    sock: socket.socket, forward: Forward, tunnels: Tunnels, say: Say
) -> AsyncIterator[str]:
    def associate() -> Awaitable[Channel]:
        return tunnels.open_datagrams(forward.host, forward.host_port)

    async with UdpForwarder(sock, associate, say):
        here = format_address(*sock.getsockname()[:2])
        yield f"forwarding datagrams of {here} to {forward.destination}"


class There(NamedTuple):
    """-R: the agent listens, in each session anew."""

    forward: Forward

    async def serve(
        self, session: Opener, listening: Callable[[list[str]], None], say: Say
    ) -> None:
        """Until it is cancelled; `listening` is told what to announce. Raises ChannelReset."""
        forward = self.forward
        wanted = listen.ListenRequest(forward.bind, forward.port, os.fsencode(forward.bind_path))

        def announce(addresses: list[tuple[str, int]]) -> None:
            heres = [format_address(*each) for each in addresses] or [forward.bind_path]
            listening([f"forwarding {each} of the host to {forward.destination}" for each in heres])

        async def arrived(connection: listen.Arrived) -> None:
            try:
                await self._carry(session, connection.number)
            except ChannelReset as error:
                say(f"{connection.client} to {forward.destination}: {error}")
            except OSError as error:
                say(f"{forward.destination}: {error.strerror or error}")

        await listen.listen(session, wanted, announce, arrived)

    async def _carry(self, session: Opener, number: int) -> None:
        """Connect here first: a client whose way ends here is reset, as with ssh -R."""
        from guardpost.host import dial

        forward = self.forward
        dialling = (
            dial.connect_path(os.fsencode(forward.path), CONNECT_SECONDS)
            if forward.path
            else dial.connect(forward.host, forward.host_port, CONNECT_SECONDS)
        )
        connecting = asyncio.ensure_future(dialling)
        try:
            channel = await listen.accept(session, number)
            end = SocketEnd(await connecting)
        except dial.DialError as error:
            channel.reset(error.code, error.text)
            raise ChannelReset(error.code, error.text) from None
        except BaseException:
            # The client has gone before it was taken: nobody wants this connection.
            connecting.cancel()
            connecting.add_done_callback(_close)
            raise
        try:
            await relay(channel, end)
            end.close()
        finally:
            end.abort()


def _close(connecting: "asyncio.Future[socket.socket]") -> None:
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result().close()


def parse(
    local: Sequence[str], remote: Sequence[str], dynamic: Sequence[str], datagrams: Sequence[str]
) -> list[Here | There]:
    """Raises UsageError."""
    found: list[Here | There] = [Here(parse_forward(each)) for each in local]
    found += [There(parse_forward(each)) for each in remote]
    found += [Here(parse_dynamic(each)) for each in dynamic]
    for each in datagrams:
        forward = parse_forward(each)
        if forward.path or forward.bind_path:
            raise UsageError(f"{each}: datagrams of unix sockets are not forwarded; give UDP ports")
        found.append(Here(forward, is_udp=True))
    return found
