"""A command that is told to end, by kill(1) or by the end of its terminal, ends as by Ctrl-C.

So its session says goodbye, its terminal is set right, and its sockets go.
"""

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import FrameType

__all__ = ["ending_as_ctrl_c"]


@contextlib.contextmanager
def ending_as_ctrl_c() -> Iterator[None]:
    """SIGTERM and SIGHUP become KeyboardInterrupt while the block runs.

    One that is handled or ignored already (nohup) stays so. Nothing on Windows, which has neither.
    """
    if sys.platform == "win32":
        yield
    else:
        numbers = [
            number
            for number in (signal.SIGTERM, signal.SIGHUP)
            if signal.getsignal(number) is signal.SIG_DFL
        ]
        for number in numbers:
            signal.signal(number, _interrupt)
        try:
            yield
        finally:
            for number in numbers:
                signal.signal(number, signal.SIG_DFL)


def _interrupt(number: int, frame: FrameType | None) -> None:
    # asyncio's own handler cancels its main task. Who was started by `&` ignores SIGINT.
    handler = signal.getsignal(signal.SIGINT)
    if callable(handler):
        handler(signal.SIGINT, frame)
    else:
        raise KeyboardInterrupt
