"""Work on files beside the event loop: in threads, a step at a time, and several tasks as one.

A step is a moment's work, so that whoever cancels does not wait long for the thread.
"""

import asyncio
from collections.abc import Coroutine, Generator
from typing import TypeVar

__all__ = ["Steps", "stepwise", "together"]

T = TypeVar("T")

Steps = Generator[None, None, T]
"""Blocking work that yields after each moment of it, and returns what came out."""


async def stepwise(steps: "Steps[T]") -> T:
    """Run `steps` in worker threads; raises what they raise."""

    def step() -> tuple[bool, T | None]:
        try:
            next(steps)
        except StopIteration as end:
            return True, end.value
        return False, None

    while True:
        over, value = await asyncio.to_thread(step)
        if over:
            return value  # type: ignore[return-value]  # over: it is a T


async def together(*works: "Coroutine[object, object, None]") -> None:
    """Run all to their ends. The first that fails ends the others, and is raised as it is."""
    tasks = [asyncio.ensure_future(each) for each in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
