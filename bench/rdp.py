"""A desktop over a line: from the start of xfreerdp until the log-on window of xrdp is whole.

The ways take turns, each on a fresh line at 115200. What the two programs take by themselves is
the first row, what the rate adds is the second: a bare line that carries one connection. ssh and
guardpost have their session before the clock runs, as a console has it.

python -m bench.rdp [ROUNDS]
"""

import contextlib
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from statistics import median

from support.rdp import SIZE, await_log_on, xfreerdp, xrdp
from support.running import listens
from support.screen import screen

from bench.ends import free_port, greeted
from bench.peers.guardpost import PROGRAM, start_agent
from bench.peers.peer import Place, is_there
from bench.peers.ssh import start_server
from bench.peers.visit import place_on_a_line
from bench.table import Row

__all__ = ["ROWS", "WAYS", "Seen", "Way", "seen"]

ROUNDS = 7
LATEST_SECONDS = 60.0


@dataclass(frozen=True)
class Seen:
    """`up` and `down` are bytes on the line from the console and to it."""

    seconds: float
    up: int
    down: int


@dataclass(frozen=True)
class Way:
    """`open(place, port)` yields a port here that leads to `port` over there."""

    what: str
    needs: tuple[str, ...]
    open: Callable[[Place, int], AbstractContextManager[int]]


@contextlib.contextmanager
def _nothing(_: Place, port: int) -> Iterator[int]:
    yield port


@contextlib.contextmanager
def _bare(place: Place, port: int) -> Iterator[int]:
    here = free_port()
    to = f"TCP:127.0.0.1:{port},nodelay"
    place.processes.start("far", "socat", f"{place.far},raw,echo=0", to)
    at = f"TCP-LISTEN:{here},bind=127.0.0.1,nodelay"
    place.processes.start("near", "socat", at, f"{place.near},raw,echo=0")
    while not listens(here):
        time.sleep(0.02)
    yield here


@contextlib.contextmanager
def _ssh(place: Place, port: int) -> Iterator[int]:
    start_server(place)
    here, key = free_port(), free_port()
    config = str(place.folder / "ssh_config")
    words = _forwards(place, here, port, key)
    place.processes.start("near", "ssh", "-F", config, "-N", *words, "far")
    greeted(key)
    yield here


@contextlib.contextmanager
def _guardpost(place: Place, port: int) -> Iterator[int]:
    environment = start_agent(place, place.far)
    here, key = free_port(), free_port()
    words = ("forward", "--trust-new", place.near, *_forwards(place, here, port, key))
    place.processes.start("near", *PROGRAM, *words, env=environment)
    greeted(key)
    yield here


def _forwards(place: Place, here: int, port: int, key: int) -> tuple[str, ...]:
    return ("-L", f"{here}:127.0.0.1:{port}", "-L", f"{key}:127.0.0.1:{place.echo_port}")


_RDP = ("xrdp", "xfreerdp", "Xvfb", "openssl")

WAYS = {
    "nothing": Way("nothing between the two", _RDP, _nothing),
    "bare": Way("the bare line, one connection in socat", (*_RDP, "socat"), _bare),
    "ssh": Way("`ssh -L`, through socat", (*_RDP, "socat", "ssh", "ssh-keygen", "sshd"), _ssh),
    "guardpost": Way("**guardpost**, `forward -L`", _RDP, _guardpost),
}


def seen(way: Way) -> Seen:
    """Once. Raises AssertionError when the window does not come."""
    with (
        place_on_a_line() as place,
        xrdp() as port,
        way.open(place, port) as here,
        screen(*SIZE) as shown,
    ):
        assert place.control is not None
        before, begun = place.control.stats(), time.monotonic()
        with xfreerdp(here, shown) as client:
            await_log_on(client, shown, LATEST_SECONDS)
            seconds, after = time.monotonic() - begun, place.control.stats()
    up, down = (after[side]["sent"] - before[side]["sent"] for side in ("ab", "ba"))
    return Seen(seconds, up, down)


def rdp(rounds: int = ROUNDS) -> list[Row]:
    """All ways, by turns, in an order that differs each time."""
    able = [name for name, way in WAYS.items() if all(map(is_there, way.needs))]
    found: dict[str, list[Seen]] = {name: [] for name in able}
    said = {name: f"needs {' '.join(way.needs)}" for name, way in WAYS.items() if name not in able}
    for number in range(rounds):
        for name in random.sample(able, len(able)):
            print(f"round {number + 1} of {rounds}: {name}", file=sys.stderr, flush=True)
            try:
                found[name].append(seen(WAYS[name]))
            except (OSError, AssertionError) as error:
                said[name] = f"failed at least once: {error}"
    return [_row(way.what, found.get(name, []), said.get(name, "")) for name, way in WAYS.items()]


def _row(what: str, found: list[Seen], said: str) -> Row:
    parts = [said] if said else []
    if found:
        times = sorted(each.seconds for each in found)
        parts.append(f"{median(times):.1f} s ({times[0]:.1f} to {times[-1]:.1f})")
        if down := median(each.down for each in found):
            up = median(each.up for each in found)
            parts.append(f"{down / 1000:.1f} kB from the host, {up / 1000:.1f} kB to it")
    return Row(f"the log-on window, {what}", "; ".join(parts), "", None, "python -m bench.rdp")


ROWS = {"": rdp}


def main() -> None:
    from bench.table import markdown

    print(markdown(rdp(*map(int, sys.argv[1:]))))


if __name__ == "__main__":
    main()
