"""PtyEnd: one end of a simulated line, a raw pty under a name of the user's choice (POSIX)."""

import os
import sys

from guardpost import ptyspeed
from guardpost.errors import UsageError

__all__ = ["PtyEnd"]

_SPEEDS = (
    *(300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600),
    *(1000000, 1500000, 2000000, 3000000, 4000000),
)


class PtyEnd:
    """What arrives at it and is not read waits in `unread`."""

    def __init__(self, link: str) -> None:
        """Raises UsageError when something else has that name."""
        self.link = link
        self.unread = bytearray()  # arrived, and not yet taken by the pty
        self.master = -1
        self._slave = -1
        self._path = ""
        self.plug()

    def speeds(self) -> tuple[int, int] | None:
        """(writing, reading) in bit/s, as its user set them; None for what termios has no name."""
        if not self.plugged or sys.platform == "win32":
            return None
        import termios

        attributes = termios.tcgetattr(self._slave)
        named = {getattr(termios, f"B{baud}", None): baud for baud in _SPEEDS}
        there, back = named.get(attributes[5]), named.get(attributes[4])
        return None if there is None or back is None else (there, back)

    def set_speed(self, baud: float) -> None:
        """What it has until somebody sets another."""
        if self.plugged and sys.platform != "win32":
            import termios

            attributes = termios.tcgetattr(self._slave)
            attributes[4] = attributes[5] = getattr(termios, f"B{round(baud)}", termios.B38400)
            termios.tcsetattr(self._slave, termios.TCSANOW, attributes)
            ptyspeed.mark(self._slave)

    @property
    def plugged(self) -> bool:
        return self.master >= 0

    def plug(self) -> None:
        if self.plugged or sys.platform == "win32":
            return
        import pty
        import tty

        self._refuse_foreign_link()
        # We keep the slave open as well: a port keeps its settings between two users.
        self.master, self._slave = pty.openpty()
        os.set_blocking(self.master, False)
        tty.setraw(self._slave)
        self._path = os.ttyname(self._slave)
        temporary = f"{self.link}.{os.getpid()}"
        try:
            os.symlink(self._path, temporary)
            os.replace(temporary, self.link)
        except OSError as error:
            self._close()
            raise UsageError(f"{self.link}: {(error.strerror or str(error)).lower()}") from None

    def unplug(self) -> None:
        """As when a USB adapter is pulled: the name vanishes, its users see a hang-up."""
        if not self.plugged:
            return
        try:
            if os.readlink(self.link) == self._path:
                os.unlink(self.link)
        except OSError:
            pass  # somebody removed it before us
        self._close()
        self.unread.clear()

    def take(self, data: bytes | bytearray) -> None:
        """These have arrived."""
        taken = 0
        if not self.unread:
            try:
                taken = os.write(self.master, data)
            except OSError:
                pass  # full
        if taken < len(data):
            self.unread += data[taken:]

    def flush(self) -> None:
        """Write what the pty takes of the unread bytes."""
        if self.unread and self.plugged:
            try:
                del self.unread[: os.write(self.master, self.unread)]
            except OSError:
                pass  # full: select says when it is not

    def _close(self) -> None:
        os.close(self.master)
        os.close(self._slave)
        self.master = self._slave = -1

    def _refuse_foreign_link(self) -> None:
        if os.path.lexists(self.link) and not (
            os.path.islink(self.link) and not os.path.exists(self.link)
        ):
            raise UsageError(
                f"{self.link} exists and is not ours; remove it or choose another name"
            )
