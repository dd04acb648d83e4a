"""What a command knows of the line it wants, and how it wants to be connected."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from guardpost.aio.channel import Opener

if TYPE_CHECKING:
    from guardpost.aio.stream import ByteStream
    from guardpost.console.figures import Figures

__all__ = ["ConnectOptions", "Line", "Session"]


class Line(NamedTuple):
    """A line, and a way to open it."""

    name: str
    """One text for one line, however it was named: what pins and locks are kept under."""
    address: str
    """What another process of ours can open it by."""
    open: "Callable[[], Awaitable[ByteStream]]"
    profile: str | None = None
    """The name of the only profile to use."""
    password: "Callable[[], Awaitable[str]] | None" = None
    """Where the line has one: finds it, asking a person if need be; `open` asks the same."""


class ConnectOptions(NamedTuple):
    """The command line's options, as it gave them: paths with their `~`, None for "not said"."""

    identity: str | None = None
    agent_key: str | None = None
    trust_new: bool = False
    known_agents: str | None = None
    psk: str | None = None
    connect_timeout: float = 30.0
    use_owner: bool = True
    persist: float = 10.0
    quiet: bool = False
    verbose: int = 0
    raise_baud: int = 0
    """The highest speed that a cable may be run at; 0: its own."""


class Session(Opener, Protocol):
    """What a command gets: channels, and how the line does."""

    async def figures(self) -> "Figures | None":
        """None when there is no session."""
        ...
