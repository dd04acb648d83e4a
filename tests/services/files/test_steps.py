"""Work in threads: a cancellation waits for the moment that is running."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from guardpost.services.files.steps import Steps, in_thread, opened, stepwise, together


def test_a_cancelled_moment_is_over_before_who_cancelled_goes_on() -> None:
    begun, may_end, over = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        may_end.wait(10)
        over.set()

    async def story() -> None:
        task = asyncio.ensure_future(in_thread(work))
        await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        asyncio.get_running_loop().call_later(0.05, may_end.set)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert over.is_set()

    asyncio.run(story())


def cancelled_at_work(start: Callable[[Callable[[], int]], Awaitable[int]]) -> None:
    """`start(work)` is cancelled while `work`, which returns 7, is running."""
    begun, may_end = threading.Event(), threading.Event()

    def work() -> int:
        begun.set()
        may_end.wait(10)
        return 7

    async def story() -> None:
        task = asyncio.ensure_future(start(work))
        await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(story())


def test_what_a_cancelled_opening_has_opened_is_closed() -> None:
    closed: list[int] = []
    cancelled_at_work(lambda work: opened(work, closed.append))
    assert closed == [7]


def test_cancelled_steps_end_where_they_are() -> None:
    closed: list[int] = []
    ends: list[str] = []

    def steps(work: Callable[[], int]) -> Steps[int]:
        try:
            found = work()
            yield
        finally:
            ends.append("ended")
        return found

    cancelled_at_work(lambda work: stepwise(steps(work), closed.append))
    assert (ends, closed) == (["ended"], [])


def test_what_came_out_of_cancelled_steps_is_closed() -> None:
    closed: list[int] = []

    def steps(work: Callable[[], int]) -> Steps[int]:
        yield
        return work()

    cancelled_at_work(lambda work: stepwise(steps(work), closed.append))
    assert closed == [7]


def test_steps_return_what_came_out_and_raise_what_went_wrong() -> None:
    def count(to: int) -> Steps[int]:
        for _ in range(to):
            yield
        if to > 5:
            raise OSError("too far")
        return to

    assert asyncio.run(stepwise(count(3))) == 3
    with pytest.raises(OSError, match="too far"):
        asyncio.run(stepwise(count(6)))


def test_the_first_failure_ends_the_others() -> None:
    ended: list[str] = []

    async def patient() -> None:
        try:
            await asyncio.sleep(100)
        finally:
            ended.append("patient")

    async def failing() -> None:
        raise ValueError("first")

    with pytest.raises(ValueError, match="first"):
        asyncio.run(together(patient(), failing()))
    assert ended == ["patient"]
