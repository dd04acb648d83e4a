"""The bar of a copy on a terminal: what runs, how far all of it is, its rate and when it ends."""

from typing import TYPE_CHECKING, TextIO

from guardpost.termsafe import safe_text

if TYPE_CHECKING:
    from guardpost.services.files.events import Event

__all__ = ["Progress", "Sum"]


class Sum:
    """How many bytes there are, and how many of them are dealt with, by the events of a copy."""

    def __init__(self) -> None:
        self.total = 0
        self.has_end = True
        self.name = b""
        self._settled = 0
        self._sizes: dict[bytes, int] = {}
        self._position = 0

    @property
    def completed(self) -> int:
        return self._settled + self._position

    def add(self, event: "Event") -> None:
        from guardpost.services.files import events

        match event:
            case events.Found(name, None):
                self.has_end = False
            case events.Found(name, int(size)):
                self.total += size
                self._sizes[name] = size
            case events.Started(name):
                self.name, self._position = name, 0
            case events.Resumed(_, offset):
                self._position = offset
            case events.Advanced(name, position) if name == self.name:
                self._position = position
            case events.Skipped(name) | events.Done(name) | events.Failed(name):
                self._settled += self._sizes.pop(name, 0)
                if name == self.name:
                    self._position = 0


class Progress:
    """Draws on `stream`, a terminal; close() leaves that as it should be."""

    def __init__(self, stream: TextIO) -> None:
        from rich import progress
        from rich.console import Console

        self.sum = Sum()
        self._bar = progress.Progress(
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(),
            progress.TaskProgressColumn(),
            progress.DownloadColumn(binary_units=True),
            progress.TransferSpeedColumn(),
            progress.TimeRemainingColumn(),
            console=Console(file=stream),
            transient=True,
        )
        self._task = self._bar.add_task("", total=None)
        self._bar.start()

    def tell(self, event: "Event") -> None:
        self.sum.add(event)
        self._bar.update(
            self._task,
            description=shown(self.sum.name),
            completed=self.sum.completed,
            total=self.sum.total if self.sum.has_end else None,
        )

    def say(self, line: str) -> None:
        """A line of text above the bar."""
        self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        self._bar.stop()


def shown(name: bytes, columns: int = 30) -> str:
    """The end of a name, which says most of it, safe for a terminal."""
    text = safe_text(name.decode("utf-8", "surrogateescape"))
    return text if len(text) <= columns else "…" + text[1 - columns :]
