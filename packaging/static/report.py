"""Progress, and the errors that a person is to see."""

import sys
import time

__all__ = ["BuildError", "Mismatch", "Unavailable", "say"]

_START = time.monotonic()


class BuildError(Exception):
    """One line: what happened, and what to do next."""


class Unavailable(BuildError):
    """What a build begins with is not here, and could not be had."""


class Mismatch(BuildError):
    """A file came that is another than the lock's: no reason to take an older one instead."""


def say(text: str) -> None:
    """A line of progress on standard error, with the seconds since the start."""
    # In one piece: threads speak, too.
    sys.stderr.write(f"[{time.monotonic() - _START:6.1f} s] {text}\n")
    sys.stderr.flush()
