"""Descriptors 0, 1 and 2, which whoever started us may have closed."""

import os
import sys

__all__ = ["fill_in"]


def fill_in() -> None:
    """Open the null device for each that is missing, as ssh does.

    Otherwise the next file or socket gets the number, and the remote command's output is written
    into that.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is not None:
            continue
        # Without inheritance a child would find it closed again.
        nowhere = os.open(os.devnull, os.O_RDWR)
        if nowhere != number:
            os.dup2(nowhere, number)
            os.close(nowhere)
        os.set_inheritable(number, True)
        mode = "w" if number else "r"
        setattr(sys, name, os.fdopen(number, mode, closefd=False, encoding="utf-8"))
