"""All that the text prompt says and hears, so that it never talks to itself or to a machine."""

from collections.abc import Callable
from typing import Final

from guardpost.agent.echo import AnswerBudget, EchoFilter
from guardpost.termsafe import safe_bytes

__all__ = ["Voice", "shown"]

# What a person who is not logged in could need in 10 s, and what one who is.
_STRANGER: Final = (3, 12, 8000)
_USER: Final = (20, 200, 200_000)


class Voice:
    """Writes what is harmless to a terminal, remembers it, and hears what is not its echo."""

    def __init__(self, write: Callable[[bytes], None], clock: Callable[[], float]) -> None:
        self._write = write
        self._clock = clock
        self._echoes = EchoFilter()
        self.budget = AnswerBudget(*_STRANGER)

    def trust(self, user: bool) -> None:
        """How much is answered from now on: a user's share, or a stranger's."""
        self.budget = AnswerBudget(*(_USER if user else _STRANGER))
        self.budget.heard(self._clock())

    def speak(self, safe: bytes) -> None:
        """Write bytes that are harmless already."""
        self._echoes.spoke(safe, self._clock())
        self._write(safe)

    def say(self, text: str) -> None:
        """Write one line, whatever is in it."""
        self.speak(shown(text).encode() + b"\r\n")

    def echo(self, keys: bytes) -> None:
        """Write what the line editor shows of the keys it got."""
        if keys and self.budget.echoed(len(keys)):
            self._write(keys)

    def line_ended(self) -> None:
        """The person ended the line that we began."""
        self._echoes.spoke(b"\r\n", self._clock())

    def hear(self, data: bytes, *, keys: bool) -> bytes:
        """What of `data` a person typed; single `keys`, and secrets, are no lines of ours."""
        now = self._clock()
        self.budget.heard(now)
        return data if keys else self._echoes.feed(data, now)

    def noise(self) -> None:
        """What was heard last was no line of a person."""
        self._echoes.reset()


def shown(text: str) -> str:
    """`text` as one line that harms neither a terminal nor a log."""
    return safe_bytes(text.encode("utf-8", "backslashreplace")).decode("ascii")
