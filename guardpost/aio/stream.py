"""ByteStream: all that the rest of guardpost knows of a line.

A transport is a function that opens one; whoever holds one knows neither what
it is made of nor how it was named.
"""

from typing import Protocol

__all__ = ["ByteStream"]


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
