"""One piece of work is waited for; what was left behind ends unheard."""

import asyncio

from guardpost.agent.job import Job


def test_work_that_was_abandoned_knows_it_and_is_still_waited_for() -> None:
    said: list[str] = []

    async def story() -> None:
        job = Job()

        async def work(name: str) -> None:
            try:
                await asyncio.sleep(60 if name == "slow" else 0)
            finally:
                if job.is_current():
                    said.append(name)
                    job.finish()

        job.start(work("slow"))
        await asyncio.sleep(0)
        job.abandon()
        job.start(work("quick"))
        await job.wait_closed()
        assert not job.interrupt()

    asyncio.run(story())
    assert said == ["quick"]


def test_an_interrupt_is_asked_once() -> None:
    async def story() -> None:
        job = Job()
        assert not job.interrupt()
        job.start(asyncio.sleep(60))
        assert job.interrupt()
        assert not job.interrupt()
        await job.wait_closed()

    asyncio.run(story())
