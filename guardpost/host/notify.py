"""What the service manager is told: sd_notify(3)'s datagrams, where $NOTIFY_SOCKET names a socket.

Programs that the agent starts must not speak for it, so the variables are taken out of the
environment, as sd_notify(3) does when it is told to unset them.
"""

import os
import socket
import sys
from collections.abc import MutableMapping

__all__ = ["ServiceManager"]


class ServiceManager:
    """systemd, or nobody. Nothing here raises or waits: an agent serves all the same.

    `watchdog_seconds` is how often WATCHDOG=1 is to be said, None where nobody listens for it.
    """

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        self._address = environ.pop("NOTIFY_SOCKET", "")
        self._socket: socket.socket | None = None
        self.watchdog_seconds = _watchdog(
            environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
        )
        if sys.platform != "win32" and self._address[:1] in ("/", "@"):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.setblocking(False)

    @property
    def listens(self) -> bool:
        return self._socket is not None

    def tell(self, **facts: str) -> None:
        """tell(READY="1", STATUS="..."): each fact is one line."""
        if self._socket is None:
            return
        lines = (f"{name}={' '.join(value.split())}" for name, value in facts.items())
        address = self._address
        if address.startswith("@"):  # the abstract namespace, unix(7)
            address = "\0" + address[1:]
        try:
            self._socket.sendto("\n".join(lines).encode("utf-8", "backslashreplace"), address)
        except OSError:
            return  # it is restarting itself, or its buffer is full; the next fact tells more

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _watchdog(microseconds: str, pid: str) -> float | None:
    """A third of the time after which we count as hanging."""
    if (
        not microseconds.isascii()
        or not microseconds.isdigit()
        or pid not in ("", str(os.getpid()))
    ):
        return None
    return int(microseconds) / 3e6 or None
