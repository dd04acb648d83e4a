"""Bytes without end through a forward, counted where they arrive."""

import contextlib
import socket
import threading
from collections.abc import Callable

__all__ = ["Traffic"]


class Traffic:
    """Up (console to host) or down. `port` is what to forward to."""

    def __init__(self, *, up: bool) -> None:
        self.received = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._far, self._near = (self._swallow, self._pour) if up else (self._pour, self._swallow)

    def start(self, local: int) -> socket.socket:
        """Through the forward that listens on `local`; closing what it returns ends it."""
        self._run(lambda: self._far(self._listener.accept()[0]))
        connection = socket.create_connection(("127.0.0.1", local))
        self._run(lambda: self._near(connection))
        return connection

    @staticmethod
    def _run(work: Callable[[], None]) -> None:
        threading.Thread(target=work, daemon=True).start()

    def _pour(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while True:
                connection.sendall(bytes(16384))

    def _swallow(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(65536):
                self.received += len(data)
