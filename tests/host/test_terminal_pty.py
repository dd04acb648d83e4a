"""Real programs on ptys of this machine."""

import asyncio
import os
import resource
import signal
import sys
from collections.abc import Awaitable, Callable

import pytest

from guardpost.errors import ResetCode
from guardpost.host.spawning import SpawnError
from guardpost.host.terminal_pty import TerminalChild, spawn_on_terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ptys are POSIX")


def told(story: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(20):
            await story()

    asyncio.run(limited())


async def shell(command: bytes, **how: object) -> TerminalChild:
    return await spawn_on_terminal([b"/bin/sh", b"-c", command], **how)  # type: ignore[arg-type]


async def heard(child: TerminalChild, until: bytes = b"") -> bytes:
    """What the terminal shows, until that is there, or to its end."""
    found = b""
    while not (until and until in found) and (data := await child.outputs[0].read()):
        found += data
    return found


def test_the_program_has_a_terminal_of_its_own() -> None:
    async def story() -> None:
        child = await shell(b"tty; stty size; ps -o sid=,tpgid= -p $$; exit 3", size=(30, 100))
        lines = (await heard(child)).split(b"\r\n")
        assert lines[0].decode() == child.name
        assert lines[1] == b"30 100"
        assert lines[2].split() == [b"%d" % child.pid] * 2
        assert await child.wait() == 3
        child.close()

    told(story)


def test_what_is_typed_is_echoed_edited_and_interrupts() -> None:
    async def story() -> None:
        child = await shell(
            b"trap 'echo caught; exit 7' INT; echo ready; read word; echo got:$word;"
            b" while :; do sleep 0.1; done"
        )
        await heard(child, b"ready\r\n")
        await child.write_stdin(b"helx\x7flo\r")
        assert b"got:hello" in await heard(child, b"got:hello\r\n")
        await child.write_stdin(b"\x03")
        assert b"caught" in await heard(child)
        assert await child.wait() == 7
        child.close()

    told(story)


def test_a_new_size_is_told() -> None:
    async def story() -> None:
        child = await shell(b"trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done")
        await heard(child, b"ready\r\n")
        child.resize(50, 132)
        await heard(child, b"50 132\r\n")
        child.redraw()
        await heard(child, b"50 132\r\n")
        child.resize(10**9, -3)
        await heard(child, b"65535 0\r\n")
        await child.terminate()
        child.close()

    told(story)


def test_terminating_reaches_jobs_in_groups_of_their_own() -> None:
    async def story() -> None:
        child = await spawn_on_terminal([b"/bin/sh", b"-m"], env={b"PS1": b"$ "})
        # The job itself speaks: it got the terminal before its exec. `fg` speaks before that.
        await child.write_stdin(b"sh -c 'echo job=$$ runs; exec sleep 1000'\r")
        shown = await heard(child, b" runs\r\n")
        job = int(shown.rpartition(b"job=")[2].split()[0])
        await child.terminate()
        child.close()
        while os.path.exists(f"/proc/{job}"):
            await asyncio.sleep(0.01)

    told(story)


def test_a_program_that_does_not_read_costs_no_processor_and_can_be_left() -> None:
    async def story() -> None:
        child = await shell(b"stty raw -echo; echo ready; exec sleep 1000")
        await heard(child, b"ready")
        typing = asyncio.ensure_future(child.write_stdin(bytes(100_000)))
        before = resource.getrusage(resource.RUSAGE_SELF)
        await asyncio.wait([typing], timeout=0.5)
        after = resource.getrusage(resource.RUSAGE_SELF)
        assert not typing.done()
        assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.25
        typing.cancel()
        assert await child.terminate() == -signal.SIGHUP
        child.close()

    told(story)


def test_closing_hangs_up() -> None:
    async def story() -> None:
        child = await shell(b"echo ready; exec sleep 1000")
        await heard(child, b"ready")
        child.close()
        child.close()
        assert await child.wait() == -signal.SIGHUP
        await child.write_stdin(b"to nobody")
        child.resize(1, 1)

    told(story)


def test_what_cannot_be_started_leaves_nothing_open() -> None:
    async def story() -> None:
        before = len(os.listdir("/proc/self/fd"))
        for argv, cwd in (([b"/no/such"], None), ([b"/etc"], None), ([b"true"], b"/no/folder")):
            with pytest.raises(SpawnError) as caught:
                await spawn_on_terminal(argv, cwd=cwd)
            assert caught.value.code in (ResetCode.NOT_FOUND, ResetCode.FAILED)
        assert len(os.listdir("/proc/self/fd")) == before

    told(story)


def test_ctrl_c_ends_a_program_though_the_agent_itself_ignores_it() -> None:
    """A script that starts an agent with `&` has it ignore SIGINT and SIGQUIT."""

    async def story() -> None:
        child = await shell(b"echo ready; exec sleep 1000")
        await heard(child, b"ready\r\n")
        await child.write_stdin(b"\x03")
        assert await child.wait() == -signal.SIGINT
        child.close()

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        told(story)
    finally:
        signal.signal(signal.SIGINT, before)
