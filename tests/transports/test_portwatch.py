"""What no event tells about a port: settings that others change, output that stands still.

Standing output of a real driver is in tests/e2e/test_guest_changed.py: a pty has no transmitter.
"""

import asyncio
import os
import pty
import termios
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardpost.transports import open_url
from guardpost.transports.portwatch import STUCK_SECONDS, Output, StuckOutput, _told_by_linux


@pytest.fixture
def port() -> Iterator[tuple[int, str]]:
    """The master of a pty, and the path of the port."""
    master, slave = pty.openpty()
    yield master, os.ttyname(slave)
    os.close(slave)
    os.close(master)


def test_settings_that_somebody_changes_are_set_again(port: tuple[int, str]) -> None:
    master, path = port

    async def story() -> None:
        line = await open_url(path)
        somebody = os.open(path, os.O_RDWR | os.O_NOCTTY)
        ours = termios.tcgetattr(somebody)
        cooked = termios.tcgetattr(somebody)
        cooked[3] |= termios.ICANON | termios.ECHO
        termios.tcsetattr(somebody, termios.TCSANOW, cooked)
        os.write(master, b"no line end")
        async with asyncio.timeout(30):
            assert await line.read() == b"no line end"
        assert termios.tcgetattr(somebody) == ours
        os.close(somebody)
        await line.close()

    asyncio.run(story())


def test_a_closed_port_is_watched_no_more(port: tuple[int, str]) -> None:
    _, path = port

    async def story() -> int:
        before = len(asyncio.all_tasks())
        line = await open_url(path)
        await line.close()
        return len(asyncio.all_tasks()) - before

    assert asyncio.run(story()) == 0


def looks(*outputs: tuple[float, int, int]) -> list[bool]:
    judge = StuckOutput()
    return [judge.look(Output(waiting, sent), now) for now, waiting, sent in outputs]


def test_output_that_waits_while_nothing_leaves_is_stuck() -> None:
    late = STUCK_SECONDS
    assert looks((0, 0, 500), (2, 300, 516), (4, 300, 516), (late + 2, 300, 516)) == [
        *(False, False, False),
        True,
    ]


def test_output_that_came_after_a_long_pause_is_given_its_time() -> None:
    assert looks((0, 0, 500), (1000, 300, 500), (1002, 300, 500)) == [False, False, False]


def test_a_driver_that_counts_nothing_is_never_stuck() -> None:
    assert not any(looks(*((time, 300, 0) for time in range(0, 100, 2))))


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 4096), st.integers(1, 64))))
def test_output_that_moves_is_never_stuck(steps: list[tuple[int, int, int]]) -> None:
    now, sent, judge = 0, 1, StuckOutput()
    for seconds, waiting, left in steps:
        now, sent = now + seconds, sent + left
        assert not judge.look(Output(waiting, sent), now)


def test_what_a_library_leaves_uninitialised_is_no_change_of_settings() -> None:
    ours = [1, 0, 6322, 0, 4098, 4098, [b"\x00"] * 32]
    assert _told_by_linux(ours) == _told_by_linux([*ours[:6], [b"\x00"] * 19 + [b"?"] * 13])
    for at in (0, 16):
        changed = [*ours[6]]
        changed[at] = b"\x03"
        assert _told_by_linux(ours) != _told_by_linux([*ours[:6], changed])
    assert _told_by_linux(ours) != _told_by_linux([0, *ours[1:]])
