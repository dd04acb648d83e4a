"""Listener: sockets that listen, and a task for each connection that they bring."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Sequence
from types import TracebackType

from guardpost.host.listening_path import unlink_socket

__all__ = ["Connected", "Listener", "format_address"]

# Out of descriptors: those of finished connections come back.
_ACCEPT_PAUSE_SECONDS = 0.5

Connected = Callable[[socket.socket, str], Coroutine[object, object, None]]
"""Serves one connection, which is its own to close, from a client of that name."""


def format_address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Listener:
    """Listens while its `async with` block runs; owns `sockets`. `report` gets lines to show."""

    def __init__(
        self, sockets: Sequence[socket.socket], serve: Connected, report: Callable[[str], None]
    ) -> None:
        self._sockets = sockets
        self._serve = serve
        self._report = report
        self._accepting: set[asyncio.Task[None]] = set()
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def connections(self) -> int:
        """How many are open now."""
        return len(self._serving)

    async def __aenter__(self) -> "Listener":
        self._accepting = {asyncio.ensure_future(self._accept(each)) for each in self._sockets}
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        tasks = self._accepting | self._serving
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for each in self._sockets:
            unlink_socket(each)
            each.close()

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, address = await loop.sock_accept(listener)
            except OSError as error:
                self._report(f"cannot accept a connection: {error.strerror or error}")
                await asyncio.sleep(_ACCEPT_PAUSE_SECONDS)
                continue
            name = format_address(*address[:2]) if isinstance(address, tuple) else "a client"
            task = asyncio.ensure_future(self._serve(client, name))
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)
