"""What copies a file over a line, each way: guardpost, rsync and scp in ssh, and ZMODEM.

All but ZMODEM have their session before the clock runs: guardpost by its owner, ssh by a shared
connection. Both also carry an echo, for keystrokes meanwhile.
"""

import contextlib
import os
import shlex
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bench.ends import free_port, greeted
from bench.peers.guardpost import PROGRAM, start_agent
from bench.peers.peer import SEARCH, Place
from bench.peers.ssh import start_server

__all__ = ["COPIERS", "Copier", "Session"]

LATEST_SECONDS = 600.0


@dataclass(frozen=True)
class Session:
    """`copy(source, to, put)` returns when the file is there, or raises; `key` leads to an echo."""

    copy: Callable[[Path, Path, bool], None]
    key: Callable[[], socket.socket] | None = None


@dataclass(frozen=True)
class Copier:
    """`open(place, shrink)`: with compression, where it is to be asked for."""

    name: str
    needs: tuple[str, ...]
    open: Callable[[Place, bool], AbstractContextManager[Session]]
    sends_all: bool = False
    """It does not care what is there already."""

    def missing(self) -> list[str]:
        return [each for each in self.needs if shutil.which(each, path=SEARCH) is None]


def _await(place: Place, argv: list[str], environment: dict[str, str] | None = None) -> None:
    process = place.processes.start("near", *argv, env=environment)
    if status := process.wait(LATEST_SECONDS):
        raise AssertionError(f"{argv[0]} ended with {status}: {place.processes.said()}")


@contextlib.contextmanager
def _guardpost(place: Place, _: bool) -> Iterator[Session]:
    environment = start_agent(place, place.far)
    port = free_port()
    forward = ("forward", "--trust-new", place.near, "-L", f"{port}:127.0.0.1:{place.echo_port}")
    place.processes.start("near", *PROGRAM, *forward, env=environment)

    def copy(source: Path, to: Path, put: bool) -> None:
        _await(
            place,
            [*PROGRAM, "put" if put else "get", "--trust-new", place.near, str(source), str(to)],
            environment,
        )

    yield Session(copy, greeted(port))


def _ssh(
    place: Place, words: Callable[[list[str], Path, Path, bool], list[str]], *options: str
) -> Session:
    start_server(place)
    port = free_port()
    ssh = ["-F", str(place.folder / "ssh_config"), "-o", f"ControlPath={place.folder}/shared"]
    listen = ("-L", f"{port}:127.0.0.1:{place.echo_port}")
    place.processes.start("near", "ssh", *ssh, *options, "-M", "-N", *listen, "far")

    def copy(source: Path, to: Path, put: bool) -> None:
        _await(place, words(ssh, source, to, put))

    return Session(copy, greeted(port))


@contextlib.contextmanager
def _rsync(place: Place, shrink: bool) -> Iterator[Session]:
    def words(ssh: list[str], source: Path, to: Path, put: bool) -> list[str]:
        ends = [str(source), f"far:{to}"] if put else [f"far:{source}", str(to)]
        # -c: as the others, it is to know that contents are equal, not to believe the times.
        compressed = ["-z"] if shrink else []
        return ["rsync", "-tc", *compressed, "-e", shlex.join(["ssh", *ssh]), *ends]

    yield _ssh(place, words)


@contextlib.contextmanager
def _scp(place: Place, shrink: bool) -> Iterator[Session]:
    def words(ssh: list[str], source: Path, to: Path, put: bool) -> list[str]:
        ends = [str(source), f"far:{to}"] if put else [f"far:{source}", str(to)]
        return ["scp", "-q", *ssh, *ends]

    yield _ssh(place, words, *(["-C"] if shrink else []))


@contextlib.contextmanager
def _zmodem(place: Place, _: bool) -> Iterator[Session]:
    def copy(source: Path, to: Path, put: bool) -> None:
        ends = [os.open(end, os.O_RDWR | os.O_NOCTTY) for end in (place.near, place.far)]
        sending, receiving = ends if put else reversed(ends)
        try:
            receiver = place.processes.start(
                "far",
                *("rz", "-b", "-q", "-y"),
                stdin=receiving,
                stdout=receiving,
                stderr=subprocess.DEVNULL,
                cwd=to.parent,
            )
            sender = place.processes.start(
                "near",
                *("sz", "-b", "-q", "-8", str(source)),
                stdin=sending,
                stdout=sending,
                stderr=subprocess.DEVNULL,
            )
            statuses = [each.wait(LATEST_SECONDS) for each in (sender, receiver)]
        finally:
            for end in ends:
                os.close(end)
        if any(statuses):
            raise AssertionError(f"sz and rz ended with {statuses}")

    yield Session(copy)


_SSH = ("ssh", "ssh-keygen", "sshd", "socat")

COPIERS = (
    Copier("guardpost", (), _guardpost),
    Copier("rsync", (*_SSH, "rsync"), _rsync),
    Copier("scp", (*_SSH, "scp"), _scp, sends_all=True),
    Copier("sz", ("sz", "rz"), _zmodem, sends_all=True),
)
