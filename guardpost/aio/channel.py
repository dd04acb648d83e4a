"""Channel and Opener: all that a service, or the user of one, knows of a session."""

from typing import NoReturn, Protocol

from guardpost.errors import ResetCode

__all__ = ["Channel", "Opener"]


class Channel(Protocol):
    """Bytes both ways, each way ended on its own. One reader and one writer at a time."""

    reply: bytes
    """Console side: what the service answered when it accepted."""

    async def read(self, limit: int = 65536) -> bytes:
        """Up to `limit` bytes as soon as there is one; b"" at the peer's half-close.

        Raises ChannelReset.
        """
        ...

    async def write(self, data: bytes) -> None:
        """Queue `data`; waits while too much is buffered. Raises ChannelReset."""
        ...

    async def wait_reset(self) -> NoReturn:
        """Raise ChannelReset as soon as the channel breaks; never return.

        For who must notice it while neither reading nor writing. May run beside both.
        """
        ...

    async def write_eof(self) -> None:
        """Half-close: nothing more will be written."""
        ...

    def reset(self, code: ResetCode, text: str = "") -> None:
        """End both ways at once; before accept() it is the refusal."""
        ...

    async def close(self) -> None:
        """Half-close if not done, then let go. Never raises."""
        ...

    def accept(self, reply: bytes = b"") -> None:
        """Agent side: must be called once before data flows to the console."""
        ...


class Opener(Protocol):
    """The console's way to a service of the agent."""

    async def open(
        self, service: str, request: bytes, *, interactive: bool = False, compress: bool = False
    ) -> Channel:
        """Return the accepted channel. Raises ChannelReset when it was refused."""
        ...
