"""Every transport is the same ByteStream: one body of tests over all of them.

A pair is our end, opened as a user opens it, and the far end.
"""

import asyncio
import os
import pty
import sys
import tty
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from random import Random

import pytest
import serial
from support.amt_server import AmtServer, certificate

from guardpost.aio.stream import BreakingStream, ByteStream, Receive, Wait, pump
from guardpost.errors import LineLost
from guardpost.transports import open_target, open_url
from guardpost.transports.descriptor import DescriptorStream
from guardpost.transports.loop_streams import LoopStream
from guardpost.transports.serial_thread import ThreadedSerial
from guardpost.transports.sockets import open_listener
from guardpost.transports.target import parse_target, split_host_port
from guardpost.transports.telnet.negotiation import BINARY, TelnetEnd
from guardpost.transports.telnet.stream import TelnetStream

Pair = tuple[ByteStream, ByteStream]
PairMaker = Callable[[Path], AbstractAsyncContextManager[Pair]]

# What a child does that is nothing but a line: its stdin and stdout are the socket.
BRIDGE = """
import os, socket, sys, threading
line = socket.socket(socket.AF_UNIX)
line.connect(sys.argv[1])
def up():
    while data := os.read(0, 65536):
        line.sendall(data)
    line.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while data := line.recv(65536):
    while data:
        data = data[os.write(1, data):]
"""


@asynccontextmanager
async def closing(*streams: ByteStream) -> AsyncIterator[tuple[ByteStream, ...]]:
    try:
        yield streams
    finally:
        for stream in streams:
            await stream.close()


@asynccontextmanager
async def serial_on_a_pty(_: Path) -> AsyncIterator[Pair]:
    master, slave = pty.openpty()
    os.set_blocking(master, False)
    tty.setraw(slave)
    name = os.ttyname(slave)
    ours = await open_url(f"serial:{name}?baud=115200")
    os.close(slave)
    theirs = DescriptorStream(master, master, "the far end", release=lambda: os.close(master))
    async with closing(ours, theirs):
        yield ours, theirs


@asynccontextmanager
async def serial_read_by_a_thread(_: Path) -> AsyncIterator[Pair]:
    master, slave = pty.openpty()
    os.set_blocking(master, False)
    name = os.ttyname(slave)
    ours = ThreadedSerial(serial.Serial(name, timeout=None), name)
    os.close(slave)
    theirs = DescriptorStream(master, master, "the far end", release=lambda: os.close(master))
    async with closing(ours, theirs):
        yield ours, theirs


async def connected(listening: str) -> Pair:
    listener = await open_listener(parse_target(listening))
    dialling = await open_url(listener.address)
    return dialling, await listener.accept(then=listener.close)


@asynccontextmanager
async def tcp(_: Path) -> AsyncIterator[Pair]:
    ours, theirs = await connected("tcp-listen:0")
    async with closing(ours, theirs):
        yield ours, theirs


@asynccontextmanager
async def tcp_listen(_: Path) -> AsyncIterator[Pair]:
    theirs, ours = await connected("tcp-listen:0")
    async with closing(ours, theirs):
        yield ours, theirs


@asynccontextmanager
async def tcp_over_the_loops_own_streams(_: Path) -> AsyncIterator[Pair]:
    listener = await open_listener(parse_target("tcp-listen:0"))
    address = listener.address.removeprefix("tcp:")
    reader, writer = await asyncio.open_connection(*split_host_port(address))
    ours = LoopStream(reader, writer, "tcp by the loop", released=lambda: None)
    theirs = await listener.accept(then=listener.close)
    async with closing(ours, theirs):
        yield ours, theirs


@asynccontextmanager
async def unix(folder: Path) -> AsyncIterator[Pair]:
    ours, theirs = await connected(f"unix-listen:{folder}/line")
    async with closing(ours, theirs):
        yield ours, theirs


@asynccontextmanager
async def unix_listen(folder: Path) -> AsyncIterator[Pair]:
    theirs, ours = await connected(f"unix-listen:{folder}/line")
    async with closing(ours, theirs):
        yield ours, theirs


@asynccontextmanager
async def child_process(folder: Path) -> AsyncIterator[Pair]:
    (folder / "bridge.py").write_text(BRIDGE)
    listener = await open_listener(parse_target(f"unix-listen:{folder}/line"))
    ours = await open_url(f"exec:'{sys.executable}' '{folder}/bridge.py' '{folder}/line'")
    theirs = await listener.accept(then=listener.close)
    async with closing(ours, theirs):
        yield ours, theirs


@asynccontextmanager
async def amt_to(server: AmtServer, far: ByteStream, address: str) -> AsyncIterator[Pair]:
    async def password() -> str:
        return "P@ssw0rd"

    # A host whose reader pauses for a second and loses nothing; what the firmware does
    # otherwise: tests/transports/amt/test_stream.py.
    server.flushes = False
    ours = await open_target(parse_target(address), password)
    async with closing(ours, far):
        yield ours, far


@asynccontextmanager
async def amt(folder: Path) -> AsyncIterator[Pair]:
    near, far = await connected(f"unix-listen:{folder}/uart")
    server = AmtServer(near)
    async with server.listening() as port:
        async with amt_to(server, far, f"amt:127.0.0.1:{port}") as pair:
            yield pair


@asynccontextmanager
async def amts(folder: Path) -> AsyncIterator[Pair]:
    near, far = await connected(f"unix-listen:{folder}/uart")
    server = AmtServer(near)
    async with server.listening(certificate(folder)) as port:
        address = f"amts:127.0.0.1:{port}?ca={folder}/cert.pem"
        async with amt_to(server, far, address) as pair:
            yield pair


@asynccontextmanager
async def telnet(_: Path) -> AsyncIterator[Pair]:
    listener = await open_listener(parse_target("tcp-listen:0"))
    dialling = asyncio.create_task(open_url(listener.address.replace("tcp:", "telnet:")))
    far = TelnetEnd(frozenset({BINARY}), frozenset({BINARY}))
    theirs = TelnetStream(await listener.accept(then=listener.close), far, "telnet, the far end")
    await theirs.agree()
    ours = await dialling
    async with closing(ours, theirs):
        yield ours, theirs


MAKERS: list[PairMaker] = [
    serial_on_a_pty,
    serial_read_by_a_thread,
    tcp,
    tcp_listen,
    tcp_over_the_loops_own_streams,
    unix,
    unix_listen,
    child_process,
    amt,
    amts,
    telnet,
]


@pytest.fixture(params=MAKERS, ids=lambda make: make.__name__)
def over(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Callable[[Callable[[ByteStream, ByteStream], Awaitable[None]]], None]:
    """Runs a story over a fresh pair of this transport."""

    def run(story: Callable[[ByteStream, ByteStream], Awaitable[None]]) -> None:
        async def whole() -> None:
            async with asyncio.timeout(20), request.param(tmp_path) as (ours, theirs):
                await story(ours, theirs)

        asyncio.run(whole())

    return run


Over = Callable[[Callable[[ByteStream, ByteStream], Awaitable[None]]], None]


async def read_exactly(stream: ByteStream, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = await stream.read()
        assert more, f"the line ended after {len(data)} of {count} bytes"
        data += more
    return data


MANY = 2_000_000


def more_than_fits(stream: ByteStream) -> int:
    """More bytes than the kernel takes while nobody reads: TCP takes some megabytes."""
    name = getattr(stream, "name", "")
    over_tcp = any(word in name for word in ("tcp", "amt", "telnet"))
    return 8_000_000 if over_tcp else 1_000_000


async def write_for_ever(stream: ByteStream) -> None:
    while True:
        await stream.write(bytes(1000))


async def how_it_ended(stream: ByteStream) -> str:
    try:
        return "goes on" if await stream.read() else "ended"
    except LineLost:
        return "lost"


async def is_waiting(task: "asyncio.Task[None]") -> bool:
    await asyncio.wait({task}, timeout=0.2)
    return not task.done()


def test_every_byte_value_passes_both_ways(over: Over) -> None:
    async def story(ours: ByteStream, theirs: ByteStream) -> None:
        values = bytes(range(256)) * 3
        await ours.write(values)
        assert await read_exactly(theirs, len(values)) == values
        await theirs.write(values[::-1])
        assert await read_exactly(ours, len(values)) == values[::-1]

    over(story)


def test_a_slow_reader_holds_the_writer_back_and_loses_nothing(over: Over) -> None:
    async def story(ours: ByteStream, theirs: ByteStream) -> None:
        much = Random(1).randbytes(more_than_fits(ours))
        for writer, reader in ((ours, theirs), (theirs, ours)):
            writing = asyncio.create_task(writer.write(much))
            assert await is_waiting(writing)
            assert await read_exactly(reader, len(much)) == much
            await writing

    over(story)


def test_what_was_written_before_the_far_end_closed_still_arrives(over: Over) -> None:
    async def story(ours: ByteStream, theirs: ByteStream) -> None:
        await theirs.write(b"last words")
        if not isinstance(ours, ThreadedSerial) and "pts" not in getattr(ours, "name", ""):
            await theirs.close()  # a pty's far end takes its last words with it
        assert await read_exactly(ours, 10) == b"last words"
        await theirs.close()
        assert await how_it_ended(ours) in ("ended", "lost")

    over(story)


def test_writing_to_a_line_whose_far_end_is_gone_says_so(over: Over) -> None:
    async def story(ours: ByteStream, theirs: ByteStream) -> None:
        await theirs.close()
        with pytest.raises(LineLost):
            await write_for_ever(ours)

    over(story)


def test_closing_twice_is_once_and_a_closed_line_reads_as_ended(over: Over) -> None:
    async def story(ours: ByteStream, _: ByteStream) -> None:
        await ours.close()
        await ours.close()
        assert await ours.read() == b""
        with pytest.raises(LineLost):
            await ours.write(b"too late")

    over(story)


def test_closing_wakes_the_reader(over: Over) -> None:
    async def story(ours: ByteStream, _: ByteStream) -> None:
        reading = asyncio.create_task(ours.read())
        await asyncio.sleep(0)
        await ours.close()
        assert await reading == b""

    over(story)


def test_closing_wakes_the_writer(over: Over) -> None:
    async def story(ours: ByteStream, _: ByteStream) -> None:
        writing = asyncio.create_task(ours.write(bytes(more_than_fits(ours))))
        assert await is_waiting(writing)
        await ours.close()
        with pytest.raises(LineLost):
            await writing

    over(story)


def test_a_cancelled_read_has_taken_nothing(over: Over) -> None:
    async def story(ours: ByteStream, theirs: ByteStream) -> None:
        seen, chance = b"", Random(5)
        sent = bytes(range(256))
        for value in sent:
            reading = asyncio.create_task(ours.read())
            await asyncio.sleep(0)
            await theirs.write(bytes([value]))
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
            reading.cancel()
            try:
                seen += await reading
            except asyncio.CancelledError:
                pass
        seen += await read_exactly(ours, len(sent) - len(seen)) if len(seen) < len(sent) else b""
        assert seen == sent

    over(story)


def test_a_reader_that_never_waits_lets_others_work(over: Over) -> None:
    async def story(ours: ByteStream, theirs: ByteStream) -> None:
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(others())
        writing = asyncio.create_task(theirs.write(bytes(MANY)))
        await read_exactly(ours, MANY)
        await writing
        task.cancel()
        assert turns > 1

    over(story)


def test_who_has_a_break_says_whether_it_was_sent(over: Over) -> None:
    """A terminal tells the person, and keeps hellos back after one."""

    async def story(ours: ByteStream, theirs: ByteStream) -> None:
        if isinstance(ours, BreakingStream):
            sent = await ours.send_break()
            assert isinstance(sent, bool)
            assert sent or not isinstance(ours, TelnetStream), "a pty alone has none"

    over(story)


async def pumped(stream: ByteStream, receive: Receive) -> str:
    try:
        await pump(stream, receive)
    except LineLost:
        return "lost"
    return "ended"


def pausing(data: bytes) -> Wait:
    return Wait(0.001 if len(data) % 3 == 0 else 0.0)


def gathering(data: bytes) -> Wait:
    """A frame is waited for; the last piece has no end, and is given all the same."""
    return Wait() if data[-1] == 0 else Wait(0.0, 0)


@pytest.mark.parametrize("wait", [pausing, gathering])
def test_a_pump_gives_everything_until_the_line_ends(
    over: Over, wait: Callable[[bytes], Wait]
) -> None:
    async def story(ours: ByteStream, theirs: ByteStream) -> None:
        much, got, whole = Random(3).randbytes(200_000) + b"x" * 5000, bytearray(), asyncio.Event()

        def receive(data: bytes) -> Wait:
            got.extend(data)
            if len(got) == len(much):
                whole.set()
            return wait(data)

        pumping = asyncio.create_task(pumped(ours, receive))
        await theirs.write(much)
        await whole.wait()
        assert got == much
        await theirs.close()
        assert await pumping in ("ended", "lost")

    over(story)


def test_closing_ends_the_pump_also_while_it_pauses(over: Over) -> None:
    async def story(ours: ByteStream, theirs: ByteStream) -> None:
        came = asyncio.Event()

        def receive(data: bytes) -> Wait:
            came.set()
            return Wait(0.01)

        pumping = asyncio.create_task(pumped(ours, receive))
        await theirs.write(b"something")
        await came.wait()
        await ours.close()
        assert await pumping == "ended"

    over(story)


def test_what_receive_raises_ends_the_pump(over: Over) -> None:
    async def story(ours: ByteStream, theirs: ByteStream) -> None:
        def receive(data: bytes) -> Wait:
            raise ValueError("a defect")

        pumping = asyncio.create_task(pumped(ours, receive))
        await theirs.write(b"something")
        with pytest.raises(ValueError, match="a defect"):
            await pumping

    over(story)


def test_a_cancelled_pump_leaves_what_comes_to_the_next_reader(over: Over) -> None:
    async def story(ours: ByteStream, theirs: ByteStream) -> None:
        pumping = asyncio.create_task(pumped(ours, lambda data: Wait()))
        assert await is_waiting(pumping)
        pumping.cancel()
        await asyncio.wait({pumping})
        await theirs.write(b"something")
        assert await read_exactly(ours, 9) == b"something"

    over(story)
