"""Keys that are typed while a command runs."""

import asyncio

from guardpost.agent.keyboard import MAX_AHEAD_BYTES, MAX_TYPED_BYTES, Keyboard


def test_what_nobody_wants_waits_for_the_prompt_as_far_as_a_terminal_would() -> None:
    keyboard = Keyboard()
    keyboard.take(b"ps\r")
    keyboard.take(b"x" * MAX_AHEAD_BYTES)
    assert keyboard.typed_ahead() == b"ps\r" + b"x" * (MAX_AHEAD_BYTES - 3)
    assert keyboard.typed_ahead() == b""


def test_a_command_reads_what_is_typed_meanwhile() -> None:
    async def story() -> None:
        keyboard = Keyboard()
        keyboard.take(b"before")
        with keyboard.lent() as typed:
            reading = asyncio.ensure_future(typed.read())
            await asyncio.sleep(0)
            keyboard.take(b"a")
            keyboard.take(b"b")
            assert await reading == b"ab"
            keyboard.take(b"x" * (MAX_TYPED_BYTES + 5))
            assert len(await typed.read()) == MAX_TYPED_BYTES
            assert typed.dropped == 5
        keyboard.take(b" and after")
        assert keyboard.typed_ahead() == b"before and after"

    asyncio.run(story())


def test_one_key_is_waited_for_and_others_are_not() -> None:
    async def story() -> None:
        keyboard = Keyboard()
        with keyboard.lent() as typed:
            keyboard.take(b"xyz")
            assert not await typed.is_pressed(b"q", 0.01)
            keyboard.take(b"aqb")
            assert await typed.is_pressed(b"q", 10)

    asyncio.run(story())


def test_only_a_terminal_of_its_own_takes_all_keys() -> None:
    async def story() -> None:
        keyboard = Keyboard()
        with keyboard.lent():
            assert not keyboard.is_raw
        with keyboard.lent(raw=True):
            assert keyboard.is_raw
        assert not keyboard.is_raw

    asyncio.run(story())
