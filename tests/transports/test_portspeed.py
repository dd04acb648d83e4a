"""The speed of an open port: changed, kept by the watch, and given back."""

import asyncio
import functools
import os
import sys
import termios
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from guardpost.aio.stream import SpeedStream
from guardpost.ptyend import PtyEnd
from guardpost.transports import open_url
from guardpost.transports.modem import divided_from, divides

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ptys")


def in_a_loop(test: Callable[..., Coroutine[None, None, None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(**fixtures: object) -> None:
        asyncio.run(test(**fixtures))

    return run


@pytest.fixture
def port(tmp_path: Path) -> Iterator[str]:
    """The path of a simulated port whose speeds count, at 9600 bit/s."""
    end = PtyEnd(str(tmp_path / "tty"))
    end.set_speed(9600)
    yield end.link
    end.unplug()


def settings(path: str) -> list[object]:
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        return termios.tcgetattr(fd)
    finally:
        os.close(fd)


@in_a_loop
async def test_another_speed_changes_nothing_else_and_ends_with_the_port(port: str) -> None:
    before = settings(port)
    line = await open_url(port)
    assert isinstance(line, SpeedStream)
    assert line.no_cable() == ""
    assert line.bits_per_second == 115200
    ours = settings(port)
    assert line.set_speed(921600)
    raised = settings(port)
    assert raised[4:6] == [termios.B921600, termios.B921600]
    assert (raised[0], raised[1], raised[3], raised[6]) == (ours[0], ours[1], ours[3], ours[6])
    assert line.set_speed(115200)
    assert settings(port) == ours
    line.set_speed(460800)
    await line.close()
    assert settings(port)[4:6] == before[4:6] == [termios.B9600, termios.B9600]
    assert not line.set_speed(460800)


class RefusingDriver:
    """pyserial's port whose driver does not take the first speed it is given, after half of it."""

    def __init__(self, port: Any, how: Exception) -> None:
        self._port = port
        self._how: Exception | None = how

    @property
    def baudrate(self) -> int:
        return int(self._port.baudrate)

    @baudrate.setter
    def baudrate(self, speed: int) -> None:
        how, self._how = self._how, None
        self._port.baudrate = 38400 if how else speed
        if how:
            raise how


@pytest.mark.parametrize(
    "how", [ValueError("no such speed"), OSError(22, "no"), termios.error(22, "no")]
)
def test_a_driver_that_refuses_half_way_leaves_the_old_speed(port: str, how: Exception) -> None:
    async def story() -> None:
        line = await open_url(port)
        ours = settings(port)
        line._speed._port = line._port = RefusingDriver(line._port, how)
        assert not line.set_speed(921600)
        assert settings(port) == ours
        assert line.status().startswith("115200 bit/s")
        line._port = line._port._port
        await line.close()

    asyncio.run(story())


@in_a_loop
async def test_what_a_killed_process_left_raised_is_left_at_the_base_speed(port: str) -> None:
    fd = os.open(port, os.O_RDWR | os.O_NOCTTY)
    mode = termios.tcgetattr(fd)
    mode[4] = mode[5] = termios.B921600
    termios.tcsetattr(fd, termios.TCSANOW, mode)
    os.close(fd)
    line = await open_url(port)
    await line.close()
    assert settings(port)[4:6] == [termios.B115200, termios.B115200]


@in_a_loop
async def test_the_speeds_to_try_are_above_the_base(port: str) -> None:
    line = await open_url(f"{port}?baud=460800")
    assert isinstance(line, SpeedStream)
    assert line.speeds() == (4000000, 3000000, 2000000, 1500000, 1000000, 921600)
    await line.close()


@in_a_loop
async def test_a_pty_is_no_cable() -> None:
    leader, follower = os.openpty()
    line = await open_url(os.ttyname(follower))
    assert isinstance(line, SpeedStream)
    assert line.no_cable() == "a pty has no speed"
    assert divided_from(follower) == 0
    await line.close()
    os.close(leader)
    os.close(follower)


@pytest.mark.parametrize(
    ("base", "speed", "possible"),
    [
        (115200, 230400, False),  # a PC's 1.8432 MHz
        (921600, 921600, True),
        (921600, 460800, True),
        (921600, 1000000, False),
        (3000000, 921600, False),  # by 3 it is 8.5 % off
        (4000000, 4000000, True),
        (24000000, 921600, True),  # an FTDI's: 26 gives 923077
    ],
)
def test_what_a_uart_can_divide(base: int, speed: int, possible: bool) -> None:
    assert divides(base, speed) is possible
