"""Raw bytes, written at one end and read at the other: the line itself, nothing added."""

import contextlib
import os
import select
import socket
import threading
from collections.abc import Iterator

from bench.peers.peer import Peer, Place, Way, nothing
from bench.transfer import Transfer

__all__ = ["RAW"]


class _Descriptors:
    """Bytes from the near end are a transfer's while there is one, keystrokes otherwise."""

    def __init__(self, place: Place) -> None:
        self.near = os.open(place.near, os.O_RDWR | os.O_NOCTTY)
        self.far = os.open(place.far, os.O_RDWR | os.O_NOCTTY)
        self.transfer: Transfer | None = None
        self._key, self.outside = socket.socketpair()
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._serve_far, daemon=True),
            threading.Thread(target=self._serve_near, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        for each in (self._key, self.outside):
            each.close()
        os.close(self.near)
        os.close(self.far)

    def bulk(self, transfer: Transfer, pace: float | None) -> None:
        self.transfer = transfer  # one at a time: what is left of one would go to the next
        threading.Thread(target=self._write, args=(transfer.data,), daemon=True).start()

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        with contextlib.suppress(OSError):  # closed, when the transfer was given up
            while view and not self._over.is_set():
                if select.select([], [self.near], [], 0.1)[1]:
                    view = view[os.write(self.near, view[:4096]) :]

    def _serve_far(self) -> None:
        while not self._over.is_set():
            if select.select([self.far], [], [], 0.1)[0]:
                data = os.read(self.far, 65536)
                if self.transfer is not None and not self.transfer.complete:
                    self.transfer.arrived(data)
                else:
                    os.write(self.far, data)

    def _serve_near(self) -> None:
        while not self._over.is_set():
            readable, _, _ = select.select([self.near, self._key.fileno()], [], [], 0.1)
            if self.near in readable:
                self._key.sendall(os.read(self.near, 4096))
            if self._key.fileno() in readable and (data := self._key.recv(4096)):
                os.write(self.near, data)


@contextlib.contextmanager
def _open(place: Place) -> Iterator[Way]:
    descriptors = _Descriptors(place)
    try:
        yield Way(nothing, descriptors.bulk, lambda: descriptors.outside, beside_bulk=False)
    finally:
        descriptors.close()


RAW = Peer("raw", "raw bytes, nothing added", (), _open, patience=2.0)
