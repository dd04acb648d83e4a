"""What stands at the two ends of any way over the line: a sink, an echo, a source, a finger.

Servers are on the loopback, with a thread for each connection; `watch_file` is the sink
of programs that send files.
"""

import contextlib
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.transfer import Transfer

__all__ = [
    "Sink",
    "connected",
    "echo",
    "free_port",
    "greeted",
    "press",
    "send",
    "server",
    "watch_file",
]

Serve = Callable[[socket.socket], object]

CHUNK_BYTES = 65536

LOOK_SECONDS = 0.003
"""A file is looked at so often: 35 bytes at 115200."""


@contextlib.contextmanager
def server(serve: Serve) -> Iterator[int]:
    """Yields the port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()


def echo(connection: socket.socket) -> None:
    with connection, contextlib.suppress(OSError):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while data := connection.recv(CHUNK_BYTES):
            connection.sendall(data)


class Sink:
    """A connection brings what `transfer` is when its first byte arrives."""

    def __init__(self) -> None:
        self.transfer: Transfer | None = None

    def __call__(self, connection: socket.socket) -> None:
        transfer: Transfer | None = None
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(CHUNK_BYTES):
                transfer = transfer or self.transfer
                if transfer is not None:
                    transfer.arrived(data)
        if (transfer := transfer or self.transfer) is not None:
            transfer.close()


def watch_file(path: Path, transfer: Transfer, ended: Callable[[], bool]) -> None:
    """What is written to `path` has arrived, until `ended` says that no more comes; a thread."""

    def watch() -> None:
        while not path.exists():
            if ended():
                return transfer.close()
            time.sleep(LOOK_SECONDS)
        with path.open("rb") as file:
            while True:
                was_last = ended()
                if data := file.read():
                    transfer.arrived(data)
                elif was_last:
                    return transfer.close()
                time.sleep(LOOK_SECONDS)

    threading.Thread(target=watch, daemon=True).start()


def connected(port: int, seconds: float = 10.0) -> socket.socket:
    """To a port of the loopback that may not listen yet. Raises ConnectionError."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            connection = socket.create_connection(("127.0.0.1", port))
        except ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection


def greeted(port: int) -> Callable[[], socket.socket]:
    """`port` leads to an echo: when that has come back, the session is there. More of the same."""
    with connected(port, 30) as key:
        key.settimeout(30)
        key.sendall(b"k")
        key.recv(1)
    return lambda: connected(port)


def free_port() -> int:
    """Nobody listens there now; the loopback's next caller gets another one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def send(
    connection: socket.socket, data: bytes, pace: float | None = None, *, close: bool = True
) -> None:
    """In a thread, at `pace` bytes a second if it is given; then the connection is closed."""

    def run() -> None:
        with contextlib.suppress(OSError):
            if pace is None:
                connection.sendall(data)
            else:
                _paced(connection, data, pace)
            if close:
                connection.shutdown(socket.SHUT_WR)
                connection.recv(1)  # the far end closes when it has read all
        if close:
            connection.close()

    threading.Thread(target=run, daemon=True).start()


def _paced(connection: socket.socket, data: bytes, pace: float) -> None:
    begun, sent = time.monotonic(), 0
    while sent < len(data):
        due = int((time.monotonic() - begun) * pace)
        connection.sendall(data[sent:due])
        sent = max(sent, due)
        time.sleep(0.005)


def press(
    connection: socket.socket, seconds: float, *, at_least: int = 1, patience: float = 45.0
) -> list[float]:
    """Round trips of one byte, in ms, for so many seconds; empty when none came back in time.

    The pauses differ, lest the keystrokes keep step with anything.
    """
    times: list[float] = []
    chance = random.Random(1)
    connection.settimeout(patience)
    begun = time.monotonic()
    with contextlib.suppress(OSError):
        while time.monotonic() - begun < seconds or len(times) < at_least:
            pressed = time.monotonic()
            connection.sendall(b"k")
            if not connection.recv(1):
                break
            times.append(1000 * (time.monotonic() - pressed))
            time.sleep(chance.uniform(0.03, 0.13))
    return times
