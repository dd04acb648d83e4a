"""A machine with AMT: the firmware in a thread of ours, a real agent on the port that it shows."""

import asyncio
import contextlib
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from support.amt_server import AmtServer
from support.ptyline import pty_line
from support.rig import Rig

from guardpost.transports import open_url

__all__ = ["PASSWORD", "AmtRig", "amt_rig"]

T = TypeVar("T")

PASSWORD = "P@ssw0rd"


class AmtRig(Rig):
    """`here` is the amt: or amts: target; commands find the password in their environment."""

    firmware: AmtServer
    """Only to look at, from here."""
    loop: asyncio.AbstractEventLoop

    def tell(self, what: Callable[[AmtServer], T]) -> T:
        """Do something with the firmware, in its own thread."""

        async def done() -> T:
            return what(self.firmware)

        return asyncio.run_coroutine_threadsafe(done(), self.loop).result(10)


class _Machine:
    """The firmware on the host's port, in an event loop of its own; `port` once it has started."""

    def __init__(self, uart: str, tls: ssl.SSLContext | None) -> None:
        self.port = 0
        self._uart = uart
        self._tls = tls
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self._started.wait(10)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(10)

    async def _run(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        uart = await open_url(self._uart)
        self.firmware = AmtServer(uart)
        try:
            async with self.firmware.listening(self._tls) as self.port:
                self._started.set()
                await self._stopping.wait()
        finally:
            await uart.close()


@contextlib.contextmanager
def amt_rig(
    tls: ssl.SSLContext | None = None, options: str = "", *, agent: bool = True
) -> Iterator[AmtRig]:
    """`options` are the target's; with `tls` it is amts:."""
    with (
        tempfile.TemporaryDirectory(prefix="gp-") as folder,
        pty_line(baud=921600) as (here, there, control),
    ):
        machine = _Machine(f"serial:{here}?baud=921600", tls)
        machine.start()
        scheme = "amts" if tls else "amt"
        target = f"{scheme}:127.0.0.1:{machine.port}{options}"
        made = AmtRig(Path(folder), target, there, control)
        made.environment["GUARDPOST_PASSWORD"] = PASSWORD
        made.firmware, made.loop = machine.firmware, machine.loop
        try:
            if agent:
                made.start_agent()
            yield made
        finally:
            made.close()
            machine.stop()
