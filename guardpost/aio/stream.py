"""ByteStream: all that the rest of guardpost knows of a line.

A transport is a function that opens one; whoever holds one knows neither what
it is made of nor how it was named.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

__all__ = ["BreakCountingStream", "BreakingStream", "ByteStream", "PumpingStream", "Receive"]
__all__ += ["SpeedStream", "StatusStream", "Wait", "pump"]


class ByteStream(Protocol):
    """Bytes both ways. One reader and one writer at a time."""

    transparent: bool
    """Whether every byte value passes unchanged (the first profile is then `clean`)."""

    async def read(self) -> bytes:
        """At least one byte as soon as there is one; b"" when the line has ended.

        Raises LineLost when the line broke (unplugged, hung up).
        """
        ...

    async def write(self, data: bytes) -> None:
        """Hand `data` to the operating system; returns when it took all of it.

        Raises LineLost when the line broke.
        """
        ...

    async def close(self) -> None:
        """Give the line back as it was found. May be called twice; never raises."""
        ...


class Wait(NamedTuple):
    """What a receiver says of what comes next: nobody needs to look for it for `seconds`, nor, on
    a line that brings it at once, before `delimiter` (-1: every byte counts).
    """

    seconds: float = 0.0
    delimiter: int = -1


Receive = Callable[[bytes], Wait]


@runtime_checkable
class PumpingStream(ByteStream, Protocol):
    """A ByteStream that can do what `pump` does without waking a task for every piece."""

    async def pump(self, receive: Receive) -> None:
        """As the function below; not beside read(). Raises LineLost, and what `receive` raises."""
        ...


@runtime_checkable
class BreakingStream(Protocol):
    """What a ByteStream may have besides: a BREAK."""

    async def send_break(self) -> bool:
        """Send a BREAK (a quarter second where a length is ours to choose), then return.

        False when what is behind this line has none, as a pty. Raises LineLost.
        """
        ...


@runtime_checkable
class BreakCountingStream(Protocol):
    """What a ByteStream may have besides: a count of the BREAKs that came."""

    def breaks_received(self) -> int | None:
        """None: unknown here. It only grows."""
        ...


@runtime_checkable
class StatusStream(Protocol):
    """What a ByteStream may have besides: news of the wire itself."""

    def status(self) -> str:
        """Speed, modem lines, counted errors: as much as is known, in one line."""
        ...


@runtime_checkable
class SpeedStream(Protocol):
    """What a ByteStream may have besides: a port whose speed can be changed while it is open.

    Speeds are bit/s.
    """

    bits_per_second: int
    """The base speed: what it was opened with, and is closed with."""

    def no_cable(self) -> str:
        """Why no other speed makes sense here; "" where one does."""
        ...

    def speeds(self) -> tuple[int, ...]:
        """Those of guardpost.protocol.limits.SPEEDS that the port may have, for all it tells."""
        ...

    async def drain(self) -> None:
        """Returns when what was written has left the port, or does not move."""
        ...

    def set_speed(self, speed: int) -> bool:
        """From now on this speed; False when the port does not have it, or is gone.

        Bytes that still wait are dropped.
        """
        ...


async def pump(stream: ByteStream, receive: Receive) -> None:
    """Give `receive` what comes, until the stream ends. Raises LineLost, and what it raises."""
    if isinstance(stream, PumpingStream):
        await stream.pump(receive)
        return
    while data := await stream.read():
        if seconds := receive(data).seconds:
            await asyncio.sleep(seconds)
