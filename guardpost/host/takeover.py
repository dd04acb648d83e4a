"""Taking a port from who has it, a getty above all, and giving it back.

A service of systemd is stopped and masked until then. Any other process is held by SIGSTOP: it
reads nothing meanwhile, and the init that would start another in its place sees that it lives.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable

from guardpost.errors import LineBusy
from guardpost.host import systemd

__all__ = ["TakeOver"]

LET_GO_SECONDS = 10.0
LOOK_SECONDS = 0.02


class TakeOver:
    """All that was taken, until give_back(). `tell` gets a sentence for each step."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._units: list[str] = []
        self._held: dict[int, str] = {}  # pid -> when it started, as the kernel counts

    async def take(self, path: str, pids: Callable[[], Iterable[int]]) -> None:
        """`path` is the port's device; `pids` finds who has it open now, and is asked again.

        Raises LineBusy when somebody keeps it.
        """
        if sys.platform == "win32":
            return
        for unit in self._units_with(path, pids()):
            if unit == systemd.service_of(os.getpid()):
                raise LineBusy(
                    f"{path} is held by {unit}, in which this agent runs; start it elsewhere"
                )
            self._units.append(unit)
            try:
                await systemd.take(unit)
            except LineBusy:
                self._units.remove(unit)
                raise
            self._tell(f"{unit} is stopped and masked until the agent ends")
            await self._wait_for_end_of(unit, pids)
        for pid in pids():
            self._hold(path, pid)

    def give_back(self) -> None:
        """The last taken first. Never raises; what fails is told."""
        if sys.platform == "win32":
            return
        while self._held:
            pid, started = self._held.popitem()
            if _started(pid) == started:
                try:
                    os.kill(pid, signal.SIGCONT)
                    self._tell(f"process {pid} goes on")
                except OSError as error:
                    self._tell(f"process {pid} cannot go on: {error.strerror}")
        while self._units:
            unit = self._units.pop()
            self._tell(systemd.release(unit) or f"{unit} is started again")

    def _units_with(self, path: str, pids: Iterable[int]) -> list[str]:
        if not systemd.is_running():
            return []
        units = {unit for pid in pids if (unit := systemd.service_of(pid)) is not None}
        # It may be between two gettys at the moment.
        if getty := systemd.getty_of(os.path.basename(os.path.realpath(path))):
            units.add(getty)
        return sorted(units - set(self._units))

    async def _wait_for_end_of(self, unit: str, pids: Callable[[], Iterable[int]]) -> None:
        give_up_at = time.monotonic() + LET_GO_SECONDS
        while any(systemd.service_of(pid) == unit for pid in pids()):
            if time.monotonic() > give_up_at:
                raise LineBusy(f"{unit} was stopped, and a process of it keeps the port; end that")
            await asyncio.sleep(LOOK_SECONDS)

    def _hold(self, path: str, pid: int) -> None:
        if sys.platform == "win32":
            return
        if pid == 1:
            raise LineBusy(f"{path} is held by the first process, which cannot be stopped")
        started = _started(pid)
        if started is None or self._held.get(pid) == started:
            return
        try:
            os.kill(pid, signal.SIGSTOP)
        except ProcessLookupError:
            return
        except PermissionError:
            raise LineBusy(
                f"{path} is held by process {pid} of another user; start the agent as root"
            ) from None
        self._held[pid] = started
        self._tell(f"process {pid}, which has {path} open, is stopped until the agent ends")


def _started(pid: int) -> str | None:
    """Tells a process from a later one of the same number; None when there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None
