"""A visit: one peer, started on a fresh line, and everything that is asked of it there."""

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from support.ptyline import Control, pty_line

from bench.ends import Sink, echo, press, server
from bench.peers.peer import Peer, Place, Way
from bench.processes import Processes
from bench.transfer import Outcome, Transfer

__all__ = ["Visit", "place_on_a_line", "place_without_line", "visit", "visit_lossy"]

SETTLE_SECONDS = 1.0
"""The far side waits already, whoever it is, when the near one starts."""

FIRST_BYTE_SECONDS = 15.0

LATEST_SECONDS = 90.0

IDLE_SECONDS = 2.0
BUSY_SECONDS = 6.0


@dataclass
class Visit:
    """What was seen. Milliseconds of round trips; None is what there was not."""

    first_byte_seconds: float | None = None
    idle: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    busy_bytes_per_second: float | None = None
    outcome: Outcome | None = None
    cpu_share: float | None = None
    """Of one core while bulk was carried, both sides."""
    near_bytes: int = 0
    far_bytes: int = 0
    said: str = ""
    """What the peer said last, when it did not come up."""


@contextlib.contextmanager
def place_on_a_line(
    *options: str, baud: int | str = 115200, sink: Sink | None = None
) -> Iterator[Place]:
    """A fresh line, processes that end with it, a sink and an echo."""
    rate = None if baud == "unlimited" else int(baud) / 10
    with (
        pty_line(*options, baud=baud) as (near, far, control),
        _furnished(near, far, rate, sink or Sink(), control) as place,
    ):
        yield place


@contextlib.contextmanager
def place_without_line() -> Iterator[Place]:
    """`near` is a name that whoever comes is to make a pty of; there is no far end."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        _furnished(f"{folder}/line", "", None, Sink()) as place,
    ):
        yield place


@contextlib.contextmanager
def _furnished(
    near: str, far: str, rate: float | None, sink: Sink, control: Control | None = None
) -> Iterator[Place]:
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as name,
        Processes(Path(name), watched=rate is not None) as processes,
        server(sink) as sink_port,
        server(echo) as echo_port,
    ):
        yield Place(near, far, Path(name), processes, sink, sink_port, echo_port, rate, control)


def visit(peer: Peer, size: int, *, busy_seconds: float = BUSY_SECONDS) -> Visit:
    """On a clean line: first byte, keystrokes, `size` bytes of bulk, keystrokes under bulk."""
    seen = Visit()
    with place_on_a_line() as place, peer.open(place) as way:
        time.sleep(SETTLE_SECONDS)
        begun = time.monotonic()
        way.start()
        if way.key is not None:
            _greet(seen, way, begun)
            if seen.first_byte_seconds is None:
                seen.said = place.processes.said()
                return seen
            with contextlib.closing(way.key()) as key:
                press(key, 0.3)
                seen.idle = press(key, IDLE_SECONDS)
        before = place.processes.cost()
        transfer = Transfer(os.urandom(size))
        way.bulk(transfer, None)
        seen.outcome = transfer.wait(seconds=LATEST_SECONDS, patience=peer.patience)
        after = place.processes.cost()
        if seen.first_byte_seconds is None and seen.outcome.first_at is not None:
            seen.first_byte_seconds = seen.outcome.first_at - begun
        elapsed = size / seen.outcome.bytes_per_second if seen.outcome.bytes_per_second else 0
        if elapsed:
            seen.cpu_share = (after.cpu_seconds - before.cpu_seconds) / elapsed
        seen.near_bytes, seen.far_bytes = after.near_bytes, after.far_bytes
        if way.key is not None and way.beside_bulk and seen.outcome.intact:
            _press_under_bulk(seen, way, busy_seconds, peer.patience)
    return seen


def _greet(seen: Visit, way: Way, begun: float) -> None:
    """One byte: when did it arrive?"""
    hello = Transfer(b"h")
    try:
        way.bulk(hello, None)
    except OSError:
        return
    if (arrived := hello.wait_first(FIRST_BYTE_SECONDS)) is not None:
        seen.first_byte_seconds = arrived - begun


def _press_under_bulk(seen: Visit, way: Way, seconds: float, patience: float) -> None:
    assert way.key is not None
    with contextlib.closing(way.key()) as key:
        press(key, 0.1)
        bulk = Transfer(os.urandom(1_000_000))
        way.bulk(bulk, None)
        bulk.wait_first(patience)
        time.sleep(1.0)  # queues fill
        seen.busy = press(key, seconds)
        seen.busy_bytes_per_second = bulk.wait(seconds=0, patience=patience).bytes_per_second


def visit_lossy(peer: Peer, size: int, loss: str, seed: int) -> Visit:
    """Each byte vanishes with this chance, both ways: does `size` arrive, and how fast?"""
    seen = Visit()
    with (
        place_on_a_line("--loss", loss, "--seed", str(seed)) as place,
        peer.open(place) as way,
    ):
        time.sleep(SETTLE_SECONDS)
        way.start()
        transfer = Transfer(os.urandom(size))
        try:
            way.bulk(transfer, None)
        except OSError:
            transfer.close()
        if transfer.wait_first(FIRST_BYTE_SECONDS) is None:
            seen.said = place.processes.said()
        seen.outcome = transfer.wait(seconds=LATEST_SECONDS, patience=peer.patience)
    return seen
