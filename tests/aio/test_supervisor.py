"""A line that went away is waited for: quickly at first, then patiently, and not silently."""

import asyncio
from collections.abc import Iterator

import pytest

from guardpost.aio.stream import ByteStream
from guardpost.aio.supervisor import LineKeeper, reopen
from guardpost.errors import LineBusy, NoSuchTarget, TransportError, UsageError


class FakeTime:
    """A clock that only moves while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pauses: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.pauses.append(seconds)


class Line:
    transparent = True

    async def read(self) -> bytes:
        return b""

    async def write(self, data: bytes) -> None:
        pass

    async def close(self) -> None:
        pass


class Port:
    """Fails with each of `errors` in turn, then opens."""

    def __init__(self, *errors: Exception) -> None:
        self._errors: Iterator[Exception] = iter(errors)
        self.line = Line()

    async def open(self) -> ByteStream:
        for error in self._errors:
            raise error
        return self.line


AWAY = NoSuchTarget("/dev/ttyUSB0: no such port")
BUSY = LineBusy("/dev/ttyUSB0 is held by udev (pid 7)")


def test_the_pauses_double_up_to_two_seconds() -> None:
    time, port = FakeTime(), Port(*[AWAY] * 7)
    line = asyncio.run(reopen(port.open, clock=time.clock, sleep=time.sleep))
    assert line is port.line
    assert time.pauses == [0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0]


def test_what_is_waited_for_is_said_once_for_each_reason() -> None:
    time, said = FakeTime(), list[TransportError]()
    port = Port(AWAY, AWAY, BUSY, BUSY, AWAY)
    asyncio.run(reopen(port.open, on_wait=said.append, clock=time.clock, sleep=time.sleep))
    assert said == [AWAY, BUSY, AWAY]


def test_patience_ends_with_the_last_reason() -> None:
    time, port = FakeTime(), Port(AWAY, AWAY, *[BUSY] * 99)
    with pytest.raises(LineBusy):
        asyncio.run(reopen(port.open, patience=30, clock=time.clock, sleep=time.sleep))
    assert time.now <= 130


def test_a_mistake_of_ours_is_not_waited_for() -> None:
    time, port = FakeTime(), Port(UsageError("no such speed"))
    with pytest.raises(UsageError):
        asyncio.run(reopen(port.open, clock=time.clock, sleep=time.sleep))
    assert time.pauses == []


def kept(port: Port, time: FakeTime, lives: list[float]) -> list[str]:
    """What is said of a line that lives for each of `lives` and is then opened again."""
    said: list[str] = []

    async def story() -> None:
        keeper = LineKeeper(port.open, said.append, clock=time.clock, sleep=time.sleep)
        for life in lives:
            time.now += life
            await keeper.again("it hung up")

    asyncio.run(story())
    return said


def test_a_line_that_ended_is_opened_again_at_once_and_both_are_said() -> None:
    time = FakeTime()
    assert (
        kept(Port(), time, [60.0, 60.0])
        == [
            "it hung up; opening it again",
            "the line is back",
        ]
        * 2
    )
    assert time.pauses == []


def test_what_ends_the_wait_is_said() -> None:
    assert kept(Port(AWAY, BUSY), FakeTime(), [60.0]) == [
        "it hung up; opening it again",
        f"waiting for the line to appear: {AWAY}",
        f"waiting for the line to become free: {BUSY}",
        "the line is back",
    ]


def test_a_line_that_comes_and_goes_is_asked_less_and_less_and_spoken_of_once() -> None:
    time = FakeTime()
    assert kept(Port(), time, [60.0, *[0.1] * 6]) == [
        "it hung up; opening it again",
        "the line is back",
    ]
    assert time.pauses == [0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


def test_who_may_wait_for_days_asks_less_often_after_five_minutes() -> None:
    time = FakeTime()
    port = Port(*[AWAY] * 165)

    async def story() -> None:
        keeper = LineKeeper(
            port.open, lambda said: None, clock=time.clock, sleep=time.sleep, calm=5.0
        )
        await keeper.open()

    asyncio.run(story())
    assert time.pauses == [0.2, 0.4, 0.8, 1.6, *[2.0] * 151, *[5.0] * 10]
    assert 300 < sum(time.pauses[:155]) < 310
