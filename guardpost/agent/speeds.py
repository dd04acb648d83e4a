"""PortJudge: what an agent answers to a console that asks for a faster line."""

from collections.abc import Callable

from guardpost.aio.stream import ByteStream, SpeedStream
from guardpost.protocol.cable import CableSpeed

__all__ = ["PortJudge"]

NO_SPEED = "its line has no speed that could be changed"


class PortJudge:
    """`no_cable` says why the line should keep its speed, "" if another one makes sense.

    It looks at the whole host, so it is asked once for each line, and not before a console asks.
    """

    def __init__(self, no_cable: Callable[[], str]) -> None:
        self._no_cable = no_cable
        self._refusal: str | None = None
        self.port: SpeedStream | None = None

    def opened(self, stream: ByteStream) -> None:
        """This is the line now."""
        self.port = stream if isinstance(stream, SpeedStream) else None
        self._refusal = None

    def answer(self, cable: CableSpeed, now: float) -> None:
        port = self.port
        if port is None:
            cable.answer(0, (), now, refusal=NO_SPEED)
            return
        if self._refusal is None:
            self._refusal = port.no_cable() or self._no_cable()
        speeds = () if self._refusal else port.speeds()
        cable.answer(port.bits_per_second, speeds, now, refusal=self._refusal)
