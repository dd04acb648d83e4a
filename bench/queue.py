"""Keystrokes while tunnels are busy both ways, at 115200: how long is the queue in front of them?

python -m bench.queue [TUNNELS [--round-trip S] [--frame-loss P] [--child]]
"""

import argparse
import contextlib
import json
import os
import selectors
import shlex
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from support.rig import rig

from bench.ends import connected, echo, press, server
from bench.table import Row, markdown, percentile

__all__ = ["ROWS", "keystrokes"]

LINE_BYTES_PER_SECOND = 11520
CHUNK_BYTES = 65536
SETTLE_SECONDS = 4.0
MEASURE_SECONDS = 12.0

COPIES = """
import os, sys, threading
line = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
def copy(source, target):
    while data := os.read(source, 65536):
        view = memoryview(data)
        while view:
            view = view[os.write(target, view):]
threading.Thread(target=copy, args=(0, line), daemon=True).start()
copy(line, 1)
"""
"""A child that takes what its pipe holds and waits with it in front of the line."""


class Floods:
    """Sockets that always have more to send, and whose bytes are counted; one thread for all."""

    def __init__(self) -> None:
        self.received = 0
        self._block = os.urandom(CHUNK_BYTES)
        self._selector = selectors.DefaultSelector()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def add(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._selector.register(connection, selectors.EVENT_READ | selectors.EVENT_WRITE)

    def _run(self) -> None:
        while not self._over.is_set():
            for key, ready in self._selector.select(0.05):
                connection = key.fileobj
                assert isinstance(connection, socket.socket)
                try:
                    self._serve(connection, ready)
                except BlockingIOError:
                    pass
                except OSError:
                    self._selector.unregister(connection)

    def _serve(self, connection: socket.socket, ready: int) -> None:
        if ready & selectors.EVENT_READ:
            self.received += len(connection.recv(CHUNK_BYTES))
        if ready & selectors.EVENT_WRITE:
            connection.send(self._block)

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]


@contextlib.contextmanager
def floods() -> Iterator[Floods]:
    made = Floods()
    try:
        yield made
    finally:
        made.close()


def keystrokes(
    tunnels: int, *, round_trip: float = 0.0, frame_loss: float = 0.0, child: bool = False
) -> list[Row]:
    """One row. `child`: the console's line is a child process, whose buffers nobody can see."""
    options = ("--delay", str(round_trip / 2), "--frame-loss", str(frame_loss))
    with (
        rig(*options, baud=115200) as made,
        floods() as near,
        floods() as far,
        server(far.add) as flood_port,
        server(echo) as echo_port,
    ):
        if child:
            program = made.folder / "copies.py"
            program.write_text(COPIES)
            words = (sys.executable, str(program), made.here)
            line = json.dumps(f"exec:{shlex.join(words)}")
            hosts = made.folder / "config" / "guardpost" / "hosts.toml"
            hosts.write_text(f'[child]\nline = {line}\nprofile = "clean"\n')
            made.here = "child"
        with (
            made.forward(f"0:127.0.0.1:{flood_port}", f"0:127.0.0.1:{echo_port}") as ports,
            connected(ports[1]) as finger,
        ):
            press(finger, 0.5)
            for _ in range(tunnels):
                near.add(connected(ports[0]))
            press(finger, SETTLE_SECONDS + tunnels / 25)
            begun, before = time.monotonic(), (far.received, near.received)
            times = press(finger, MEASURE_SECONDS, at_least=20)
            seconds = time.monotonic() - begun
            shares = [
                100 * (now - then) / seconds / LINE_BYTES_PER_SECOND
                for now, then in zip((far.received, near.received), before, strict=True)
            ]
    return [_row(tunnels, round_trip, frame_loss, child, times, shares)]


def _row(
    tunnels: int,
    round_trip: float,
    frame_loss: float,
    child: bool,
    times: list[float],
    shares: list[float],
) -> Row:
    what = f"keystroke while {tunnels} tunnel{'s are' if tunnels > 1 else ' is'} busy both ways"
    command = f"python -m bench.queue {tunnels}"
    if round_trip:
        what += f", {1000 * round_trip:.0f} ms of round trip"
        command += f" --round-trip {round_trip}"
    if frame_loss:
        what += f", {100 * frame_loss:.0f} % of the frames lost"
        command += f" --frame-loss {frame_loss}"
    if child:
        what += ", through a child process"
        command += " --child"
    p50, p95 = percentile(times, 0.5), percentile(times, 0.95)
    own = 1000 * round_trip
    return Row(
        what,
        f"{p50:.0f} / {p95:.0f} ms at {shares[0]:.0f} % up, {shares[1]:.0f} % down",
        f"p50 / p95 <= {50 + own:.0f} / {80 + own:.0f} ms",
        p50 <= 50 + own and p95 <= 80 + own,
        command,
    )


ROWS: Mapping[str, Callable[[], list[Row]]] = {
    "1 tunnel": partial(keystrokes, 1),
    "10 tunnels": partial(keystrokes, 10),
    "200 tunnels": partial(keystrokes, 200),
    "50 ms": partial(keystrokes, 10, round_trip=0.05),
    "200 ms": partial(keystrokes, 10, round_trip=0.2),
    "1 % of frames": partial(keystrokes, 10, frame_loss=0.01),
    "child": partial(keystrokes, 10, child=True),
    "all of it": partial(keystrokes, 200, round_trip=0.2, frame_loss=0.01, child=True),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.queue", description=__doc__)
    parser.add_argument("tunnels", type=int, nargs="?", help="this row only")
    parser.add_argument("--round-trip", type=float, default=0.0, metavar="S")
    parser.add_argument("--frame-loss", type=float, default=0.0, metavar="P")
    parser.add_argument("--child", action="store_true", help="through a child process")
    args = parser.parse_args()
    if args.tunnels is not None:
        rows = keystrokes(
            args.tunnels,
            round_trip=args.round_trip,
            frame_loss=args.frame_loss,
            child=args.child,
        )
        print(markdown(rows))
        return
    for measure in ROWS.values():
        print(markdown(measure()), flush=True)


if __name__ == "__main__":
    main()
