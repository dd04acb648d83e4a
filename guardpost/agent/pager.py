"""Output of one command, made safe for the terminal and stopped after each screenful."""

from collections.abc import Awaitable, Callable
from typing import Final

from guardpost.termsafe import SafeStream

__all__ = ["MORE", "PAGER_KEYS", "PAGE_ROWS", "Pager", "PagerQuit"]

COLUMNS: Final = 80
PAGE_ROWS: Final = 23
MORE: Final = b"--More--"
PAGER_KEYS: Final = " \rq"  # a screenful, a row, no more
_ERASE_MORE: Final = b"\r" + b" " * len(MORE) + b"\r"

# One piece handed to the line at a time, so that an interrupt is heard between two.
_PIECE_BYTES: Final = 512


class PagerQuit(Exception):
    """The reader has seen enough."""


class Pager:
    """Where a command writes. It finishes when the command ends it, or the reader quits."""

    def __init__(
        self,
        write: Callable[[bytes], None],
        drain: Callable[[], Awaitable[None]],
        next_key: Callable[[], Awaitable[str]],
        *,
        paging: bool,
    ) -> None:
        """`next_key` waits for one of PAGER_KEYS."""
        self._write = write
        self._drain = drain
        self._next_key = next_key
        self._paging = paging
        self._stream = SafeStream()
        self._column = 0
        self._rows = 0

    async def line(self, text: str) -> None:
        """Show one line, whatever is in it. Raises PagerQuit."""
        flat = text.replace("\n", " ").encode("utf-8", "backslashreplace")
        await self.raw(flat + b"\n")

    async def unpaged(self, text: str) -> None:
        """As line(), without a pause when the screen is full: the command makes its own."""
        self._rows = 0
        await self.line(text)

    async def raw(self, data: bytes) -> None:
        """Show bytes of a stream with line ends of its own. Raises PagerQuit."""
        for start in range(0, len(data), _PIECE_BYTES):
            await self._show(self._stream.feed(data[start : start + _PIECE_BYTES]))
            await self._drain()

    async def end_line(self) -> None:
        """What is shown next begins a line. Raises PagerQuit."""
        await self._show(self._stream.end())

    async def _show(self, safe: bytes) -> None:
        for line in safe.splitlines(keepends=True):
            text = line.removesuffix(b"\r\n")
            while text:
                await self._room_for_row()
                part = text[: COLUMNS - self._column]
                self._write(part)
                self._column += len(part)
                text = text[len(part) :]
            if line.endswith(b"\r\n"):
                if not self._column:
                    await self._room_for_row()
                self._write(b"\r\n")
                self._rows += 1
                self._column = 0

    async def _room_for_row(self) -> None:
        """Begin another row, after a pause when the screen is full of unread ones."""
        if self._column == COLUMNS:
            self._column = 0
            self._rows += 1
        if not self._paging or self._column or self._rows < PAGE_ROWS:
            return
        self._write(MORE)
        key = await self._next_key()
        self._write(_ERASE_MORE)
        if key == "q":
            raise PagerQuit
        self._rows = PAGE_ROWS - 1 if key == "\r" else 0
