"""A line for each check, and what counts as broken."""

import asyncio
import errno
import os

import pytest

from guardpost.selftest.check import Check, NotHere, missing, perform, waited_for


def told(*checks: Check) -> tuple[bool, list[str]]:
    lines: list[str] = []
    return perform(checks, lines.append), lines


def failing(error: Exception) -> Check:
    def run() -> None:
        raise error

    return Check("a thing", run)


def test_each_check_is_a_line() -> None:
    good, lines = told(
        Check("codec", lambda: None),
        Check("files", lambda: "/tmp"),
        failing(NotHere("/proc is not mounted")),
    )
    assert good  # what is not here is not broken
    assert lines == ["codec: ok", "files: ok (/tmp)", "a thing: not here: /proc is not mounted"]


def test_one_that_fails_is_told_in_a_line_and_the_others_go_on() -> None:
    good, lines = told(failing(ValueError("the frames\nare wrong")), Check("codec", lambda: None))
    assert not good
    assert lines == ["a thing: failed: ValueError: the frames are wrong", "codec: ok"]
    assert told(failing(TimeoutError()))[1] == ["a thing: failed: TimeoutError"]


def test_a_machine_without_it_is_told_from_one_where_it_breaks() -> None:
    lacking = missing(OSError(errno.EROFS, os.strerror(errno.EROFS), "/tmp/x"))
    assert str(lacking) == "/tmp/x: read-only file system"
    broken = OSError(errno.EIO, os.strerror(errno.EIO))
    with pytest.raises(OSError) as raised:
        missing(broken)
    assert raised.value is broken


def test_a_coroutine_is_a_check() -> None:
    async def work() -> str:
        await asyncio.sleep(0)
        return "waited"

    assert told(Check("a thing", waited_for(work)))[1] == ["a thing: ok (waited)"]
