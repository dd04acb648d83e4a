"""PortSpeed: the speeds an open serial port may have besides its own (POSIX).

Which ones a port has is asked where that disturbs nobody: Linux tells what a UART divides. Where it
does not, as for most USB adapters, the speed is set and read back.
"""

import contextlib
import sys
from typing import Any

from guardpost.protocol.limits import SPEEDS

__all__ = ["PortSpeed"]

if sys.platform != "win32":
    import termios

    from guardpost import ptyspeed
    from guardpost.transports import modem

    class PortSpeed:
        """Of pyserial's `port`, opened at `base` bit/s."""

        def __init__(self, port: Any, base: int) -> None:
            self._port = port
            self._fd: int = port.fileno()
            self._base = base

        def no_cable(self) -> str:
            """As SpeedStream."""
            if modem.is_pty(self._fd) and not ptyspeed.has_speeds(self._fd):
                return "a pty has no speed"
            return ""

        def speeds(self) -> tuple[int, ...]:
            """As SpeedStream."""
            divided = modem.divided_from(self._fd)
            found = (speed for speed in SPEEDS if speed > self._base)
            return tuple(each for each in found if not divided or modem.divides(divided, each))

        def set(self, speed: int) -> bool:
            """Whether the port has `speed` now; if not it has the base speed, or is gone.

            pyserial leaves other settings behind than a port of ours should have.
            """
            try:
                termios.tcflush(self._fd, termios.TCOFLUSH)
                self._port.baudrate = speed
                if self._has(speed):
                    return True
            except (OSError, ValueError, termios.error):
                pass
            # Also after a refusal: for a speed without a name pyserial sets another one first.
            with contextlib.suppress(OSError, ValueError, termios.error):
                self._port.baudrate = self._base
            return False

        def _has(self, speed: int) -> bool:
            """The kernel writes back what it could do."""
            wanted = getattr(termios, f"B{speed}", None)
            return wanted is None or termios.tcgetattr(self._fd)[4:6] == [wanted, wanted]

        def left_by_the_killed(self, found: list[Any]) -> bool:
            """Whether settings `found` at the opening hold a speed that only a raised line has."""
            raised = {getattr(termios, f"B{speed}", None) for speed in SPEEDS if speed > self._base}
            return found[5] in raised
