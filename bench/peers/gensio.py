"""gensio's reliable packets on a serial device: `gensiot` for one stream, its mux for several."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from bench.ends import connected, free_port, send
from bench.peers.peer import Peer, Place, Way, tunnels
from bench.processes import Side
from bench.transfer import Transfer

__all__ = ["GENSIO", "GENSIO_MUX"]

_LINE = "relpkt(mode={mode}),msgdelim,serialdev,{path},115200n81"

SYSTEM_PYTHON = "/usr/bin/python3"
"""Debian's binding is for this one only."""

_BRIDGE = str(Path(__file__).with_name("gensio_mux.py"))


@contextlib.contextmanager
def _open(place: Place) -> Iterator[Way]:
    port = free_port()
    far = _LINE.format(mode="server", path=place.far)
    near = _LINE.format(mode="client", path=place.near)
    sink = f"tcp,127.0.0.1,{place.sink_port}"
    place.processes.start("far", "gensiot", "-i", far, sink)

    def bulk(transfer: Transfer, pace: float | None) -> None:
        """The stream is one connection, and ends with it."""
        place.sink.transfer = transfer
        place.processes.start("near", "gensiot", "-i", near, "-a", f"tcp,127.0.0.1,{port}")
        send(connected(port), transfer.data, pace)

    yield Way(lambda: None, bulk)


@contextlib.contextmanager
def _open_mux(place: Place) -> Iterator[Way]:
    def start(side: Side, path: str, *ports: str) -> None:
        place.processes.start(side, SYSTEM_PYTHON, "-I", _BRIDGE, side, path, *ports)

    start("far", place.far, str(place.sink_port), str(place.echo_port))
    yield tunnels(place, lambda bulk, key: start("near", place.near, bulk, key))


_NEEDS = (("gensiot", "gensio-bin"),)

GENSIO = Peer("gensio", "`gensiot relpkt,msgdelim,serialdev`", _NEEDS, _open)
GENSIO_MUX = Peer(
    "gensio-mux",
    "gensio: mux on the same, a channel for each connection",
    (*_NEEDS, ("/usr/lib/python3/dist-packages/gensio.py", "python3-gensio")),
    _open_mux,
)
