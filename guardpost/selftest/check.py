"""A check, and what comes of many: a line each, `NAME: ok`, `failed: why` or `not here: why`."""

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, NamedTuple

__all__ = ["Check", "NotHere", "missing", "perform", "waited_for"]

PATIENCE_SECONDS: Final = 30.0

_MISSING: Final = {
    *(errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.EROFS, errno.EACCES, errno.EPERM),
    *(errno.EAFNOSUPPORT, errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.ENOSYS, errno.ENOSPC),
}


class NotHere(Exception):
    """This machine has not what the check needs: nothing is broken."""


class Check(NamedTuple):
    """`run` may return a few words about how it went."""

    name: str
    run: Callable[[], str | None]


def perform(checks: Iterable[Check], say: Callable[[str], None]) -> bool:
    """Whether nothing failed; `say` is told a line for each check, when it is over."""
    good = True
    for check in checks:
        try:
            words = check.run()
            say(f"{check.name}: ok{f' ({words})' if words else ''}")
        except NotHere as error:
            say(f"{check.name}: not here: {error}")
        except Exception as error:
            good = False
            what = type(error).__name__
            say(f"{check.name}: failed: {' '.join(f'{what}: {error}'.split()).rstrip(': ')}")
    return good


def missing(error: OSError, what: str = "") -> NotHere:
    """NotHere, if that is what `error` tells of the machine. Otherwise raises `error`."""
    if error.errno not in _MISSING:
        raise error
    name = what or (os.fsdecode(error.filename) if error.filename else "")
    reason = (error.strerror or str(error)).lower()
    return NotHere(f"{name}: {reason}" if name else reason)


def waited_for(work: Callable[[], Awaitable[str | None]]) -> Callable[[], str | None]:
    """A check out of a coroutine, which has half a minute."""

    async def whole() -> str | None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await work()

    return lambda: asyncio.run(whole())
