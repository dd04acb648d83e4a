"""What no event tells about an open serial port (POSIX): a look every few seconds.

- Somebody else has changed its settings (a getty that starts, `stty`): ours are set again. With
  foreign ones a port may echo what it receives, or keep it until a line ends.
- Its transmitter stands still with bytes to send. Some UARTs lose the interrupt that asks for
  more, Intel's SOL ports among them; opened again, they go on.
"""

import asyncio
import logging
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from guardpost.errors import LineLost
from guardpost.transports.holders import holders_of

__all__ = ["STUCK_SECONDS", "Output", "PortWatch", "StuckOutput"]

LOOK_SECONDS = 2.0
"""While the port is written to."""

IDLE_LOOK_SECONDS = 5.0
"""While it is not: a machine where nobody talks is to sleep."""

_CONTROL_CHARACTERS = 17
"""That Linux has (asm-generic/termbits.h). musl's structure has room for more, and tcgetattr()
leaves there whatever was in memory."""

STUCK_SECONDS = 10.0
"""At 50 baud a byte takes 0.2 s, and a FIFO of 16 bytes 3.2 s."""

_log = logging.getLogger("guardpost.line")


class Output(NamedTuple):
    """Of one port: bytes that wait in the kernel, and bytes that were ever given to the UART."""

    waiting: int
    sent: int


class StuckOutput:
    """Judges a port's output by looks at it. A driver that counts nothing is never judged."""

    def __init__(self) -> None:
        self._last = Output(0, 0)
        self._moved_at = 0.0

    def look(self, output: Output, now: float) -> bool:
        """Whether something has waited for STUCK_SECONDS, and nothing has left meanwhile."""
        if not output.waiting or output.sent != self._last.sent or not self._last.waiting:
            self._moved_at = now
        self._last = output
        return output.sent > 0 and now - self._moved_at >= STUCK_SECONDS


if sys.platform != "win32":
    import fcntl
    import termios

    from guardpost.transports import modem

    class PortWatch:
        """Watches one port from now on until stop(); needs a running loop.

        `on_stuck` is called once, when the transmitter stands still.
        """

        def __init__(self, fd: int, name: str, *, on_stuck: Callable[[LineLost], None]) -> None:
            self._fd = fd
            self._name = name
            self._on_stuck = on_stuck
            self._ours = termios.tcgetattr(fd)
            self.is_used = False  # set by whoever writes
            self._output = StuckOutput()
            self._loop = asyncio.get_running_loop()
            self._timer = self._loop.call_later(IDLE_LOOK_SECONDS, self._look)

        def stop(self) -> None:
            self._timer.cancel()

        def settings_are_ours(self) -> None:
            """We have changed them ourselves: these are to stay."""
            self._ours = termios.tcgetattr(self._fd)

        def _look(self) -> None:
            try:
                if _told_by_linux(termios.tcgetattr(self._fd)) != _told_by_linux(self._ours):
                    termios.tcsetattr(self._fd, termios.TCSANOW, self._ours)
                    who = ", ".join(map(str, holders_of(self._name))) or "somebody"
                    _log.warning("%s has changed the settings of %s; set again", who, self._name)
                output = _output(self._fd)
            except (OSError, termios.error):
                return  # hung up or unplugged, and whoever reads has been told
            if output is not None and self._output.look(output, self._loop.time()):
                self._on_stuck(
                    LineLost(
                        f"{self._name}: {output.waiting} bytes wait, and none has left for "
                        f"{STUCK_SECONDS:g} s; it is opened again"
                    )
                )
            else:
                pause = LOOK_SECONDS if self.is_used else IDLE_LOOK_SECONDS
                self.is_used = False
                self._timer = self._loop.call_later(pause, self._look)

    def _told_by_linux(settings: list[Any]) -> list[Any]:
        return [*settings[:6], settings[6][:_CONTROL_CHARACTERS]]

    def _output(fd: int) -> Output | None:
        """None when the driver does not count."""
        counts = modem.counts(fd)
        if counts is None:
            return None
        waiting = fcntl.ioctl(fd, termios.TIOCOUTQ, bytes(4))
        return Output(int.from_bytes(waiting, sys.byteorder), counts.sent)
