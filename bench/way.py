"""The way of a byte through an unlimited line: which process spends how much on a megabyte.

Two views. The processes of one -L tunnel, console to host, each with its milliseconds of
processor a megabyte. And what two ptys with a bridge between them could carry at all to ends that
need so many microseconds for 64 KiB in one piece: a pty holds 12 KiB, so while an end works, the
other soon has nothing to do.

python -m bench.way [processes] [ends]
"""

import os
import select
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from support.rig import Rig, rig

from bench.costs import cpu_seconds, pids
from bench.ends import Sink, connected, send, server
from bench.table import Row
from bench.transfer import Transfer

__all__ = ["ROWS"]

BULK_BYTES = 60_000_000
ROUNDS = 3
RAW_BYTES = 60_000_000
PIECE_BYTES = 65536
READ_ENOUGH_BYTES = 2048
WORK_MICROSECONDS = (0, 200, 400, 600)


def processes() -> list[Row]:
    """Medians of the rounds, and their sum; the line's own process beside them."""
    rounds: list[dict[str, float]] = []
    for _ in range(ROUNDS):
        with rig(baud="unlimited") as made:
            sink = Sink()
            with server(sink) as port, made.forward(f"0:127.0.0.1:{port}") as (local,):
                rounds.append(_milliseconds_a_megabyte(made, sink, local))
    shares = {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
    figure = ", ".join(f"{name} {share:.1f}" for name, share in shares.items())
    return [
        Row(
            "unlimited, two ptys: processor of one -L tunnel, milliseconds a megabyte",
            f"{figure}; together {sum(shares.values()):.1f}, on {os.cpu_count()} cores",
            "",
            None,
            "python -m bench.way processes",
        )
    ]


def _milliseconds_a_megabyte(made: Rig, sink: Sink, local: int) -> dict[str, float]:
    of = pids(made)
    before = {name: cpu_seconds(pid) for name, pid in of.items()}
    sink.transfer = Transfer(os.urandom(BULK_BYTES))
    send(connected(local), sink.transfer.data)
    outcome = sink.transfer.wait(seconds=120, patience=20)
    if not outcome.intact:
        raise AssertionError(f"not intact: {outcome}")
    spent = {name: cpu_seconds(pid) - before[name] for name, pid in of.items()}
    return {name: 1e9 * seconds / BULK_BYTES for name, seconds in spent.items()}


def ends() -> list[Row]:
    """socat joins two ptys; one process writes and works, another reads and works."""
    found = [f"{work} us {_raw_megabytes_per_second(work):.0f}" for work in WORK_MICROSECONDS]
    return [
        Row(
            "unlimited, two ptys: MB/s of ends that work so long on each 64 KiB",
            ", ".join(found),
            "",
            None,
            "python -m bench.way ends",
        )
    ]


def _raw_megabytes_per_second(work: int) -> float:
    with tempfile.TemporaryDirectory(prefix="gp-") as folder:
        names = [f"{folder}/{end}" for end in "AB"]
        bridge = subprocess.Popen(["socat", *(f"PTY,link={name},raw,echo=0" for name in names)])
        try:
            while not all(Path(name).exists() for name in names):
                time.sleep(0.01)
            near, far = (os.open(name, os.O_RDWR | os.O_NOCTTY) for name in names)
            writer = os.fork()
            if not writer:
                _write(near, work)
                os._exit(0)
            seconds = _read(far, work)
            os.waitpid(writer, 0)
            os.close(near)
            os.close(far)
            return RAW_BYTES / seconds / 1e6
        finally:
            bridge.kill()
            bridge.wait()


def _write(near: int, work: int) -> None:
    os.set_blocking(near, False)
    poll = select.epoll()
    poll.register(near, select.EPOLLOUT)
    piece = os.urandom(PIECE_BYTES)
    for _ in range(0, RAW_BYTES, PIECE_BYTES):
        _work(work)
        left = memoryview(piece)
        while left:
            try:
                left = left[os.write(near, left) :]
            except BlockingIOError:
                poll.poll()


def _read(far: int, work: int) -> float:
    os.set_blocking(far, False)
    poll = select.epoll()
    poll.register(far, select.EPOLLIN)
    begun, size, worked = time.monotonic(), 0, 0
    while size < RAW_BYTES:
        poll.poll()
        data = bytes(READ_ENOUGH_BYTES)
        while len(data) >= READ_ENOUGH_BYTES:
            try:
                data = os.read(far, PIECE_BYTES)
            except BlockingIOError:
                break
            size += len(data)
        if size - worked >= PIECE_BYTES:
            _work(work)
            worked = size
    return time.monotonic() - begun


def _work(microseconds: int) -> None:
    until = time.perf_counter() + microseconds / 1e6
    while time.perf_counter() < until:
        pass


ROWS = {"processes": processes, "ends": ends}


def main() -> None:
    from bench.table import markdown

    for name in sys.argv[1:] or ROWS:
        print(markdown(ROWS[name]()), flush=True)


if __name__ == "__main__":
    main()
