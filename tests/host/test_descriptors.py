import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from guardpost.host.descriptors import DescriptorReader, DescriptorWriter, end_of_output

Story = Callable[[int, int], Awaitable[None]]


@contextlib.contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    try:
        yield ends
    finally:
        for fd in ends:
            with contextlib.suppress(OSError):
                os.close(fd)


def told(story: Story) -> None:
    async def run() -> None:
        with pipe() as (source, sink):
            async with asyncio.timeout(10):
                await story(source, sink)

    asyncio.run(run())


def test_a_read_waits_for_bytes_and_not_the_loop() -> None:
    async def story(source: int, sink: int) -> None:
        reading = asyncio.ensure_future(DescriptorReader(source).read())
        await asyncio.sleep(0.01)
        assert not reading.done()
        os.write(sink, b"x")
        assert await reading == b"x"

    told(story)


def test_the_writer_s_end_is_the_reader_s() -> None:
    async def story(source: int, sink: int) -> None:
        reader = DescriptorReader(source)
        os.write(sink, b"last")
        os.close(sink)
        assert await reader.read(2) == b"la"
        assert await reader.read() == b"st"
        assert await reader.read() == b""

    told(story)


def test_a_cancelled_read_loses_nothing() -> None:
    async def story(source: int, sink: int) -> None:
        reader = DescriptorReader(source)
        reading = asyncio.ensure_future(reader.read())
        await asyncio.sleep(0.01)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        os.write(sink, b"kept")
        assert await reader.read() == b"kept"

    told(story)


def test_finishing_gives_what_is_there_and_then_an_end() -> None:
    async def story(source: int, sink: int) -> None:
        reader = DescriptorReader(source)
        waiting = asyncio.ensure_future(reader.read())
        await asyncio.sleep(0.01)
        os.write(sink, b"there")
        reader.finish()
        assert await waiting == b"there"
        assert await reader.read() == b""

    told(story)


def test_a_write_waits_for_room_and_not_the_loop() -> None:
    async def story(source: int, sink: int) -> None:
        data = os.urandom(1_000_000)
        writing = asyncio.ensure_future(DescriptorWriter(sink).write(data))
        reader, found = DescriptorReader(source), b""
        while len(found) < len(data):
            found += await reader.read()
        await writing
        assert found == data
        assert os.get_blocking(sink), "the flags belong to the shell that made the pipe"

    told(story)


def test_nobody_reading_is_a_broken_pipe() -> None:
    async def story(source: int, sink: int) -> None:
        os.close(source)
        with pytest.raises(BrokenPipeError):
            await DescriptorWriter(sink).write(b"x")

    told(story)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX flags")
def test_a_descriptor_that_does_not_block_is_fine_too() -> None:
    async def story(source: int, sink: int) -> None:
        os.set_blocking(source, False)
        os.set_blocking(sink, False)
        writing = asyncio.ensure_future(DescriptorWriter(sink).write(bytes(300_000)))
        reader, count = DescriptorReader(source), 0
        while count < 300_000:
            count += len(await reader.read())
        await writing

    told(story)


def test_files_and_nowhere_are_read_to_their_end_and_written(tmp_path: Path) -> None:
    async def story() -> None:
        path = tmp_path / "file"
        with path.open("wb") as out:
            await DescriptorWriter(out.fileno()).write(b"x" * 100_000)
        with path.open("rb") as source:
            reader, count = DescriptorReader(source.fileno()), 0
            while data := await reader.read():
                count += len(data)
        assert count == 100_000
        with open(os.devnull, "r+b") as null:
            assert await DescriptorReader(null.fileno()).read() == b""
            await DescriptorWriter(null.fileno()).write(bytes(10))

    asyncio.run(story())


@pytest.mark.skipif(sys.platform == "win32", reason="has no ptys")
def test_a_terminal_is_read_and_its_hang_up_is_an_end() -> None:
    async def story() -> None:
        master, slave = os.openpty()
        reader = DescriptorReader(slave)
        os.write(master, b"line\n")
        assert await reader.read() == b"line\n"
        os.close(master)
        assert await reader.read() == b""
        os.close(slave)

    asyncio.run(story())


def test_a_closed_descriptor_reads_as_an_end() -> None:
    async def story(source: int, sink: int) -> None:
        os.close(source)
        assert await DescriptorReader(source).read() == b""

    told(story)


def test_a_folder_is_an_error_and_no_end(tmp_path: Path) -> None:
    async def story() -> None:
        fd = os.open(tmp_path, os.O_RDONLY)
        try:
            with pytest.raises(IsADirectoryError):
                await DescriptorReader(fd).read()
        finally:
            os.close(fd)

    asyncio.run(story())


def test_the_end_of_output_is_seen_and_the_number_stays_taken() -> None:
    async def story(source: int, sink: int) -> None:
        end_of_output(sink)
        assert os.read(source, 1) == b""
        os.write(sink, b"to nowhere")

    told(story)


def test_the_end_of_output_of_a_socket_leaves_its_input() -> None:
    here, there = socket.socketpair()
    with here, there:
        end_of_output(here.fileno())
        assert there.recv(1) == b""
        there.sendall(b"x")
        assert here.recv(1) == b"x"


def test_a_writer_whose_reader_never_reads_is_abandoned() -> None:
    async def story(source: int, sink: int) -> None:
        writer = DescriptorWriter(sink)
        writing = asyncio.ensure_future(writer.write(bytes(1 << 20)))
        await asyncio.sleep(0.01)
        assert not writing.done()
        writer.abandon()
        with pytest.raises(BrokenPipeError):
            await writing
        with pytest.raises(BrokenPipeError):
            await writer.write(b"x")

    told(story)


@pytest.mark.skipif(sys.platform == "win32", reason="threads write there")
def test_the_number_of_an_abandoned_one_may_be_anothers_at_once() -> None:
    async def story(source: int, sink: int) -> None:
        loop, woken = asyncio.get_running_loop(), asyncio.Event()
        writer = DescriptorWriter(sink)
        writing = asyncio.ensure_future(writer.write(bytes(1 << 20)))
        await asyncio.sleep(0.01)
        with pipe() as (_, other):
            writer.abandon()
            os.dup2(other, sink)
            loop.add_writer(sink, woken.set)
            with pytest.raises(BrokenPipeError):
                await writing
            woken.clear()
            await woken.wait()
            assert loop.remove_writer(sink)

    told(story)
