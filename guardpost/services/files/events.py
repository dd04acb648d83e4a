"""What a copy tells while it runs: values for a progress bar, for JSON, for an audit.

`name` is the file as the operator would write it: the source he named, and what is below it.
All are told in the thread of the event loop, and cost nothing to whoever does not listen.
"""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = [
    "Advanced",
    "Done",
    "Event",
    "Failed",
    "Found",
    "Listed",
    "Resumed",
    "Skipped",
    "Started",
    "Tell",
]


@dataclass(frozen=True, slots=True)
class Found:
    """One more file is to be copied; `size` in bytes, None for a stream that has no known end."""

    name: bytes
    size: int | None


@dataclass(frozen=True, slots=True)
class Listed:
    """No more Found will come: their sum is the whole."""


@dataclass(frozen=True, slots=True)
class Started:
    """Its contents begin to travel."""

    name: bytes
    size: int | None


@dataclass(frozen=True, slots=True)
class Resumed:
    """`offset` bytes of it were there from an earlier attempt, and are the source's."""

    name: bytes
    offset: int


@dataclass(frozen=True, slots=True)
class Advanced:
    """The copy has come to byte `position`; `travelled` bytes of contents crossed the line."""

    name: bytes
    position: int
    travelled: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """Both sides have the same contents already, or the same link; or a folder was there."""

    name: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Done:
    """It stands under its name, with the contents whose BLAKE2b-256 is `digest`.

    `size` is its length, `travelled` how many bytes of contents crossed the line for it. A
    folder or a link has neither, and an empty digest.
    """

    name: bytes
    size: int
    travelled: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """It was not copied: a fixed `word` for scripts, and `text` for people."""

    name: bytes
    word: str
    text: str


Event = Found | Listed | Started | Resumed | Advanced | Skipped | Done | Failed
Tell = Callable[[Event], None]
