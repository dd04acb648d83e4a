"""What blocks runs beside the loop, and its end comes back to it."""

import asyncio
import threading

import pytest

from guardpost.host.own_thread import in_own_thread


def test_what_it_returns_or_raises_comes_back() -> None:
    async def story() -> None:
        assert await in_own_thread(lambda: 7) == 7
        with pytest.raises(OSError, match="gone"):
            await in_own_thread(lambda: raising(OSError("gone")))

    asyncio.run(story())


def raising(error: Exception) -> None:
    raise error


def test_nobody_waits_for_one_that_blocks() -> None:
    may_end = threading.Event()
    threads: list[threading.Thread] = []

    def work() -> None:
        threads.append(threading.current_thread())
        may_end.wait(60)

    async def story() -> None:
        blocked = in_own_thread(work)
        while not threads:
            await asyncio.sleep(0)
        blocked.cancel()

    asyncio.run(story())
    may_end.set()
    threads[0].join(60)
    assert threads[0].daemon
