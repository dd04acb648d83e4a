"""SpeedWish: what `--raise-baud` wants of a line, and what becomes of it, in sentences."""

from collections.abc import Callable

from guardpost.aio.stream import ByteStream, SpeedStream
from guardpost.protocol import events
from guardpost.protocol.console_connection import ConsoleConnection
from guardpost.services import introductions

__all__ = ["SpeedWish"]


class SpeedWish:
    """`highest`: bit/s at most; 0: the line is to stay as it is. `tell` gets the sentences."""

    def __init__(
        self, connection: ConsoleConnection, highest: int, tell: Callable[[str], None]
    ) -> None:
        self._connection = connection
        self._highest = highest
        self._tell = tell
        self._told = ""
        self._settings: bytes | None = None

    def established(self, settings: bytes, stream: ByteStream | None, now: float) -> None:
        """There is a session; `settings` is the agent's WELCOME."""
        self._settings = settings
        self._ask(stream, now)

    def raise_to(self, highest: int, stream: ByteStream | None, now: float) -> None:
        """As the constructor says, if nobody has said so yet; else what has become of it is said
        again, to who has not heard it."""
        if not self._highest:
            self._highest = highest
            self._ask(stream, now)
        elif self._told:
            self._tell(self._told)

    def settled(self, event: events.SpeedSettled) -> None:
        if event.reason:
            self._say(f"the line is at {event.bits_per_second} bit/s: {event.reason}")
        else:
            self._say(f"the line runs at {event.bits_per_second} bit/s now, by agreement")

    def _ask(self, stream: ByteStream | None, now: float) -> None:
        if not self._highest or self._settings is None:
            return
        if not isinstance(stream, SpeedStream):
            self._stays("nothing here can change its speed")
        elif reason := stream.no_cable():
            self._stays(reason)
        elif introductions.SPEED not in introductions.features(self._settings):
            self._stays("the agent does not know how to change its speed")
        else:
            speeds = [each for each in stream.speeds() if each <= self._highest]
            if self._highest <= stream.bits_per_second:
                self._stays(f"it has {stream.bits_per_second} bit/s without --raise-baud")
            elif not speeds:
                self._stays("our port has none of the higher speeds")
            self._connection.cable.offer(stream.bits_per_second, speeds, now)

    def _stays(self, reason: str) -> None:
        self._say(f"the line keeps its speed: {reason}")

    def _say(self, sentence: str) -> None:
        if sentence != self._told:  # what fails again and again is said once
            self._told = sentence
            self._tell(sentence)
