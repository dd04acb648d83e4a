"""What asyncio and dataclasses ask of inspect, without ast, dis and tokenize: 1 MB of memory.

A dataclass without a docstring makes one of its signature; -OO leaves none, so that each would.
"""

import types
from collections.abc import Awaitable

_COROUTINE, _ITERABLE_COROUTINE = 0x80, 0x100  # co_flags of code objects


def isfunction(thing: object) -> bool:
    return isinstance(thing, types.FunctionType)


def iscoroutinefunction(thing: object) -> bool:
    return isinstance(thing, types.FunctionType) and bool(thing.__code__.co_flags & _COROUTINE)


def isgenerator(thing: object) -> bool:
    return isinstance(thing, types.GeneratorType)


def iscoroutine(thing: object) -> bool:
    return isinstance(thing, types.CoroutineType)


def isawaitable(thing: object) -> bool:
    if isinstance(thing, types.GeneratorType):
        return bool(thing.gi_code.co_flags & _ITERABLE_COROUTINE)
    return isinstance(thing, types.CoroutineType | Awaitable)


def unwrap(thing: object) -> object:
    while hasattr(thing, "__wrapped__"):
        thing = thing.__wrapped__
    return thing


def signature(thing: object) -> str:
    return ""
