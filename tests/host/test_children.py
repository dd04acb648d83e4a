"""Programs without a channel; tests/services/test_exec.py has the rest."""

import asyncio
import os
import signal
import sys

import pytest

from guardpost.host import children

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="runs POSIX programs")


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts them in /proc")
def test_no_descriptor_is_left_over() -> None:
    async def story() -> None:
        before = descriptors()
        for program in (b"true", b"/no/such/program", b"/etc"):
            try:
                child = await children.spawn([program])
            except children.SpawnError:
                pass
            else:
                await child.wait()
                child.close()
                child.close()
            assert descriptors() <= before

    asyncio.run(story())


def test_the_program_leads_a_session_of_its_own() -> None:
    async def story() -> None:
        child = await children.spawn([b"cat"])
        assert os.getsid(child.pid) == child.pid
        await child.write_stdin(b"x")
        assert await child.stdout.read() == b"x"
        child.close_stdin()
        assert await child.wait() == 0
        await child.write_stdin(b"to nobody")
        child.signal(signal.SIGTERM)
        child.close()

    asyncio.run(story())


def test_input_that_nobody_reads_holds_up_no_end() -> None:
    async def story() -> None:
        child = await children.spawn([b"sh", b"-c", b"exec sleep 100"])
        writing = asyncio.ensure_future(child.write_stdin(bytes(1 << 20)))
        await asyncio.sleep(0.01)
        assert not writing.done()
        child.close_stdin()
        async with asyncio.timeout(10):
            await writing
        await child.terminate()
        child.close()

    asyncio.run(story())


def test_a_missing_path_is_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PATH")

    async def story() -> None:
        child = await children.spawn([b"true"])
        assert await child.wait() == 0
        child.close()

    asyncio.run(story())


def test_a_program_starts_in_the_home_folder(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def folder() -> bytes:
        child = await children.spawn([b"pwd"])
        await child.wait()
        try:
            return await child.stdout.read()
        finally:
            child.close()

    monkeypatch.setenv("HOME", str(tmp_path))
    assert asyncio.run(folder()) == f"{tmp_path}\n".encode()
    monkeypatch.setenv("HOME", "/no/such/folder")
    assert asyncio.run(folder()) == f"{os.getcwd()}\n".encode()
