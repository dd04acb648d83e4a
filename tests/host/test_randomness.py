"""The random generator: whether it is ready, and waiting for it without looking again and again."""

import asyncio
import errno
import os
import threading

import pytest

from guardpost.host import randomness


def failing(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    "error, ready",
    [(None, True), (failing(errno.EAGAIN), False), (failing(errno.ENOSYS), True)],
)
def test_only_a_kernel_that_says_so_is_not_ready(error: OSError | None, ready: bool) -> None:
    def take() -> None:
        if error is not None:
            raise error

    assert randomness.is_ready(take) is ready


def test_this_host_has_been_up_for_a_while() -> None:
    assert randomness.is_ready()
    asyncio.run(randomness.wait_until_ready())


def test_the_loop_goes_on_while_a_thread_waits() -> None:
    filled = threading.Event()

    async def whole() -> None:
        waiting = asyncio.ensure_future(randomness.wait_until_ready(lambda count: filled.wait()))
        await asyncio.sleep(0)  # the loop is free although the generator is not ready
        assert not waiting.done()
        filled.set()
        await waiting

    asyncio.run(whole())


def test_who_gives_up_waiting_leaves_nothing_that_fails() -> None:
    filled, before = threading.Event(), {*threading.enumerate()}

    async def whole() -> None:
        waiting = asyncio.ensure_future(randomness.wait_until_ready(lambda count: filled.wait()))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    asyncio.run(whole())
    (thread,) = {*threading.enumerate()} - before
    filled.set()
    thread.join()  # a thread that failed is an error of the test (threading.excepthook)
