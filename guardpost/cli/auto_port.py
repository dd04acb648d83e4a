"""`agent auto`: the port that leads to the outside, found anew whenever it is to be opened.

Of a port that was named only the speed is found here.

Once a port was in use, its hardware is waited for when it goes away, under whatever name it
comes back: a moment without it must not send the agent to a port that leads nowhere.
"""

import logging
import os
from collections.abc import Awaitable, Callable

from guardpost.aio.stream import ByteStream
from guardpost.errors import NoSuchTarget
from guardpost.ports import Candidate, Machine, rank, taken_by_auto
from guardpost.ports.ranking import THE_BOOTS_CONSOLE
from guardpost.transports.target import Target

__all__ = ["AutoPort", "at_its_speed"]

_log = logging.getLogger("guardpost.agent")


def at_its_speed(target: Target, survey: Callable[[], Machine]) -> Target:
    """A named port at the speed that the kernel's arguments or the firmware give for it.

    It stays as it is where it says one itself, and where nobody does.
    """
    if target.scheme != "serial" or "baud" in target.options:
        return target
    path = os.path.realpath(target.address)
    for each in rank(survey()):
        if each.baud is not None and os.path.realpath(each.port.path) == path:
            return target._replace(options={**target.options, "baud": str(each.baud)})
    return target


class AutoPort:
    """What opens the line of an agent that was not told which. `baud`: said by the user.

    With `spare_console` it never is /dev/console, unless the kernel command line names that port.
    """

    def __init__(
        self,
        survey: Callable[[], Machine],
        open_target: Callable[[Target], Awaitable[ByteStream]],
        baud: int | None = None,
        *,
        spare_console: bool = False,
    ) -> None:
        self._survey = survey
        self._open_target = open_target
        self._baud = baud
        self._spare_console = spare_console
        self._opened: Candidate | None = None
        self.target: Target | None = None
        """What is open, or was last; None before the first port."""

    @property
    def why(self) -> str:
        return f"found by itself: {self._opened.main_reason}" if self._opened is not None else ""

    @property
    def outlook(self) -> str:
        """What is to be said of the port before one was opened."""
        try:
            return f"no port yet; about to open {self.choose()[0].address}"
        except NoSuchTarget as error:
            return f"no port yet: {error}"

    async def open(self) -> ByteStream:
        """Raises NoSuchTarget, which says what is waited for, and what opening the port raises."""
        target, candidate = self.choose()
        stream = await self._open_target(target)
        if target != self.target:
            _log.info("port %s: %s", target.address, candidate.main_reason)
        self.target, self._opened = target, candidate
        return stream

    def choose(self) -> tuple[Target, Candidate]:
        """What open() would open now. Raises NoSuchTarget."""
        machine = self._survey()
        candidates = rank(machine, spare_console=self._spare_console)
        chosen = self._same_again(candidates) if self._opened else taken_by_auto(candidates)
        if chosen is None:
            raise NoSuchTarget(self._what_is_missing(machine, candidates))
        baud = self._baud or chosen.baud
        options = {} if baud is None or chosen.port.is_virtio_channel else {"baud": str(baud)}
        return Target("serial", chosen.port.path, options), chosen

    def _same_again(self, candidates: list[Candidate]) -> Candidate | None:
        assert self._opened is not None
        for each in candidates:
            if each.port.identity == self._opened.port.identity:
                return each
        best = taken_by_auto(candidates)
        return best if best is not None and best.score >= self._opened.score else None

    def _what_is_missing(self, machine: Machine, candidates: list[Candidate]) -> str:
        if self._opened is not None:
            port = self._opened.port
            return f"{port.path} ({self._opened.main_reason}) is gone, and it is waited for"
        if machine.wanted:
            return (
                f"guardpost.port={machine.wanted} of the kernel command line is no port here yet; "
                "it is waited for"
            )
        if not candidates:
            return "this host has no serial port; one is waited for"
        console = machine.active_consoles[-1:]
        asking = [each.port for each in candidates if each.port.name in console]
        if self._spare_console and asking:
            port = asking[0]
            return (
                f"{port.path} is {THE_BOOTS_CONSOLE}; write guardpost.port={port.name} on the "
                "kernel command line to have the agent there, or another port is waited for"
            )
        names = ", ".join(each.port.path for each in candidates)
        return f"nothing speaks for any port here ({names}); one is waited for, or name it"
