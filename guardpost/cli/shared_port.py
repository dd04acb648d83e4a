"""A serial port that others on this host have an interest in: a getty, above all.

Who has it open already is named, and the port left alone; with --take-over they are stopped and
go on at the end (guardpost/host/takeover.py).
"""

import os
from collections.abc import Callable

from guardpost import transports
from guardpost.aio.stream import ByteStream
from guardpost.errors import LineBusy
from guardpost.host import systemd
from guardpost.host.takeover import TakeOver
from guardpost.transports.holders import holders_of
from guardpost.transports.target import Target

__all__ = ["SharedPort"]

ADVICE = "stop it or start the agent with --take-over"


class SharedPort:
    """What opens an agent's line. `tell` gets a sentence for each thing done to others."""

    def __init__(self, *, take_over: bool, tell: Callable[[str], None]) -> None:
        self._taken = TakeOver(tell) if take_over else None

    async def open(self, target: Target) -> ByteStream:
        """Any target. Raises as transports.open_target."""
        if target.scheme != "serial":
            return await transports.open_target(target)
        from guardpost.transports.serial import open_serial

        path = target.address
        if self._taken is not None:
            await self._taken.take(path, lambda: [each.pid for each in holders_of(path)])
        else:
            refuse_getty_of_systemd(path)
        return await open_serial(target, take_over=self._taken is not None, advice=ADVICE)

    def give_back(self) -> None:
        """Everybody else may go on. Never raises."""
        if self._taken is not None:
            self._taken.give_back()


def refuse_getty_of_systemd(path: str) -> None:
    """Also one that is just about to open the port. Raises LineBusy."""
    if not systemd.is_running():
        return
    getty = systemd.getty_of(os.path.basename(os.path.realpath(path)))
    if getty is not None:
        who = ", ".join(map(str, holders_of(path))) or "a getty"
        raise LineBusy(f"{path} is held by {who} of {getty}; {ADVICE}")
