"""A line without a baud rate: what the processors give, and who does more with them.

One tunnel, near to far. Two rigs: two ptys with a socat between them (`guardpost line` is Python,
and would be what is measured), and a single pty, which socat makes and joins to the far side's
socket.

python -m bench.unlimited [line] [pty]
"""

import contextlib
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from bench.ends import connected, free_port, send
from bench.peers.guardpost import open_guardpost
from bench.peers.peer import Place, Way
from bench.peers.ssh import SSH, open_ssh
from bench.peers.visit import SETTLE_SECONDS, place_without_line
from bench.table import Row
from bench.transfer import Transfer

__all__ = ["ROWS"]

BULK_BYTES = 60_000_000
ROUNDS = 3

Open = Callable[[Place], AbstractContextManager[Way]]


@contextlib.contextmanager
def _socat(place: Place, far: str | None = None) -> Iterator[Way]:
    """Nothing but the bytes: no seal, no second stream, one connection."""
    sink = f"TCP:127.0.0.1:{place.sink_port}"
    place.processes.start("far", "socat", far or f"{place.far},raw,echo=0", sink)
    port = free_port()

    def start() -> None:
        listen = f"TCP-LISTEN:{port},bind=127.0.0.1"
        place.processes.start("near", "socat", listen, f"{place.near},raw,echo=0")

    def bulk(transfer: Transfer, _: float | None) -> None:
        place.sink.transfer = transfer
        send(connected(port), transfer.data)

    yield Way(start, bulk)


def _made_by_socat(place: Place) -> str:
    return f"PTY,link={place.near},raw,echo=0"


@contextlib.contextmanager
def _guardpost_behind_socat(place: Place) -> Iterator[Way]:
    """The agent is joined to the pty as sshd is: by a socat, over a socket pair."""
    path = place.folder / "agent"
    with open_guardpost(place, f"unix-listen:{path}") as way:
        while not path.exists():
            time.sleep(0.01)
        place.processes.start("far", "socat", _made_by_socat(place), f"UNIX-CONNECT:{path}")
        yield way


@contextlib.contextmanager
def _place_between_ptys() -> Iterator[Place]:
    with place_without_line() as near_only:
        place = replace(near_only, far=f"{near_only.near}-far")
        ends = (place.near, place.far)
        place.processes.start("far", "socat", *(f"PTY,link={end},raw,echo=0" for end in ends))
        while not all(Path(end).exists() for end in ends):
            time.sleep(0.01)
        yield place


RIGS: dict[str, tuple[Callable[[], AbstractContextManager[Place]], dict[str, Open]]] = {
    "line": (
        _place_between_ptys,
        {"socat": _socat, "ssh": open_ssh, "guardpost": open_guardpost},
    ),
    "pty": (
        place_without_line,
        {
            "socat": lambda place: _socat(place, _made_by_socat(place)),
            "ssh": lambda place: open_ssh(place, _made_by_socat(place)),
            "guardpost": _guardpost_behind_socat,
        },
    ),
}


def _megabytes_per_second(rig: str, name: str) -> float:
    place_of, openers = RIGS[rig]
    with place_of() as place, openers[name](place) as way:
        time.sleep(SETTLE_SECONDS)
        way.start()
        transfer = Transfer(os.urandom(BULK_BYTES))
        way.bulk(transfer, None)
        outcome = transfer.wait(seconds=120, patience=20)
        if not outcome.intact:
            raise AssertionError(f"{name}: {outcome}; {place.processes.said()}")
        return outcome.bytes_per_second / 1e6


def _rows(rig: str, words: str) -> list[Row]:
    command = f"python -m bench.unlimited {rig}"
    what = f"unlimited, {words}: one -L tunnel, sealed"
    if missing := SSH.missing():
        return [Row(what, f"not run: apt install {' '.join(missing)}", "", None, command)]
    names = list(RIGS[rig][1])
    rounds: list[dict[str, float]] = []
    for _ in range(ROUNDS):
        order = random.sample(names, len(names))
        rounds.append({name: _megabytes_per_second(rig, name) for name in order})
    ours, ssh, socat = (
        statistics.median(each[name] for each in rounds) for name in ("guardpost", "ssh", "socat")
    )
    ratio = statistics.median(each["guardpost"] / each["ssh"] for each in rounds)
    figure = f"{ours:.1f} MB/s, {ratio:.2f} x ssh ({ssh:.1f}); socat alone, unsealed: {socat:.1f}"
    return [Row(what, figure, ">= 55 MB/s, ahead of ssh", ours >= 55 and ratio > 1, command)]


def line() -> list[Row]:
    return _rows("line", "two ptys and a bridge")


def pty() -> list[Row]:
    return _rows("pty", "one pty")


ROWS = {"line": line, "pty": pty}


def main() -> None:
    from bench.table import markdown

    for name in sys.argv[1:] or ROWS:
        print(markdown(ROWS[name]()), flush=True)


if __name__ == "__main__":
    main()
