"""Whether a pty's speeds count, as on an end of `guardpost line --real-speeds` (POSIX).

A pty has speeds that mean nothing. An end of such a line is told by a character in its settings
that does nothing on any pty, and that programs which set a terminal up leave as it is.
"""

import sys

__all__ = ["has_speeds", "mark"]

_MARK = b"\xb5"

if sys.platform != "win32":
    import termios

    def mark(fd: int) -> None:
        """The speeds of this pty count from now on."""
        mode = termios.tcgetattr(fd)
        mode[6][termios.VDISCARD] = _MARK
        termios.tcsetattr(fd, termios.TCSANOW, mode)

    def has_speeds(fd: int) -> bool:
        """Whether mark() was called for this pty. Raises OSError, termios.error."""
        found = termios.tcgetattr(fd)[6][termios.VDISCARD]
        return bool(found == _MARK)
