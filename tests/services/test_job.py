"""A backlog of made-up pieces, and jobs that are real programs of this machine."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.host import children
from guardpost.services.job import (
    AHEAD_BYTES,
    Attachment,
    Backlog,
    Ended,
    Job,
    Piece,
    Superseded,
)

posix = pytest.mark.skipif(sys.platform == "win32", reason="runs POSIX programs")


# --- the backlog ---


@given(
    st.integers(0, 40),
    st.lists(st.tuples(st.integers(0, 1), st.binary(min_size=1, max_size=30)), max_size=20),
    st.integers(0, 700),
)
def test_a_backlog_has_the_last_bytes_and_all_that_are_needed(
    limit: int, written: list[tuple[int, bytes]], needed_from: int
) -> None:
    backlog = Backlog(limit)
    everything: list[tuple[int, int]] = []
    for output, data in written:
        backlog.append(Piece(output, data), needed_from)
        everything += [(output, byte) for byte in data]
    kept = [(output, byte) for output, data in backlog.after(0) for byte in data]
    assert backlog.end == len(everything)
    assert backlog.start == max(0, min(len(everything) - limit, needed_from))
    assert kept == everything[backlog.start :]


@given(st.lists(st.binary(min_size=1, max_size=9), max_size=9), st.integers(0, 90))
def test_reading_goes_on_in_the_middle_of_a_piece(written: list[bytes], position: int) -> None:
    backlog = Backlog(0)
    for data in written:
        backlog.append(Piece(0, data), 0)
    assert b"".join(data for _, data in backlog.after(position)) == b"".join(written)[position:]


# --- jobs ---


def told(story: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(20):
            await story()

    asyncio.run(limited())


async def start(command: bytes, **how: int | float) -> tuple[Job, "asyncio.Task[Ended]"]:
    child = await children.spawn([b"/bin/sh", b"-c", command])
    job = Job(child, **how)  # type: ignore[arg-type]  # kept and timeout
    return job, asyncio.ensure_future(job.run())


async def rest(reader: Attachment) -> dict[int, bytes]:
    found = {0: b"", 1: b""}
    while (piece := await reader.read()) is not None:
        found[piece.output] += piece.data
    return found


@posix
def test_the_reader_has_both_outputs_and_then_the_end() -> None:
    async def story() -> None:
        job, running = await start(b"echo out; echo err >&2; exit 3")
        with job.attach().attached() as reader:
            assert await rest(reader) == {0: b"out\n", 1: b"err\n"}
        assert await running == Ended(3)

    told(story)


@posix
def test_a_reader_that_stops_stops_the_program_and_nothing_is_lost() -> None:
    async def story() -> None:
        job, running = await start(b"head -c 1000000 /dev/zero; echo done >&2")
        reader = job.attach()
        first = await reader.read()
        assert first is not None
        while job.backlog.end - reader.position < AHEAD_BYTES:
            await job.change()
        assert job.ended is None
        found = await rest(reader)
        assert len(first.data) + len(found[0]) == 1000000
        assert found[1] == b"done\n"
        await running

    told(story)


@posix
def test_without_a_reader_it_goes_on_and_the_last_bytes_are_kept() -> None:
    async def story() -> None:
        job, running = await start(b"head -c 100000 /dev/zero; echo end", kept=100)
        assert await running == Ended(0)
        assert (job.backlog.start, job.backlog.end) == (99904, 100004)
        assert await rest(job.attach(replay=True)) == {0: bytes(96) + b"end\n", 1: b""}
        assert await rest(job.attach()) == {0: b"", 1: b""}

    told(story)


@posix
def test_the_second_reader_supersedes_the_first() -> None:
    async def story() -> None:
        job, running = await start(b"echo hello; cat >/dev/null", kept=100)
        first = job.attach()
        assert await first.read() == Piece(0, b"hello\n")
        waiting = asyncio.ensure_future(first.read())
        await asyncio.sleep(0)
        second = job.attach(replay=True)
        with pytest.raises(Superseded):
            await waiting
        assert await second.read() == Piece(0, b"hello\n")
        job.detach(first)
        assert job.is_attached
        job.detach(second)
        assert not job.is_attached
        running.cancel()
        await asyncio.wait([running])

    told(story)


@posix
def test_a_reader_that_leaves_lets_the_program_go_on() -> None:
    async def story() -> None:
        job, running = await start(b"head -c 1000000 /dev/zero", kept=10)
        with job.attach().attached() as reader:
            await reader.read()
        assert await running == Ended(0)
        assert job.backlog.end == 1000000

    told(story)


@posix
def test_its_time_is_over() -> None:
    async def story() -> None:
        job, running = await start(b"echo begun; exec sleep 100", timeout=0.2, kept=100)
        assert await running == Ended(None, 15, timed_out=True)
        assert await rest(job.attach(replay=True)) == {0: b"begun\n", 1: b""}

    told(story)


@posix
def test_to_cancel_it_ends_the_program() -> None:
    async def story() -> None:
        job, running = await start(b"exec sleep 100")
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert await job.program.wait() == -15

    told(story)
