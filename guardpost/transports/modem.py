"""What a port tells besides its bytes: modem lines, counted errors, BREAKs (Linux's ioctls).

Numbers and layouts are those of tty_ioctl(4) and <linux/serial.h>. A pty has none of it.
"""

import os
import struct
import sys
from typing import NamedTuple

__all__ = ["BREAK_SECONDS", "Counts", "counted", "counts", "described", "divided_from"]
__all__ += ["divides", "is_pty"]

BREAK_SECONDS = 0.25
"""What tcsendbreak() promises at least, and what boot monitors and SysRq take for one."""

_PTY_MAJORS = range(136, 144)  # Linux's devices.txt: Unix98 pty slaves
_LINES = ("DTR", "RTS", "CTS", "DSR", "DCD", "RI")


class Counts(NamedTuple):
    """Since the port was made; `sent` is bytes given to the UART."""

    sent: int
    framing: int
    overrun: int
    parity: int
    breaks: int


# struct serial_icounter_struct: cts dsr rng dcd rx tx frame overrun parity brk, 10 more.
_ICOUNTER = struct.Struct("20i")


def counted(answer: bytes) -> Counts:
    """What TIOCGICOUNT has answered."""
    return Counts(*_ICOUNTER.unpack(answer)[5:10])


def divides(base: int, speed: int) -> bool:
    """Whether a UART that divides `base` comes near enough to `speed`: 2 %, as Linux has it."""
    divisor = max(1, round(base / speed))
    return abs(base / divisor - speed) <= 0.02 * speed


if sys.platform != "win32":
    import fcntl
    import termios

    # struct serial_struct: type, line (ints), port (unsigned), irq, flags, xmit_fifo_size,
    # custom_divisor, baud_base (ints), more.
    _TIOCGSERIAL = 0x541E
    _SERIAL_STRUCT_BYTES = 96
    _BAUD_BASE = slice(28, 32)

    _BITS = {
        "DTR": termios.TIOCM_DTR,
        "RTS": termios.TIOCM_RTS,
        "CTS": termios.TIOCM_CTS,
        "DSR": termios.TIOCM_DSR,
        "DCD": termios.TIOCM_CD,
        "RI": termios.TIOCM_RI,
    }

    def is_pty(fd: int) -> bool:
        """Whether `fd` is the end of a pseudoterminal, which carries neither BREAK nor DTR."""
        if sys.platform == "linux":
            return os.major(os.fstat(fd).st_rdev) in _PTY_MAJORS
        return _lines(fd) is None

    def divided_from(fd: int) -> int:
        """The speed that a UART makes its own from, by whole divisors; 0 where none is told."""
        try:
            answer = fcntl.ioctl(fd, _TIOCGSERIAL, bytes(_SERIAL_STRUCT_BYTES))
        except OSError:
            return 0
        return int.from_bytes(answer[_BAUD_BASE], sys.byteorder)

    def counts(fd: int) -> Counts | None:
        """None where the driver does not count."""
        request = getattr(termios, "TIOCGICOUNT", None)
        if request is None:
            return None
        try:
            return counted(fcntl.ioctl(fd, request, bytes(_ICOUNTER.size)))
        except OSError:
            return None

    def _lines(fd: int) -> int | None:
        try:
            answer = fcntl.ioctl(fd, termios.TIOCMGET, b"\0\0\0\0")
        except OSError:
            return None
        return int.from_bytes(answer, sys.byteorder)

    def described(fd: int) -> str:
        """Modem lines and errors in one line."""
        lines = _lines(fd)
        if lines is None:
            said = "a pty: no modem lines" if is_pty(fd) else "no modem lines"
        else:
            said = ", ".join(f"{each} {'on' if lines & _BITS[each] else 'off'}" for each in _LINES)
        if (found := counts(fd)) is not None:
            said += (
                f"; received {found.framing} framing, {found.parity} parity, "
                f"{found.overrun} overrun errors, {found.breaks} BREAKs"
            )
        return said
