"""Waiting: connections that came to a port of the agent, until the console takes them."""

import asyncio
import socket
from typing import Final

from guardpost.services.relay import SocketEnd

__all__ = ["MOST", "WAITS_SECONDS", "Waiting"]

MOST: Final = 64
"""Of all ports together; the next ones are reset."""

WAITS_SECONDS: Final = 30.0
"""A suspended session may come back in that time."""


class Waiting:
    """Use inside one event loop. What nobody takes in time is reset."""

    def __init__(self) -> None:
        self._last = 0
        self._waiting: dict[int, tuple[bytes, socket.socket, asyncio.TimerHandle]] = {}

    def put(self, key: bytes, client: socket.socket) -> int:
        """Its number, for the console with `key`; 0 when too many wait: it is then the caller's."""
        if len(self._waiting) >= MOST:
            return 0
        self._last += 1
        loop = asyncio.get_running_loop()
        timer = loop.call_later(WAITS_SECONDS, self._expire, self._last)
        self._waiting[self._last] = (key, client, timer)
        return self._last

    def take(self, key: bytes, number: int) -> socket.socket | None:
        """The connection; None when it is not there, or is another key's."""
        found = self._waiting.get(number)
        if found is None or found[0] != key:
            return None
        del self._waiting[number]
        found[2].cancel()
        return found[1]

    def close(self) -> None:
        for number in [*self._waiting]:
            self._expire(number)

    def _expire(self, number: int) -> None:
        _, client, timer = self._waiting.pop(number)
        timer.cancel()
        SocketEnd(client).abort()
