"""What a peer is: a way to start it on the two ends of a line, and what it then offers.

Two kinds fit: one that carries connections (a sink and an echo wait at the far end), and
one that sends a file and ends. Whoever measures does not know which it is.
"""

import shutil
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from support.ptyline import Control

from bench.ends import Sink, connected, free_port, send
from bench.processes import Processes
from bench.transfer import Transfer

__all__ = ["Peer", "Place", "Way", "is_there", "nothing", "tunnels"]

SEARCH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
"""Debian keeps sshd where a user's PATH does not look."""


@dataclass(frozen=True)
class Place:
    """Where a peer is to work: the line's two ends, a folder of its own, what waits far away."""

    near: str
    far: str
    folder: Path
    processes: Processes
    sink: Sink
    sink_port: int
    echo_port: int
    bytes_per_second: float | None
    """The line's rate; None is unlimited."""
    control: Control | None = None
    """Of the line, where one is simulated."""


@dataclass(frozen=True)
class Way:
    """What a peer offers whose far side waits; `start` starts the near one.

    `bulk` begins to carry a transfer's data to where it arrives, at a pace (bytes a second)
    if it can and is told to, and returns; `key` is a connection to an echo at the far end,
    None where a peer has one stream only.
    """

    start: Callable[[], object]
    bulk: Callable[[Transfer, float | None], None]
    key: Callable[[], socket.socket] | None = None
    beside_bulk: bool = True
    """Whether `key` works while bulk is under way."""


@dataclass(frozen=True)
class Peer:
    """`needs`: each command or file, and the Debian package that brings it."""

    name: str
    what: str
    needs: tuple[tuple[str, str], ...]
    open: Callable[[Place], AbstractContextManager[Way]]
    charged: bool = True
    """False where its processes are an emulator's: their cost says nothing."""
    patience: float = 15.0
    """After so long without one more byte it counts as hanging."""

    def missing(self) -> list[str]:
        """Packages to install before it can run."""
        return sorted({package for command, package in self.needs if not is_there(command)})


def is_there(command: str) -> bool:
    """A command by its name, or any file by its path."""
    return Path(command).is_file() or shutil.which(command, path=SEARCH) is not None


def tunnels(place: Place, start: Callable[[str, str], object]) -> Way:
    """Of a peer that listens on two ports here, given to `start`, for the sink and the echo."""
    bulk_port, key_port = (free_port() for _ in range(2))

    def bulk(transfer: Transfer, pace: float | None) -> None:
        place.sink.transfer = transfer
        send(connected(bulk_port), transfer.data, pace)

    return Way(lambda: start(str(bulk_port), str(key_port)), bulk, lambda: connected(key_port))


def nothing() -> None:
    """The start of a peer whose near side starts with each file."""
