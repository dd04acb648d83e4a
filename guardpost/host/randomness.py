"""The kernel's random generator, which early in the boot of a small machine may not be ready.

Until it is, keys made of it could be guessed. getrandom(2), random(7) of Linux.
"""

import errno
import os
import sys
from collections.abc import Callable

from guardpost.host.own_thread import in_own_thread

__all__ = ["is_ready", "wait_until_ready"]


def take_one() -> None:
    """A byte, if it can be had at once; raises OSError, EAGAIN before the generator is ready."""
    if sys.platform == "linux":  # others have random bytes before any program runs
        os.getrandom(1, os.GRND_NONBLOCK)


def is_ready(take: Callable[[], None] = take_one) -> bool:
    """Whether random bytes can be had at once."""
    try:
        take()
    except OSError as error:
        return error.errno != errno.EAGAIN  # a kernel before 3.17 cannot tell
    return True


async def wait_until_ready(take: Callable[[int], object] = os.urandom) -> None:
    """Until `take`, which waits for random bytes, has one; without a wake-up before.

    A thread that waits in the kernel also has Linux, from 5.4 on, gather entropy for it. The
    interpreter does not wait for that thread at its end.
    """
    await in_own_thread(lambda: take(1))
