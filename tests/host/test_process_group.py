"""How a program on pipes, and all that it has started, is ended."""

import asyncio
import signal
import sys

import pytest

from guardpost.host import children

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="runs POSIX programs")


def test_terminating_gives_the_status_and_wakes_what_is_stopped() -> None:
    async def story() -> None:
        child = await children.spawn([b"sleep", b"100"])
        child.signal(signal.SIGSTOP)
        assert await child.terminate() == -signal.SIGTERM
        assert await child.terminate() == -signal.SIGTERM
        child.close()

    asyncio.run(story())


def test_cancelled_while_terminating_it_kills_at_once() -> None:
    async def story() -> None:
        child = await children.spawn([b"sh", b"-c", b"trap '' TERM; echo; sleep 100; sleep 100"])
        await child.stdout.read()
        ending = asyncio.ensure_future(child.terminate())
        await asyncio.sleep(0.01)
        ending.cancel()
        assert await child.wait() == -signal.SIGKILL
        child.close()

    asyncio.run(story())
