"""Joining an owner: what a command waits for, and what a day of commands leaves behind."""

import asyncio
import gc
import os
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.line import BAUD_115200, SimulatedLine
from support.owned_line import OwnedLine, owned_line
from support.virtual_time import run_virtual

from guardpost.protocol.limits import REFRESH_SECONDS
from guardpost.simline import Faults

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="an owner needs unix sockets")

DELAY_SECONDS = 0.05
ROUND_TRIP_SECONDS = 2 * DELAY_SECONDS
KERNEL = b"\r\n[86400.123456] usb 1-1: reset high-speed USB device number 2 using xhci_hcd\r\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    return tmp_path


@pytest.fixture
def nowhere() -> Iterator[int]:
    descriptor = os.open(os.devnull, os.O_WRONLY)
    yield descriptor
    os.close(descriptor)


async def line_seconds(line: OwnedLine, stdout: int) -> float:
    """What `guardpost exec TARGET true` takes when all but the line takes no time."""
    clock = asyncio.get_running_loop().time
    begun = clock()
    assert await line.exec(b"true", stdout=stdout) == 0
    return clock() - begun


@pytest.mark.parametrize("rate", [BAUD_115200, 8 * BAUD_115200])
def test_a_joined_command_takes_one_round_trip_and_its_bytes(
    folder: Path, nowhere: int, rate: float
) -> None:
    """Request, answer, exit status: nothing waits for a second round trip, nor the end for acks."""

    async def story() -> None:
        line = SimulatedLine(rate, faults=Faults(delay=DELAY_SECONDS))
        async with owned_line(line, folder) as owned:
            await line_seconds(owned, nowhere)  # makes the session
            for _ in range(10):
                assert await line_seconds(owned, nowhere) > ROUND_TRIP_SECONDS
                await asyncio.sleep(1)
                assert await line_seconds(owned, nowhere) <= ROUND_TRIP_SECONDS + 0.02

    run_virtual(story())


COMMANDS_AT_ONCE = 3


async def some_commands(owned: OwnedLine, stdout: int, number: int) -> int:
    """One by one and at once, with the kernel between them; then nothing for a quarter hour."""
    for _ in range(2):
        assert await owned.exec(b"echo", b"one by one" * number, stdout=stdout) == 0
        owned.line.insert(KERNEL)
        await asyncio.sleep(5)
    work = [owned.exec(b"true", stdout=stdout) for _ in range(COMMANDS_AT_ONCE)]
    assert await asyncio.gather(*work) == [0] * COMMANDS_AT_ONCE
    await asyncio.sleep(900)
    return 2 + COMMANDS_AT_ONCE


def objects() -> int:
    gc.collect()
    return len(gc.get_objects())


@pytest.mark.slow
def test_a_day_of_commands_noise_and_losses_leaves_nothing_behind(
    folder: Path, nowhere: int
) -> None:
    """Owner, agent and commands in one process: what any of them kept would be counted.

    Free lists and the replay window fill up meanwhile: some 130 kB, and no object.
    """

    async def day() -> None:
        clean = Faults(delay=DELAY_SECONDS)
        noisy = Faults(delay=DELAY_SECONDS, loss=3e-4, flip=1e-4)
        simulated = SimulatedLine(faults=clean, fifo_bytes=64)
        async with owned_line(simulated, folder) as owned:
            clock = asyncio.get_running_loop().time
            await line_seconds(owned, nowhere)
            in_the_morning = await line_seconds(owned, nowhere)
            owned.line.change(noisy)
            for number in range(8):
                await some_commands(owned, nowhere, number)
            begun, before, commands = clock(), objects(), 0
            tracemalloc.start()
            while clock() < begun + REFRESH_SECONDS:  # keys become fresh once
                commands += await some_commands(owned, nowhere, commands % 50)
            more = objects() - before
            left_bytes = tracemalloc.get_traced_memory()[0]
            tracemalloc.stop()
            assert more < commands / 2
            assert left_bytes < commands * 600
            owned.line.change(clean)
            await asyncio.sleep(60)
            in_the_evening = await line_seconds(owned, nowhere)
            assert abs(in_the_evening - in_the_morning) < 0.002

    run_virtual(day())
