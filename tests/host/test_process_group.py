"""How a program on pipes, and all that it has started, is ended."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from guardpost.host import children

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="runs POSIX programs")


def state_of(pid: int) -> str | None:
    """The letter of /proc/PID/stat; None when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return stat.rpartition(")")[2].split()[0]


def test_terminating_gives_the_status_and_wakes_what_is_stopped() -> None:
    async def story() -> None:
        child = await children.spawn([b"sleep", b"100"])
        child.signal(signal.SIGSTOP)
        assert await child.terminate() == -signal.SIGTERM
        assert await child.terminate() == -signal.SIGTERM
        child.close()

    asyncio.run(story())


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="looks there")
def test_a_number_is_signalled_only_while_nobody_else_can_have_it() -> None:
    """A program that has ended is a zombie until close(): then its number is let go."""

    async def story() -> None:
        child = await children.spawn([b"sh", b"-c", b"sleep 100 & echo $!"])
        left = int(await child.stdout.read())
        assert await child.wait() == 0
        assert state_of(child.pid) == "Z"
        child.signal(signal.SIGSTOP)
        while state_of(left) != "T":
            await asyncio.sleep(0)
        child.close()
        assert state_of(child.pid) is None
        child.signal(signal.SIGCONT)
        child.signal(signal.SIGKILL)
        assert await child.terminate() == 0
        assert state_of(left) == "T"
        os.kill(left, signal.SIGKILL)

    asyncio.run(story())


def test_what_a_program_left_behind_ends_with_it() -> None:
    async def story() -> None:
        child = await children.spawn([b"sh", b"-c", b"trap '' TERM; sleep 100 & echo $!"])
        left = int(await child.stdout.read())
        assert await child.wait() == 0
        assert await child.terminate() == 0
        while state_of(left) not in (None, "Z"):
            await asyncio.sleep(0)
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
