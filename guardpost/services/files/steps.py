"""Work on files beside the event loop: in threads, a step at a time, and several tasks as one.

A step is a moment's work, so that whoever cancels does not wait long for the thread.
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import ParamSpec, TypeVar

__all__ = ["Steps", "in_thread", "opened", "stepwise", "together"]

T = TypeVar("T")
P = ParamSpec("P")

Steps = Generator[None, None, T]
"""Blocking work that yields after each moment of it, and returns what came out."""


async def in_thread(call: "Callable[P, T]", *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `call`, a moment's work, in a worker thread.

    Whoever cancels waits for it: what is closed next may be a descriptor that it still uses, and
    whose number another file would get.
    """
    working = asyncio.ensure_future(asyncio.to_thread(call, *args, **kwargs))
    cancelled: asyncio.CancelledError | None = None
    while not working.done():
        try:
            await asyncio.wait((working,))
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        working.exception()  # nobody else will ask
        raise cancelled
    return working.result()


async def opened(opening: "Callable[[], T]", close: "Callable[[T], object]") -> T:
    """As in_thread(), of what opens something: what a cancelled one has opened is closed."""
    made: list[T] = []
    try:
        await in_thread(lambda: made.append(opening()))
    except asyncio.CancelledError:
        for each in made:
            close(each)
        raise
    return made[0]


async def stepwise(steps: "Steps[T]", close: "Callable[[T], object]" = lambda result: None) -> T:
    """Run `steps` in worker threads; raises what they raise.

    Cancelled, they end where they are, and what came out of the last one is given to `close`.
    """

    def step() -> tuple[bool, T | None]:
        try:
            next(steps)
        except StopIteration as end:
            return True, end.value
        return False, None

    def forsake(came: tuple[bool, T | None]) -> None:
        over, value = came
        if over:
            close(value)  # type: ignore[arg-type]  # over: it is a T

    try:
        while True:
            over, value = await opened(step, forsake)
            if over:
                return value  # type: ignore[return-value]
    finally:
        steps.close()


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
