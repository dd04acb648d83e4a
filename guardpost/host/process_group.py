"""ProcessGroup: a program that leads a session of its own, and all that it has started there.

On Windows there is no session: only the program itself is signalled, and what it has started
lives on.
"""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import Process

__all__ = ["ProcessGroup"]

TERMINATE_SECONDS = 2.0
"""Between SIGTERM and SIGKILL."""

_LOOK_AGAIN_SECONDS = 0.05


class ProcessGroup:
    """Started by asyncio with start_new_session."""

    def __init__(self, process: Process) -> None:
        self.pid = process.pid
        self._process = process

    async def wait(self) -> int:
        """Return the exit status; -N when signal N ended it."""
        return await self._process.wait()

    def signal(self, number: int) -> None:
        """Signal the whole group; one that is gone, or a number unknown here, is ignored."""
        with contextlib.suppress(OSError, ValueError, OverflowError):
            if sys.platform == "win32":
                self._process.send_signal(number)
            else:
                os.killpg(self.pid, number)

    async def terminate(self) -> int:
        """End the group: as _ask_to_end() does, and with SIGKILL after 2 s what is left.

        Returns as wait().
        """
        groups = self._groups()
        self._ask_to_end()
        try:
            async with asyncio.timeout(TERMINATE_SECONDS):
                await self.wait()
                while any(map(_lives, groups)):
                    await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        except TimeoutError:
            pass
        finally:
            # Also when we are cancelled while we wait.
            if sys.platform == "win32":
                with contextlib.suppress(OSError):
                    self._process.kill()
            else:
                for group in groups:
                    with contextlib.suppress(OSError):
                        os.killpg(group, signal.SIGKILL)
        return await self.wait()

    def _ask_to_end(self) -> None:
        self.signal(signal.SIGTERM)
        # What was stopped must go on to hear it.
        if sys.platform != "win32":
            self.signal(signal.SIGCONT)

    def _groups(self) -> tuple[int, ...]:
        """What terminate() ends: our own group, and what else belongs to it."""
        return (self.pid,)


def _lives(group: int) -> bool:
    if sys.platform == "win32":
        return False
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it lives, as somebody else
    return True
