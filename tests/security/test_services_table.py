"""Each service there is, asked by a console that keeps no rule: with less than it takes nothing
happens, with what it takes it does.

A new service has no row in TABLE and fails the first test. What is refused is told apart by its
trace on the host (a file, a process that is gone, a connection), not by the answer alone.
"""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from support.besieged import besieged
from support.raw_console import RawConsole
from support.virtual_time import run_virtual

from guardpost.agent.permits import VERBS
from guardpost.errors import ResetCode
from guardpost.protocol.messages import Data, Message
from guardpost.services import SERVICES
from guardpost.services.files.messages import FOLDER, Entry, Listed
from guardpost.services.program import Exit, Stdin, StdinEof
from guardpost.services.records import encode_record

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="runs POSIX programs")


class Place:
    """What a request may touch on this host, and whether one did."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made = folder / "made"
        self.secret = folder / "secret"
        self.secret.write_bytes(b"the contents of a file")
        self.server = socket.create_server(("127.0.0.1", 0))
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams.bind(("127.0.0.1", 0))
        self.local = socket.socket(socket.AF_UNIX)
        self.local.bind(str(folder / "local"))
        self.local.listen()
        for each in (self.server, self.datagrams, self.local):
            each.setblocking(False)
        self.victim = subprocess.Popen(["sleep", "600"])
        self.nice = os.getpriority(os.PRIO_PROCESS, self.victim.pid)

    @property
    def port(self) -> int:
        return int(self.server.getsockname()[1])

    @property
    def udp_port(self) -> int:
        return int(self.datagrams.getsockname()[1])

    def close(self) -> None:
        for each in (self.server, self.datagrams, self.local):
            each.close()
        self.victim.kill()
        self.victim.wait()

    def was_connected(self) -> bool:
        return _came(lambda: self.server.accept()[0].close())

    def was_connected_locally(self) -> bool:
        return _came(lambda: self.local.accept()[0].close())

    def had_datagram(self) -> bool:
        return _came(lambda: self.datagrams.recv(100))

    def was_killed(self) -> bool:
        return self.victim.poll() is not None

    def was_niced(self) -> bool:
        return os.getpriority(os.PRIO_PROCESS, self.victim.pid) != self.nice

    def traces(self) -> dict[str, bool]:
        """Everything that a request of TABLE may leave."""
        return {
            "made": self.made.exists(),
            "connected": self.was_connected(),
            "connected locally": self.was_connected_locally(),
            "datagram": self.had_datagram(),
            "killed": self.was_killed(),
            "niced": self.was_niced(),
        }


def _came(take: Callable[[], object]) -> bool:
    try:
        take()
    except BlockingIOError:
        return False
    return True


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    (tmp_path / "place").mkdir()
    with contextlib.closing(Place(tmp_path / "place")) as made:
        yield made


def contents(said: list[Message]) -> bytes:
    return b"".join(each.data for each in said if isinstance(each, Data))


class Row(NamedTuple):
    """`verbs`: each of them alone is enough, or would be with the right target; `enough` is one
    that is, `near` are permits of those verbs that are not, with {place} and {port} in them."""

    service: str
    request: Callable[[Place], object]
    verbs: set[str]
    enough: str
    near: tuple[str, ...] = ()
    early: bytes = b""
    trace: Callable[[Place, list[Message]], bool] | None = None
    answer: ResetCode | None = None


def made(place: Place, said: list[Message]) -> bool:
    return place.made.exists()


DATAGRAM = b"\x02\x00hi"

TABLE = [
    Row(
        "tcp",
        lambda place: {"host": "127.0.0.1", "port": place.port},
        {"forward"},
        "forward=127.0.0.1:{port}",
        ("forward=127.0.0.1:1", "forward=127.0.0.2:*", "forward=localhost:*", "forward=/"),
        trace=lambda place, _: place.was_connected(),
    ),
    Row(
        "unix",
        lambda place: {"path": os.fsencode(place.folder / "local")},
        {"forward"},
        "forward={place}",
        ("forward={place}/loc", "forward=*:*", "forward={place}/local/.."),
        trace=lambda place, _: place.was_connected_locally(),
    ),
    Row(
        "udp",
        lambda place: {"host": "127.0.0.1", "port": place.udp_port},
        {"forward"},
        "forward=127.0.0.1:*",
        ("forward=127.0.0.1:1", "forward=localhost:*", "forward=/"),
        early=DATAGRAM,
        trace=lambda place, _: place.had_datagram(),
    ),
    Row(
        "listen",
        lambda place: {"path": os.fsencode(place.made)},
        {"listen"},
        "listen={place}",
        ("listen", "listen=*:*", "listen={place}/mad"),
        trace=made,
    ),
    Row(
        "listen",
        lambda place: {"host": "0.0.0.0", "port": 0},
        {"listen"},
        "listen=*:*",
        ("listen", "listen=127.0.0.1:*", "listen=*:8000", "listen=/"),
    ),
    Row(
        "accept",
        lambda place: {"number": 0},
        {"listen"},
        "listen",
        answer=ResetCode.NOT_FOUND,
    ),
    Row(
        "exec",
        lambda place: {"argv": [b"touch", os.fsencode(place.made)]},
        {"exec"},
        "exec",
        ("exec=/bin/true", "exec={place}/touch"),
        early=encode_record(StdinEof()),
        trace=made,
    ),
    Row(
        "exec",
        lambda place: {"argv": [b"/bin/sh", b"-c", b"touch made"], "cwd": bytes(place.folder)},
        {"exec"},
        "exec=/bin/sh",
        ("exec=/bin/true", "exec=/bin/shell", "exec=/bin/sh/x"),
        early=encode_record(StdinEof()),
        trace=made,
    ),
    Row(
        "shell",
        lambda place: {"tty": {}},
        {"shell"},
        "shell",
        early=encode_record(Stdin(b"exit 7\n")),
        trace=lambda _, said: encode_record(Exit(7)) in contents(said),
    ),
    Row("jobs", lambda place: {}, {"exec", "shell", "admin"}, "exec=/bin/true"),
    Row(
        "job",
        lambda place: {"job": 1, "do": "forget"},
        {"exec", "shell", "admin"},
        "admin",
        answer=ResetCode.NOT_FOUND,
    ),
    Row("ps", lambda place: {}, {"monitor"}, "monitor"),
    Row("top", lambda place: {}, {"monitor"}, "monitor"),
    Row("watch", lambda place: {}, {"monitor"}, "monitor"),
    Row("info", lambda place: {}, {"monitor"}, "monitor"),
    Row(
        "kill",
        lambda place: {"targets": [{"pid": place.victim.pid}], "signal": "KILL"},
        {"admin"},
        "admin",
        trace=lambda place, _: place.was_killed(),
    ),
    Row(
        "nice",
        lambda place: {"targets": [{"pid": place.victim.pid}], "nice": 7},
        {"admin"},
        "admin",
        trace=lambda place, _: place.was_niced(),
    ),
    Row(
        "put",
        lambda place: {"to": os.fsencode(place.made), "names": [b"x"]},
        {"file-write"},
        "file-write={place}",
        ("file-write={place}/mad", "file-write=/etc"),
        early=encode_record(Entry(0, b"", FOLDER)) + encode_record(Listed()),
        trace=made,
    ),
    Row(
        "get",
        lambda place: {"paths": [os.fsencode(place.secret)]},
        {"file-read"},
        "file-read={place}",
        ("file-read={place}/secre", "file-read={place}/secret/.."),
        trace=lambda _, said: contents(said) != b"",
    ),
    Row(  # its last part is a pattern: who asks hears of the names in a folder
        "get",
        lambda place: {"paths": [os.fsencode(place.secret)[:-1] + b"*"], "patterns": True},
        {"file-read"},
        "file-read={place}",
        ("file-read={place}/secret", "file-read={place}/secre*"),
        trace=lambda _, said: said != b"",
    ),
]


def request_of(row: Row, place: Place) -> bytes:
    return msgspec.msgpack.encode(row.request(place))


def filled(permit: str, place: Place) -> str:
    return permit.format(place=place.folder, port=place.port)


def too_little(row: Row) -> list[str]:
    """Every verb but those that count, whatever is near, and nothing."""
    others = [each for each in VERBS if each not in row.verbs]
    wide = [f"{each}=*:*,{each}=/" for each in ("forward", "listen") if each in others]
    return ["", ",".join([*others, *wide]), *row.near]


def test_each_service_has_its_row() -> None:
    assert {row.service for row in TABLE} == {*SERVICES}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.service)
def test_with_less_than_it_takes_a_service_does_nothing(
    row: Row, place: Place, tmp_path: Path
) -> None:
    async def story() -> None:
        async with besieged(tmp_path, dict(SERVICES)) as (host, console):
            for number, permit in enumerate(too_little(row)):
                host.allow(filled(permit, place))
                request = request_of(row, place)
                answer = await console.ask(row.service, request, early=row.early)
                assert answer is ResetCode.NOT_ALLOWED, permit
                # And on as if it had been accepted.
                early = len(request) + len(row.early)
                await console.send(Data(2 * number, early, b"more", fin=True))
            assert contents(console.said) == b""
            assert not [each for each in host.audit if "event=channel outcome=begin" in each]
            refusals = [each for each in host.audit if "event=channel outcome=refused" in each]
            assert len(refusals) == len(too_little(row))

    run_virtual(story())
    assert not any(place.traces().values())


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.service)
def test_with_what_it_takes_the_same_request_is_served(
    row: Row, place: Place, tmp_path: Path
) -> None:
    """Or the test above would look for traces that nothing leaves."""

    async def story() -> None:
        async with besieged(tmp_path, dict(SERVICES)) as (host, console):
            host.allow(filled(row.enough, place))
            answer = await console.ask(row.service, request_of(row, place), early=row.early)
            assert answer is row.answer
            if row.trace is not None:
                assert await seen(row.trace, place, console)

    asyncio.run(story())


async def seen(
    trace: Callable[[Place, list[Message]], bool], place: Place, console: RawConsole
) -> bool:
    stop = time.monotonic() + 30
    while not (found := trace(place, console.said)) and time.monotonic() < stop:
        await console.send()
    return found
