"""What the service manager (systemd) is told about an agent: ready, its line, its session, its end.

`systemctl status guardpost-agent` shows the line; a unit of Type=notify waits for the readiness.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping

from guardpost.aio.stream import ByteStream
from guardpost.errors import TransportError
from guardpost.host.notify import ServiceManager

__all__ = ["ServiceStatus"]

OpenLine = Callable[[], Awaitable[ByteStream]]


class ServiceStatus:
    """One agent's. Ready is an agent whose line is open, or that waits for one.

    `environ` is the process's own; `on_session` is told, too, whether a session is live.
    """

    def __init__(
        self, environ: MutableMapping[str, str], on_session: Callable[[bool], None]
    ) -> None:
        self._manager = ServiceManager(environ)
        self._on_session = on_session
        self._is_ready = False
        self._line = "starting"
        self._session = "no session"
        self._timer: asyncio.TimerHandle | None = None

    def told(
        self, open_line: OpenLine, where: Callable[[], str], *, listens: bool, is_open: bool
    ) -> OpenLine:
        """`open_line`, whose outcome is told; needs a running loop.

        `where` names the line. `listens`: it waits for its peers at a place that exists already;
        `is_open`: it was opened before this.
        """
        if listens or is_open:
            self._tell_line(where())
        self._watch()

        async def open_and_tell() -> ByteStream:
            try:
                stream = await open_line()
            except TransportError as error:
                self._tell_line(f"waiting: {error}")
                raise
            self._tell_line(where())
            return stream

        return open_and_tell

    def session(self, live: bool) -> None:
        self._on_session(live)
        self._session = "a session is live" if live else "no session"
        self._tell_line(self._line)

    def stopping(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._manager.tell(STOPPING="1", STATUS="giving the port back")
        self._manager.close()

    def _watch(self) -> None:
        """Show that the loop turns, as often as the manager wants.

        Who keeps the loop busy, or stands still in it, serves nobody: that is what is shown.
        """
        seconds = self._manager.watchdog_seconds
        if seconds is not None and self._manager.listens:
            self._manager.tell(WATCHDOG="1")
            self._timer = asyncio.get_running_loop().call_later(seconds, self._watch)

    def _tell_line(self, line: str) -> None:
        self._line = line
        status = f"{line}; {self._session}"
        if self._is_ready:
            self._manager.tell(STATUS=status)
        else:
            self._is_ready = True
            self._manager.tell(READY="1", STATUS=status)
