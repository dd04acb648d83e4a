"""What is kept, for how long, and how many; the programs are made up."""

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable

import pytest
from support.virtual_time import run_virtual

from guardpost.errors import ChannelReset, ResetCode
from guardpost.host.descriptors import DescriptorReader
from guardpost.services.job import Ended, Job
from guardpost.services.kept import MOST, STAYS_SECONDS, KeptJobs


class Program:
    """Ends when it is told to."""

    pid = 1
    outputs: tuple[DescriptorReader, ...] = ()

    def __init__(self) -> None:
        self.status: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.is_closed = False

    async def wait(self) -> int:
        return await asyncio.shield(self.status)

    def signal(self, number: int) -> None:
        self.end(-number)

    def end(self, status: int) -> None:
        if not self.status.done():
            self.status.set_result(status)

    async def terminate(self) -> int:
        self.end(-15)
        return await self.wait()

    def close(self) -> None:
        self.is_closed = True


class House:
    def __init__(self) -> None:
        self.now = 1000.0
        self.kept = KeptJobs(lambda: self.now)

    def start(
        self, ended: Callable[[], None] = lambda: None, *, ends_alone: bool = False
    ) -> tuple[int, Program]:
        program = Program()
        number = self.kept.keep(
            Job(program), "x", (b"x",), key=b"k", user="ann", ends_alone=ends_alone, ended=ended
        )
        return number, program

    async def until_ended(self, number: int) -> None:
        while (kept := self.kept.find(number)) is not None and kept.ended_at is None:
            await asyncio.sleep(0)


def told(story: Callable[[House], Awaitable[None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(10):
            await story(House())

    asyncio.run(run())


def test_one_that_has_ended_stays_a_day() -> None:
    async def story(house: House) -> None:
        told: list[str] = []
        number, program = house.start(lambda: told.append("ended"))
        assert [each.number for each in house.kept.all()] == [number]
        program.end(3)
        await house.until_ended(number)
        assert (told, program.is_closed) == (["ended"], True)
        house.now += STAYS_SECONDS
        assert house.kept.find(number) is not None
        house.now += 1
        assert house.kept.find(number) is None
        assert house.kept.all() == []

    told(story)


def test_numbers_are_not_used_again_and_ended_ones_make_room() -> None:
    async def story(house: House) -> None:
        started = [house.start() for _ in range(MOST)]
        with pytest.raises(ChannelReset) as caught:
            house.start()
        assert caught.value.code is ResetCode.LIMIT
        started[3][1].end(0)
        await house.until_ended(started[3][0])
        assert house.start()[0] == MOST + 1
        assert house.kept.find(started[3][0]) is None
        await house.kept.close()

    told(story)


def test_what_is_forgotten_is_ended_and_takes_its_place_until_then() -> None:
    async def story(house: House) -> None:
        started = [house.start() for _ in range(MOST)]
        number, program = started[0]
        await asyncio.sleep(0)
        house.kept.forget(number)
        assert house.kept.find(number) is None
        with pytest.raises(ChannelReset):
            house.start()
        while not program.is_closed:
            await asyncio.sleep(0)
        assert program.status.result() == -15
        await asyncio.sleep(0)
        house.start()
        await house.kept.close()
        assert all(each.is_closed for _, each in started)

    told(story)


def test_one_that_everybody_has_left_is_ended_after_a_day() -> None:
    async def story() -> None:
        house = House()
        number, program = house.start(ends_alone=True)
        kept = house.kept.find(number)
        assert kept is not None
        house.kept.leave(kept)
        await asyncio.sleep(STAYS_SECONDS / 2)
        with kept.job.attach().attached():
            await asyncio.sleep(STAYS_SECONDS)
        house.kept.leave(kept)
        await asyncio.sleep(STAYS_SECONDS - 1)
        assert house.kept.all() == [kept]
        await asyncio.sleep(2)
        assert program.is_closed
        assert kept.job.ended == Ended(None, 15, timed_out=True)
        assert house.kept.all() == [kept]
        house.now += STAYS_SECONDS + 1
        assert house.kept.all() == []

    run_virtual(story())


def test_a_program_that_runs_alone_is_ended_by_nobody() -> None:
    async def story() -> None:
        house = House()
        number, _ = house.start()
        kept = house.kept.find(number)
        assert kept is not None
        house.kept.leave(kept)
        await asyncio.sleep(STAYS_SECONDS * 3)
        assert kept.job.ended is None
        await house.kept.close()

    run_virtual(story())


def test_what_was_left_often_is_not_remembered_longer_than_it_is_kept() -> None:
    async def story(house: House) -> None:
        number, program = house.start(ends_alone=True)
        kept = house.kept.find(number)
        assert kept is not None
        await asyncio.sleep(0)
        for _ in range(100):
            with kept.job.attach().attached():
                pass
            house.kept.leave(kept)
        job = weakref.ref(kept.job)
        house.kept.forget(number)
        del kept
        while not program.is_closed:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        gc.collect()
        assert job() is None

    told(story)
