"""A program run for the prompt: output as it comes, its status, its end with its children."""

import asyncio
import os
import sys
import time

import pytest

from guardpost.agent.child import CommandNotStarted, exit_words, run_child
from guardpost.host.processes import list_processes

POSIX = sys.platform != "win32"


def run(code: str) -> tuple[int, bytes]:
    """Status and output of a Python program."""
    shown: list[bytes] = []

    async def show(data: bytes) -> None:
        shown.append(data)

    status = asyncio.run(run_child([sys.executable, "-c", code], {"GUARDPOST_USER": "ann"}, show))
    return status, b"".join(shown)


def test_output_and_errors_come_together_with_the_status() -> None:
    code = "import os, sys; os.write(1, b'a'); os.write(2, b'b'); sys.exit(7)"
    assert run(code) == (7, b"ab")


def test_its_environment_says_who_asked_and_there_is_no_input() -> None:
    code = "import os, sys; print(os.environ['GUARDPOST_USER'], repr(sys.stdin.read()))"
    assert run(code)[1].split() == [b"ann", b"''"]


@pytest.mark.parametrize("argv", [["/no/such/program"], [os.getcwd()], ["a\0b"], [""]])
def test_what_cannot_be_started_is_named(argv: list[str]) -> None:
    async def show(data: bytes) -> None:
        raise AssertionError("nothing runs")

    with pytest.raises(CommandNotStarted):
        asyncio.run(run_child(argv, {}, show))


def test_a_daemon_left_behind_does_not_hold_the_prompt() -> None:
    code = (
        "import subprocess, sys; print('begun', flush=True); "
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(5)'])"
    )
    began = time.monotonic()
    assert run(code) == (0, b"begun" + os.linesep.encode())
    assert time.monotonic() - began < 4


@pytest.mark.skipif(not POSIX, reason="process groups and their signals are POSIX")
def test_a_program_that_ignores_the_interrupt_is_killed_with_its_children() -> None:
    code = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGINT, signal.SIG_IGN); "
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
        "print(child.pid, flush=True); time.sleep(60)"
    )
    shown: list[bytes] = []

    async def story() -> None:
        begun = asyncio.Event()

        async def show(data: bytes) -> None:
            shown.append(data)
            begun.set()

        running = asyncio.ensure_future(run_child([sys.executable, "-c", code], {}, show))
        await begun.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(story())
    pid = int(b"".join(shown))
    alive = [each for each in list_processes() if each.pid == pid and each.state != "zombie"]
    assert alive == []


def test_a_reader_who_has_enough_ends_the_program() -> None:
    class Enough(Exception):
        pass

    async def story() -> None:
        async def show(data: bytes) -> None:
            raise Enough

        code = "for _ in iter(int, 1): print('y' * 70)"
        with pytest.raises(Enough):
            await run_child([sys.executable, "-c", code], {}, show)

    asyncio.run(story())


def test_the_words_for_a_status() -> None:
    assert exit_words(0) == "exit status 0"
    assert exit_words(-15) == "ended by SIGTERM, exit status 143"
    assert exit_words(-60) == "ended by signal 60, exit status 188"
