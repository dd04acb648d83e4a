"""Small TCP servers on loopback for tests of tunnels and forwards."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer every byte with itself, and an end with an end."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[int]:
    """A server at 127.0.0.1; gives its port."""
    server = await asyncio.start_server(handler, "127.0.0.1", 0, backlog=512)
    async with server:
        port: int = server.sockets[0].getsockname()[1]
        yield port


@contextlib.contextmanager
def nobody_listens() -> Iterator[int]:
    """A port of 127.0.0.1 that refuses, and that nobody else takes meanwhile."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


def free_port() -> int:
    """One of 127.0.0.1 that nobody has now, for a program that must be told which to take."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
