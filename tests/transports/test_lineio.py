"""A pipe stands for the line: it holds 64 KiB, and neither end blocks."""

import os
import sys
import threading
from collections.abc import Iterator
from random import Random

import pytest

if sys.platform == "win32":
    pytest.skip("POSIX only", allow_module_level=True)

from guardpost.transports.lineio import GATHERED_MAX_BYTES, gather, put_out

MOMENT = 0.003
LONG = 30.0  # of which a test takes what the other end needs


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    yield reader, writer
    for descriptor in (reader, writer):
        try:
            os.close(descriptor)
        except OSError:
            pass  # the test did


@pytest.mark.parametrize("seconds", [0.0, MOMENT])
def test_nothing_is_there(pipe: tuple[int, int], seconds: float) -> None:
    with pytest.raises(BlockingIOError):
        gather(pipe[0], 0, seconds)


@pytest.mark.parametrize("seconds", [0.0, MOMENT])
def test_the_end_of_the_line(pipe: tuple[int, int], seconds: float) -> None:
    reader, writer = pipe
    os.write(writer, b"the last words")
    os.close(writer)
    assert gather(reader, 0, seconds) == b"the last words"
    assert gather(reader, 0, seconds) == b""


def test_a_broken_line_says_so_once_its_bytes_are_read() -> None:
    master, slave = os.openpty()
    os.set_blocking(master, False)
    os.write(slave, b"before")
    os.close(slave)
    assert gather(master, 0, MOMENT) == b"before"
    with pytest.raises(OSError, match="Input/output error"):
        gather(master, 0, MOMENT)
    os.close(master)


def test_what_is_there_is_read_in_one_call_and_no_more_than_its_room(
    pipe: tuple[int, int],
) -> None:
    reader, writer = pipe
    data = Random(1).randbytes(GATHERED_MAX_BYTES)
    assert put_out(writer, data) == len(data)
    assert gather(reader) == data


def test_a_frame_is_waited_for_and_nothing_behind_it(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    os.write(writer, b"begun ")
    ending = threading.Timer(0.05, lambda: os.write(writer, b"and ended\0"))
    ending.start()
    assert gather(reader, 0, LONG) == b"begun and ended\0"
    ending.join()


def test_a_frame_that_does_not_end_is_not_kept_back(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    os.write(writer, b"begun")
    assert gather(reader, 0, MOMENT) == b"begun"


@pytest.mark.parametrize("delimiter", [0, 0x1E, ord("}"), 0xFF])
def test_any_byte_may_be_the_delimiter(pipe: tuple[int, int], delimiter: int) -> None:
    reader, writer = pipe
    frame = bytes(sorted({*range(256)} - {delimiter})) + bytes((delimiter,))
    os.write(writer, frame)
    assert gather(reader, delimiter, LONG) == frame


def test_a_full_line_takes_what_it_can_and_then_nothing(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    data = Random(2).randbytes(100_000)
    taken = put_out(writer, data)
    assert 0 < taken < len(data)
    with pytest.raises(BlockingIOError):
        put_out(writer, data[taken:])
    with pytest.raises(BlockingIOError):
        put_out(writer, data[taken:], MOMENT)
    assert os.read(reader, taken) == data[:taken]


def test_a_line_that_takes_it_within_the_time_takes_it_all(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    data = Random(3).randbytes(1_000_000)
    got = bytearray()

    def read_all() -> None:
        while len(got) < len(data):
            try:
                got.extend(gather(reader, 0, MOMENT))
            except BlockingIOError:
                pass  # a slow machine

    reading = threading.Thread(target=read_all)
    reading.start()
    assert put_out(writer, memoryview(data), LONG) == len(data)
    reading.join()
    assert got == data


def test_writing_to_nobody_raises(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        put_out(writer, b"hello", MOMENT)
