"""One thing varied at a time, for the plots: loss, load, line rate, number of connections.

python -m bench.sweeps [loss] [load] [rate] [channels]
"""

import contextlib
import os
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from bench import results
from bench.ends import Sink, press
from bench.peers import PEERS
from bench.peers.peer import Peer, Way
from bench.peers.report import LINE_BYTES_PER_SECOND
from bench.peers.visit import SETTLE_SECONDS, place_on_a_line, visit_lossy
from bench.table import percentile
from bench.transfer import Transfer

__all__ = ["SWEEPS"]

LOSSES = ("0", "1e-5", "1e-4", "3e-4", "1e-3", "3e-3")
LOSS_PEERS = ("guardpost", "ppp-1500", "zmodem-1k", "gensio", "ssh")
LOSS_BYTES = 60_000

LOADS = (0, 25, 50, 75, 90, 100)
LOAD_PEERS = ("guardpost", "gensio-mux", "ppp-1500", "ssh")
LOAD_SECONDS = 5.0

RATES = (9600, 38400, 115200, 460800, 2_000_000)
RATE_PEERS = ("guardpost", "ssh", "zmodem-1k", "gensio")
RATE_SECONDS = 4.0
RATE_LEAST_BYTES = 40_000  # ssh hands over 32 KiB at once, and the first chunk is not counted

CHANNELS = (1, 4, 16, 64)
CHANNEL_PEERS = ("guardpost", "ssh")
CHANNEL_BAUD = 4_000_000
CHANNEL_BYTES = 1_000_000


def loss() -> tuple[str, Any]:
    how = f"{LOSS_BYTES} bytes of bulk at each chance; a peer that did not finish is asked no more"
    return how, {name: _losses_of(PEERS[name]) for name in _present(LOSS_PEERS)}


def _losses_of(peer: Peer) -> dict[str, Any]:
    shares: list[tuple[float, float]] = []
    for chance in LOSSES:
        _say(f"{peer.name} at a loss of {chance}")
        outcome = visit_lossy(peer, LOSS_BYTES, chance, seed=7).outcome
        assert outcome is not None
        if not outcome.intact:
            word = {"ended": "ends", "stalled": "hangs", "late": "unfinished"}.get(outcome.end)
            return {"shares": [*shares, (float(chance), 0.0)], "ends": word or "wrong bytes"}
        shares.append((float(chance), _share(outcome.bytes_per_second)))
    return {"shares": shares, "ends": ""}


def load() -> tuple[str, Any]:
    how = (
        f"keystrokes for {LOAD_SECONDS:.0f} s beside bulk that is offered at a pace; load, p50, p95"
    )
    return how, {name: _loads_of(PEERS[name]) for name in _present(LOAD_PEERS)}


def _loads_of(peer: Peer) -> list[tuple[float, float, float]]:
    found = []
    with _started(peer) as way:
        assert way.key is not None
        with contextlib.closing(way.key()) as key:
            press(key, 1.0)
            for percent in LOADS:
                _say(f"{peer.name} under a load of {percent} %")
                times = _under(way, key, percent)
                if times:
                    p50, p95 = percentile(times, 0.5), percentile(times, 0.95)
                    found.append((percent, round(p50, 1), round(p95, 1)))
    return found


def _under(way: Way, key: socket.socket, percent: int) -> list[float]:
    """The last load is all that goes; it is not waited for, and so comes last."""
    if not percent:
        return press(key, LOAD_SECONDS)
    pace = None if percent == 100 else LINE_BYTES_PER_SECOND * percent / 100
    size = 1_000_000 if pace is None else int(pace * (LOAD_SECONDS + 1.5))
    bulk = Transfer(os.urandom(size))
    way.bulk(bulk, pace)
    bulk.wait_first(15.0)
    time.sleep(1.0)
    times = press(key, LOAD_SECONDS)
    if pace is not None:
        bulk.wait(seconds=30.0, patience=15.0)
    return times


def rate() -> tuple[str, Any]:
    how = f"bulk for {RATE_SECONDS:.0f} s, at least {RATE_LEAST_BYTES} bytes; baud, % of the line"
    found: dict[str, list[tuple[int, float]]] = {name: [] for name in _present(RATE_PEERS)}
    for baud in RATES:
        for name in found:
            _say(f"{name} at {baud} baud")
            with _started(PEERS[name], baud=baud) as way:
                transfer = Transfer(
                    os.urandom(max(RATE_LEAST_BYTES, int(baud / 10 * RATE_SECONDS)))
                )
                way.bulk(transfer, None)
                outcome = transfer.wait(seconds=120.0, patience=40.0)
            if outcome.intact:
                found[name].append((baud, _share(outcome.bytes_per_second, baud / 10)))
    return how, found


def channels() -> tuple[str, Any]:
    how = (
        f"{CHANNEL_BYTES} bytes in all at {CHANNEL_BAUD} baud; connections, CPU ms per MB, medians"
    )
    found: dict[str, list[tuple[int, float]]] = {name: [] for name in _present(CHANNEL_PEERS)}
    for count in CHANNELS:
        for name in found:
            _say(f"{name} with {count} connections")
            costs = [_cost(PEERS[name], count) for _ in range(3)]
            found[name].append((count, round(statistics.median(costs), 1)))
    return how, found


class _Counting(Sink):
    """Any number of connections, one sum."""

    def __init__(self) -> None:
        super().__init__()
        self.size = 0
        self._lock = threading.Lock()

    def __call__(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(65536):
                with self._lock:
                    self.size += len(data)


def _cost(peer: Peer, count: int) -> float:
    """Milliseconds of processor for each MB."""
    sink = _Counting()
    with place_on_a_line(baud=CHANNEL_BAUD, sink=sink) as place, peer.open(place) as way:
        time.sleep(SETTLE_SECONDS)
        way.start()
        way.bulk(Transfer(b"h"), None)
        _until(lambda: sink.size >= 1)
        before = place.processes.cost().cpu_seconds
        for _ in range(count):
            way.bulk(Transfer(os.urandom(CHANNEL_BYTES // count)), None)
        _until(lambda: sink.size > CHANNEL_BYTES // count * count)
        spent = place.processes.cost().cpu_seconds - before
    return spent * 1000 / (CHANNEL_BYTES / 1e6)


def _until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError("the transfer did not end")
        time.sleep(0.01)


@contextlib.contextmanager
def _started(peer: Peer, baud: int = 115200) -> Any:
    with place_on_a_line(baud=baud) as place, peer.open(place) as way:
        time.sleep(SETTLE_SECONDS)
        way.start()
        yield way


def _share(bytes_per_second: float, line: float = LINE_BYTES_PER_SECOND) -> float:
    return round(100 * bytes_per_second / line, 1)


def _present(names: tuple[str, ...]) -> list[str]:
    for name in names:
        if missing := PEERS[name].missing():
            _say(f"{name} is not run: apt install {' '.join(missing)}")
    return [name for name in names if not PEERS[name].missing()]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


SWEEPS: dict[str, Callable[[], tuple[str, Any]]] = {
    "loss": loss,
    "load": load,
    "rate": rate,
    "channels": channels,
}


def main() -> None:
    for name in sys.argv[1:] or SWEEPS:
        how, points = SWEEPS[name]()
        results.save(name, f"python -m bench.sweeps {name}: {how}", points)


if __name__ == "__main__":
    main()
