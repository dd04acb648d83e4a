"""Reads and writes of a fast line, a frame at a time (POSIX): native/lineio.h.

While a call waits, other threads run and the loop does not turn: callers keep the wait shorter
than anybody notices.
"""

import os

from guardpost._framing import ffi, lib

__all__ = ["GATHERED_MAX_BYTES", "gather", "put_out"]

GATHERED_MAX_BYTES = 1 << 16

_ANY_BYTE = -1

# One call at a time: the transports of a process belong to one loop.
_room = ffi.new_allocator(should_clear_after_alloc=False)("uint8_t[]", GATHERED_MAX_BYTES)
_gathered = ffi.buffer(_room)
_error = ffi.new("int *")


def gather(descriptor: int, delimiter: int = _ANY_BYTE, seconds: float = 0.0) -> bytes:
    """What is there to read; within `seconds` also what comes until `delimiter` does.

    b"" at the end of the line. Raises BlockingIOError when nothing came, OSError when the line
    broke. `descriptor` must not block.
    """
    wait = int(seconds * 1e6)
    size = lib.gp_gather(descriptor, delimiter, _room, GATHERED_MAX_BYTES, wait, _error)
    if not size and _error[0]:
        raise OSError(_error[0], os.strerror(_error[0]))
    return _gathered[:size]


def put_out(descriptor: int, data: bytes | memoryview, seconds: float = 0.0) -> int:
    """Write `data`, waiting up to `seconds` for the line to take it; returns how much it took.

    Raises BlockingIOError when that was nothing, OSError when the line broke. `descriptor` must
    not block.
    """
    wait = int(seconds * 1e6)
    taken = lib.gp_put_out(descriptor, ffi.from_buffer(data), len(data), wait, _error)
    if not taken and _error[0]:
        raise OSError(_error[0], os.strerror(_error[0]))
    return taken
