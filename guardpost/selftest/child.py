"""The program that the checks start, since a rescue system need not have any other.

It says that it is there, gives back each line that it reads, and ends with a status of its own.
"""

import sys
from typing import Final

__all__ = ["HERE", "STATUS", "WORD", "run"]

WORD: Final = "child"
"""What stands behind --self-test when this is wanted."""
HERE: Final = "child here"
STATUS: Final = 7


def run() -> int:
    """Until the end of standard input."""
    print(HERE, flush=True)
    for line in sys.stdin:
        print(f"read {line.rstrip()}", flush=True)
    return STATUS
