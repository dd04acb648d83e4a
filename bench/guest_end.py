"""What stands at the far end in a virtual machine: it runs there, alone, with the standard library.

python3 guest_end.py serve             TCP on 127.0.0.1: a sink, an echo, a source
python3 guest_end.py read TTY SIZE     so many raw bytes from a port; prints what came
python3 guest_end.py write TTY SIZE    so many raw bytes to it

A sink says how much came, in what time (the first piece not counted) and its SHA-256. What the
source and `write` send anybody can make again: random bytes of a known seed.
"""

import contextlib
import hashlib
import os
import random
import socket
import sys
import termios
import threading
import time
import tty
from collections.abc import Callable

__all__ = ["ECHO_PORT", "SINK_PORT", "SOURCE_PORT", "bytes_to_send"]

SINK_PORT, ECHO_PORT, SOURCE_PORT = 7001, 7002, 7003
PIECE_BYTES = 65536


def bytes_to_send(size: int) -> bytes:
    return random.Random(size).randbytes(size)


class Arrivals:
    """Pieces that come, until no more do."""

    def __init__(self) -> None:
        self.size = self._first = 0
        self._first_at = self._last_at = 0.0
        self._digest = hashlib.sha256()

    def came(self, data: bytes) -> None:
        self._last_at = time.monotonic()
        if not self.size:
            self._first, self._first_at = len(data), self._last_at
        self.size += len(data)
        self._digest.update(data)

    def said(self) -> str:
        seconds = self._last_at - self._first_at
        return f"{self.size - self._first} {seconds:.6f} {self._digest.hexdigest()}\n"


def sink(connection: socket.socket) -> None:
    arrivals = Arrivals()
    while data := connection.recv(PIECE_BYTES):
        arrivals.came(data)
    connection.sendall(arrivals.said().encode())


def echo(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while data := connection.recv(PIECE_BYTES):
        connection.sendall(data)


def source(connection: socket.socket) -> None:
    """Its size is asked for in a line."""
    connection.sendall(bytes_to_send(int(connection.makefile("rb").readline())))


def serve() -> None:
    for port, kind in ((SINK_PORT, sink), (ECHO_PORT, echo), (SOURCE_PORT, source)):
        listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=accept, args=(listener, kind)).start()
    print("serving", flush=True)


def accept(listener: socket.socket, kind: Callable[[socket.socket], None]) -> None:
    def one(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            kind(connection)

    while True:
        connection, _ = listener.accept()
        threading.Thread(target=one, args=(connection,)).start()


def opened(path: str) -> int:
    port = os.open(path, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(port)
    mode = termios.tcgetattr(port)
    mode[4] = mode[5] = termios.B115200
    termios.tcsetattr(port, termios.TCSANOW, mode)
    return port


def read(path: str, size: int) -> None:
    port, arrivals = opened(path), Arrivals()
    print("ready", file=sys.stderr, flush=True)
    while arrivals.size < size:
        arrivals.came(os.read(port, PIECE_BYTES))
    print(arrivals.said(), end="", flush=True)


def write(path: str, size: int) -> None:
    port, left = opened(path), memoryview(bytes_to_send(size))
    while left:
        left = left[os.write(port, left) :]
    termios.tcdrain(port)


def main() -> None:
    match sys.argv[1:]:
        case ["serve"]:
            serve()
        case ["read", path, size]:
            read(path, int(size))
        case ["write", path, size]:
            write(path, int(size))


if __name__ == "__main__":
    main()
