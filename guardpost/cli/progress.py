"""The bar of a copy on a terminal: what runs, how far all of it is, its rate and when it ends."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from guardpost.termsafe import safe_text

if TYPE_CHECKING:
    from guardpost.services.files.events import Event

__all__ = ["Progress", "Sum"]


class Sum:
    """How many bytes are to be copied, and how many of them are, by the events of a copy.

    What was there already counts as neither: it would make the rate a fable.
    """

    def __init__(self) -> None:
        self.total = 0
        self.there = 0
        self.has_end = True
        self.name = b""
        self._settled = 0
        self._sizes: dict[bytes, int] = {}
        self._start = self._position = 0

    @property
    def completed(self) -> int:
        return self._settled + self._position - self._start

    def add(self, event: "Event") -> None:
        from guardpost.services.files import events

        match event:
            case events.Found(name, None):
                self.has_end = False
            case events.Found(name, int(size)):
                self.total += size
                self._sizes[name] = size
            case events.Started(name):
                self.name, self._start, self._position = name, 0, 0
            case events.Resumed(name, offset) if name == self.name:
                self._start = self._position = offset
                self._was_there(name, offset)
            case events.Advanced(name, position) if name == self.name:
                self._position = position
            case events.Skipped(name, size):
                self._was_there(name, size)
                self._settle(name)
            case events.Done(name) | events.Failed(name):
                self._settle(name)

    def _was_there(self, name: bytes, size: int) -> None:
        self.there += size
        counted = min(size, self._sizes.get(name, 0))
        self.total -= counted
        if counted:
            self._sizes[name] -= counted

    def _settle(self, name: bytes) -> None:
        self._settled += self._sizes.pop(name, 0)
        if name == self.name:
            self._start = self._position = 0


class Progress:
    """Draws on `stream`, a terminal, in one line of it however wide that is.

    close() leaves the terminal as it should be.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        from rich import progress
        from rich.console import Console
        from rich.table import Column

        self.sum = Sum()
        console = Console(file=stream)
        self._is_ascii = not console.encoding.startswith("utf")
        self._bar = progress.Progress(
            progress.TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(no_wrap=True, overflow="crop", ratio=2),
            ),
            progress.BarColumn(bar_width=None, table_column=Column(ratio=1)),
            progress.TaskProgressColumn(table_column=Column(no_wrap=True)),
            progress.DownloadColumn(binary_units=True, table_column=Column(no_wrap=True)),
            progress.TransferSpeedColumn(table_column=Column(no_wrap=True)),
            progress.TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True)),
            console=console,
            transient=True,
            expand=True,
            get_time=clock,
        )
        self._task = self._bar.add_task("", total=None)
        self._bar.start()

    def tell(self, event: "Event") -> None:
        self.sum.add(event)
        self._bar.update(
            self._task,
            description=self._described(),
            completed=self.sum.completed,
            total=self.sum.total if self.sum.has_end else None,
        )

    def _described(self) -> str:
        from rich.filesize import decimal

        name = shown(self.sum.name, ascii_only=self._is_ascii)
        return f"{name} ({decimal(self.sum.there)} were there)" if self.sum.there else name

    def say(self, line: str) -> None:
        """A line of text above the bar."""
        self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        self._bar.stop()


def shown(name: bytes, columns: int = 26, *, ascii_only: bool = False) -> str:
    """The end of a name, which says most of it, safe for a terminal."""
    text, left_out = safe_text(name.decode("utf-8", "surrogateescape")), "…"
    if ascii_only:
        text, left_out = ascii(text)[1:-1], "..."
    return text if len(text) <= columns else left_out + text[len(left_out) - columns :]
