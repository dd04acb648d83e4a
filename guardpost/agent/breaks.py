"""Whether a BREAK came: somebody at the other end wants everybody's attention."""

from collections.abc import Callable

from guardpost.aio.stream import BreakCountingStream, ByteStream

__all__ = ["BreakWatch"]


class BreakWatch:
    """Looks at the kernel's count when asked, and costs nothing meanwhile."""

    def __init__(self) -> None:
        self._count: Callable[[], int | None] = lambda: None
        self._seen: int | None = None

    def opened(self, stream: ByteStream) -> None:
        """Watch this line; what came on it before is no news."""
        if isinstance(stream, BreakCountingStream):
            self._count = stream.breaks_received
        self._seen = self._count()

    def gone(self) -> None:
        """The line is away."""
        self._count = lambda: None

    def came(self) -> bool:
        """Whether a BREAK came since the last call; False where lines do not count them."""
        before, self._seen = self._seen, self._count()
        return before is not None and self._seen is not None and self._seen > before
