"""ZMODEM by lrzsz: one file, sent by sz and received by rz."""

import contextlib
import functools
import os
import subprocess
from collections.abc import Iterator

from bench.ends import watch_file
from bench.peers.peer import Peer, Place, Way, nothing
from bench.transfer import Transfer

__all__ = ["ZMODEM_1K", "ZMODEM_8K"]


@contextlib.contextmanager
def _open(option: str, place: Place) -> Iterator[Way]:
    def bulk(transfer: Transfer, _: float | None) -> None:
        source = place.folder / "file"
        source.write_bytes(transfer.data)
        received = place.folder / "received"
        received.mkdir()
        near, far = (os.open(end, os.O_RDWR | os.O_NOCTTY) for end in (place.near, place.far))
        start = functools.partial(place.processes.start, stderr=subprocess.DEVNULL)
        # rz keeps what it got in a buffer: in a small one, lest the file lag behind.
        receiver = start("far", "rz", "-b", "-q", "-B", "1024", stdin=far, stdout=far, cwd=received)
        start("near", "sz", "-b", "-q", option, str(source), stdin=near, stdout=near)
        os.close(near)
        os.close(far)
        watch_file(received / source.name, transfer, lambda: receiver.poll() is not None)

    yield Way(nothing, bulk)


_NEEDS = (("sz", "lrzsz"), ("rz", "lrzsz"))

ZMODEM_1K = Peer(
    "zmodem-1k", "ZMODEM, `sz -L1024` of lrzsz", _NEEDS, functools.partial(_open, "-L1024")
)
ZMODEM_8K = Peer(
    "zmodem-8k", "ZMODEM, `sz -8` of lrzsz", _NEEDS, functools.partial(_open, "-8"), patience=30.0
)
