"""What is known of the programs by which people reach a console, for those that exec: runs.

They were written for a person at a terminal: some refuse to work without one, and some greet the
person on the same output on which the line's bytes follow.
"""

import os
import re
from collections.abc import Sequence

__all__ = ["Greeting", "wants_terminal"]

ON_A_TERMINAL = {
    *("conman", "console", "cu", "ipmiconsole", "ipmitool", "minicom", "picocom", "virsh"),
}
"""They ask for the settings of the terminal on their input, and end when there is none."""

_GREETINGS: dict[str, tuple[bytes, ...]] = {
    "conman": (b"\r\n<ConMan> " rb"Connection to console \[[^\r\n]*\r*\n",),
    "console": (rb"\[Enter `[^\r\n]*' for help\]\r*\n",),
    "ipmiconsole": (rb"\[SOL established\]\r*\n",),
    "ipmitool": (rb"\[SOL Session operational\.[^\r\n]*\]\r*\n",),
    "telnet": (
        rb"Trying [^\r\n]*\r*\n",
        rb"Connected to [^\r\n]*\r*\n",
        rb"Escape character is [^\r\n]*\r*\n",
    ),
    "virsh": (
        rb"Connected to domain [^\r\n]*\r*\n",
        rb"Escape character is [^\r\n]*\r*\n",
    ),
}

LONGEST_GREETING_BYTES = 512


def wants_terminal(argv: Sequence[str]) -> bool:
    return not ON_A_TERMINAL.isdisjoint(_names(argv))


def _names(argv: Sequence[str]) -> list[str]:
    """Every word may be the program: sudo, env and sshpass stand before it."""
    return [os.path.basename(word) for word in argv]


class Greeting:
    """Takes the greeting of the programs in `argv` off the beginning of what the line says.

    Anything but a greeting ends it, and passes unchanged.
    """

    def __init__(self, argv: Sequence[str]) -> None:
        patterns = [each for name in _names(argv) for each in _GREETINGS.get(name, ())]
        self._patterns = [re.compile(each) for each in patterns]
        self._beginnings = [_literal_beginning(each) for each in patterns]
        self._held = b""
        self.is_over = not patterns

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """What of `data` and what was held back belongs to the line, and what is greeting."""
        if self.is_over:
            return data, b""
        self._held += data
        greeting = b""
        while found := next(
            filter(None, (each.match(self._held) for each in self._patterns)), None
        ):
            greeting += found[0]
            self._held = self._held[found.end() :]
        if self._may_become_one():
            return b"", greeting
        return self.give_up(), greeting

    @property
    def holds_back(self) -> bool:
        """Whether something is held back that may yet become a greeting."""
        return bool(self._held)

    def give_up(self) -> bytes:
        """No more of it comes: what is held back belongs to the line."""
        self.is_over = True
        held, self._held = self._held, b""
        return held

    def _may_become_one(self) -> bool:
        held = self._held
        return len(held) < LONGEST_GREETING_BYTES and any(
            held.startswith(each) or each.startswith(held) for each in self._beginnings
        )


def _literal_beginning(pattern: bytes) -> bytes:
    """The text that `pattern` begins with, up to the first thing that may vary."""
    text = re.match(rb"(?:\\[\[\]().]|[^\\\[(.*+?])*", pattern)
    assert text is not None
    return text[0].replace(b"\\", b"")
