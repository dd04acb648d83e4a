"""Nobody typed for a while: said when asked, and by itself."""

import asyncio

from support.terminal import Clock

from guardpost.agent.idle import IdleTimer


def test_the_clock_decides_and_a_touch_begins_anew() -> None:
    clock = Clock()
    timer = IdleTimer(300, clock, lambda: None)
    clock.now += 299
    assert not timer.expired()
    timer.touch()
    clock.now += 299
    assert not timer.expired()
    clock.now += 1
    assert timer.expired()


def test_it_calls_when_the_time_has_come_unless_disarmed() -> None:
    async def story() -> None:
        called = asyncio.Event()
        timer = IdleTimer(0.01, asyncio.get_running_loop().time, called.set)
        timer.arm()
        timer.disarm()
        timer.disarm()
        timer.arm()
        async with asyncio.timeout(10):
            await called.wait()

    asyncio.run(story())


def test_it_does_not_call_before_the_clock_says_so() -> None:
    async def story() -> None:
        calls: list[None] = []
        clock = Clock()
        timer = IdleTimer(0.001, clock, lambda: calls.append(None))
        timer.arm()
        timer._due()
        assert calls == []
        clock.now += 1
        timer._due()
        assert calls == [None]
        timer.disarm()

    asyncio.run(story())
