"""A console whose key may do everything wants too much: the host stays usable, the agent alive.

Programs, open files and memory are counted while it asks, and are back where they were when it
has gone.
"""

import asyncio
import contextlib
import gc
import os
import socket
import sys
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import msgspec
import psutil
import pytest
from support.besieged import Host, besieged
from support.raw_console import RawConsole
from support.virtual_time import run_virtual

from guardpost.errors import ResetCode
from guardpost.protocol.messages import Accept, ConnectionCredit, Credit, Data, Open, Reset
from guardpost.services import SERVICES
from guardpost.services.program import Stdin, Stdout
from guardpost.services.records import MAX_RECORD_BYTES, encode_record

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts what Linux' /proc shows")

CHANNELS = 8
EVERYTHING = "monitor,exec,shell,file-read,file-write,forward,listen,admin"
SLEEP = msgspec.msgpack.encode({"argv": [b"sleep", b"600"]})
DETACHED = msgspec.msgpack.encode({"argv": [b"sleep", b"600"], "detach": True})
YES = msgspec.msgpack.encode({"argv": [b"yes"]})
ENDLESS = b"\xff\xff\xff\xff"
A_LOT = 1 << 40


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def programs() -> int:
    return len([each for each in psutil.Process().children(recursive=True) if _lives(each)])


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def until_real(happened: Callable[[], bool], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not happened():
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def greedy(folder: Path) -> AsyncIterator[tuple[Host, RawConsole]]:
    """Programs and files are counted when all of it is over."""
    files, running = open_files(), programs()
    async with besieged(folder, dict(SERVICES)) as (host, console):
        host.allow(EVERYTHING)
        host.configure(f"[limits]\nchannels = {CHANNELS}\n")
        yield host, console
    await until_real(lambda: programs() == running)
    await until_real(lambda: open_files() <= files)


async def assert_fine(console: RawConsole) -> None:
    assert await console.ask("info", b"\x80") is None


def answers(console: RawConsole) -> tuple[int, list[ResetCode]]:
    """How many channels were accepted, and the codes of the others."""
    accepted = {each.channel for each in console.said if isinstance(each, Accept)}
    codes = [ResetCode(each.code) for each in console.said if isinstance(each, Reset)]
    return len(accepted), codes


# --- programs ---


def test_programs_by_the_hundred(tmp_path: Path) -> None:
    async def story() -> None:
        async with greedy(tmp_path) as (_, console):
            before = programs()
            for at in range(0, 200, 50):
                numbers = range(2 * at, 2 * at + 100, 2)
                await console.send(
                    *[
                        each
                        for number in numbers
                        for each in (Open(number, "exec", len(SLEEP)), Data(number, 0, SLEEP))
                    ]
                )
                assert programs() - before <= CHANNELS
            await until_real(lambda: programs() - before == CHANNELS)
            accepted, codes = answers(console)
            assert (accepted, {*codes}) == (CHANNELS, {ResetCode.LIMIT})
            for number in range(0, 2 * CHANNELS, 2):
                await console.send(Reset(number, 0, len(SLEEP)))
            await until_real(lambda: programs() == before)

    asyncio.run(story())


def test_programs_that_are_given_up_at_once(tmp_path: Path) -> None:
    """What ends still counts: no more of them run than there are channels."""

    async def story() -> None:
        async with greedy(tmp_path) as (_, console):
            before, most = programs(), 0
            for number in range(0, 200, 2):
                opening = [Open(number, "exec", len(SLEEP)), Data(number, 0, SLEEP)]
                await console.line.write(console.sealed(*opening))
                await asyncio.sleep(0.01)
                most = max(most, programs() - before)
                await console.line.write(console.sealed(Reset(number, 0, len(SLEEP))))
            assert 0 < most <= CHANNELS
            await until_real(lambda: programs() == before)

    asyncio.run(story())


def test_programs_that_are_left_running(tmp_path: Path) -> None:
    """Those do not count as channels, and have a number of their own."""

    async def story() -> None:
        async with greedy(tmp_path) as (_, console):
            before = programs()
            for number in range(0, 60, 2):
                opening = [Open(number, "exec", len(DETACHED)), Data(number, 0, DETACHED)]
                await console.line.write(console.sealed(*opening))
                await asyncio.sleep(0.05)
            await until_real(lambda: programs() - before == 16)
            await console.send()
            accepted, codes = answers(console)
            assert accepted == 16
            assert {*codes} == {ResetCode.LIMIT}
            assert programs() - before == 16

    asyncio.run(story())


def test_output_that_nobody_takes(tmp_path: Path) -> None:
    """A program without end: it waits, whatever credit is promised and not used."""

    async def story() -> None:
        async with greedy(tmp_path) as (_, console):
            tracemalloc.start()
            assert await console.ask("exec", YES) is None
            while await console.exchange(b""):
                pass
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert peak < 8 << 20
            await assert_fine(console)

    asyncio.run(story())


# --- sockets ---


def test_connections_that_nobody_takes(tmp_path: Path) -> None:
    """To a port that the console opened: so many wait, the others are reset."""

    async def story() -> None:
        folder = tmp_path / "sockets"
        folder.mkdir()
        path = folder / "port"
        async with greedy(tmp_path) as (host, console):
            host.allow(f"{EVERYTHING},listen={folder}")
            request = msgspec.msgpack.encode({"path": os.fsencode(path)})
            assert await console.ask("listen", request) is None
            before = open_files()
            with contextlib.ExitStack() as stack:
                for _ in range(150):
                    stack.enter_context(arriving(path))
                    await asyncio.sleep(0)
                await asyncio.sleep(1.0)
                ours = 150
                assert open_files() - before - ours <= 64
                await assert_fine(console)

    asyncio.run(story())


@contextlib.contextmanager
def arriving(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as client:
        client.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            client.connect(str(path))
        yield client


def test_tunnels_to_somebody_who_does_not_read(tmp_path: Path) -> None:
    """As much as was granted, and then the console has broken the rules."""

    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            host_port = {"host": "127.0.0.1", "port": server.getsockname()[1]}
            async with greedy(tmp_path) as (_, console):
                request = msgspec.msgpack.encode(host_port)
                for _ in range(CHANNELS):
                    assert await console.ask("tcp", request) is None
                tracemalloc.start()
                for at in range(0, 16000, 1000):
                    for number in range(0, 2 * CHANNELS, 2):
                        data = Data(number, len(request) + at, bytes(1000))
                        await console.line.write(console.sealed(data))
                await console.send(Credit(0, A_LOT), ConnectionCredit(A_LOT))
                _, peak = tracemalloc.get_traced_memory()
                tracemalloc.stop()
                assert peak < 8 << 20

    asyncio.run(story())


# --- channels ---


@pytest.mark.parametrize("service", ["exec", "nothing of the kind", "info"])
def test_opens_by_the_thousand_are_refused_cheaply(tmp_path: Path, service: str) -> None:
    async def story() -> None:
        async with besieged(tmp_path, dict(SERVICES)) as (host, console):
            host.allow("")
            request = SLEEP
            began = time.process_time()
            current = 0
            for at in range(0, 6000, 100):
                for number in range(2 * at, 2 * at + 200, 2):
                    opening = [Open(number, service, len(request)), Data(number, 0, request)]
                    await console.line.write(console.sealed(*opening))
                await console.send()
                console.said.clear()
                if at == 2000:
                    gc.collect()
                    tracemalloc.start()
            gc.collect()
            current, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert current < 2 << 20
            assert time.process_time() - began < 30
            # An audit that was flooded is told so: in a row so many, then one a second.
            assert 100 <= len(host.audit) < 1000
            host.allow("monitor")

    run_virtual(story())


def test_a_flood_of_opens_and_resets_leaves_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        async with greedy(tmp_path) as (_, console):
            for at in range(0, 1000, 20):
                numbers = range(2 * at, 2 * at + 40, 2)
                opening = [
                    each
                    for number in numbers
                    for each in (Open(number, "top", 1), Data(number, 0, b"\x80"))
                ]
                resets = [Reset(number, 0, 1) for number in numbers]
                await console.line.write(console.sealed(*opening, *resets))
                await asyncio.sleep(0.01)
            await console.send()
            assert {*answers(console)[1]} <= {ResetCode.LIMIT, ResetCode.CANCELLED}

    asyncio.run(story())


# --- what is said on a channel ---

STREAMS: dict[str, dict[str, object]] = {
    "exec": {"argv": [b"cat"]},
    "shell": {"tty": {}},
    "put": {"to": b"", "names": [b"x"]},
    "get": {"paths": [b"/proc/self/cmdline"]},
    "top": {},
}

BOMBS: dict[str, bytes] = {
    "a record without end": ENDLESS,
    "one byte too long": (MAX_RECORD_BYTES + 1).to_bytes(4, "little"),
    "arrays in arrays": (60000).to_bytes(4, "little") + b"\x91" * 60000,
    "an array of 4 thousand million": b"\x06\0\0\0\x91\xdd\xff\xff\xff\xff",
    "a string that is not there": b"\x06\0\0\0\x92\0\xc6\xff\xff\xff",
    "no msgpack": b"\x01\0\0\0\xc1",
    "an unknown tag": b"\x02\0\0\0\x91\x7f",
    "nothing": b"\0\0\0\0",
}


@pytest.mark.parametrize(
    "service",
    # A shell takes its time to end.
    [pytest.param(each, marks=[pytest.mark.slow] * (each == "shell")) for each in STREAMS],
)
def test_records_that_are_bombs_end_their_channel_and_nothing_else(
    tmp_path: Path, service: str
) -> None:
    async def story() -> None:
        async with greedy(tmp_path) as (_, console):
            fields = dict(STREAMS[service])
            if service == "put":
                fields["to"] = os.fsencode(tmp_path / "made")
            request = msgspec.msgpack.encode(fields)
            for number, (what, bomb) in enumerate(BOMBS.items()):
                tracemalloc.start()
                answer = await console.ask(service, request, early=bomb[:15000])
                if len(bomb) > 15000:
                    await rest(console, 2 * number, len(request), bomb)
                _, peak = tracemalloc.get_traced_memory()
                tracemalloc.stop()
                assert answer in (None, ResetCode.PROTOCOL), what
                assert peak < 8 << 20, what
                assert await reset_of(console, 2 * number) is ResetCode.PROTOCOL, what
                assert not (tmp_path / "made").exists()

    asyncio.run(story())


async def reset_of(console: RawConsole, channel: int) -> ResetCode:
    async with asyncio.timeout(30):
        while True:
            for each in console.said:
                if isinstance(each, Reset) and each.channel == channel:
                    return ResetCode(each.code)
            await console.send()


async def rest(console: RawConsole, channel: int, before: int, data: bytes) -> None:
    """What follows the first 15000 bytes, as there is credit, until all is said or reset."""
    at = 15000
    async with asyncio.timeout(30):
        while at < len(data) and not is_reset(console, channel):
            granted = [each for each in console.said if isinstance(each, Credit)]
            limit = max([each.limit for each in granted if each.channel == channel], default=0)
            piece = data[at : min(at + 40000, limit - before)] if limit > before + at else b""
            at += len(piece)
            await console.send(*[Data(channel, before + at - len(piece), piece)] if piece else [])


def is_reset(console: RawConsole, channel: int) -> bool:
    return any(isinstance(each, Reset) and each.channel == channel for each in console.said)


def test_the_longest_record_is_taken_when_it_comes_in_pieces(tmp_path: Path) -> None:
    """And a program that does not read costs no more than what was granted."""

    async def story() -> None:
        async with greedy(tmp_path) as (_, console):
            record = encode_record(Stdin(bytes(MAX_RECORD_BYTES - 100)))
            request = msgspec.msgpack.encode({"argv": [b"sleep", b"600"]})
            assert await console.ask("exec", request, early=record[:15000]) is None
            await rest(console, 0, len(request), record)
            assert not [each for each in console.said if isinstance(each, Reset)]
            assert encode_record(Stdout(b"")) not in b"".join(
                each.data for each in console.said if isinstance(each, Data)
            )
            await assert_fine(console)

    asyncio.run(story())
