"""Reads and writes of a fast line, a frame at a time (POSIX): native/lineio.h.

While a call waits, other threads run and the loop does not turn: callers keep the wait shorter
than anybody notices.
"""

import os

from guardpost._framing import ffi, lib

__all__ = ["GATHERED_MAX_BYTES", "gather", "put_out"]

GATHERED_MAX_BYTES = 1 << 16

_ANY_BYTE = -1

_new_bytes = ffi.new_allocator(should_clear_after_alloc=False)


class _Room:
    """What one call works with."""

    __slots__ = ("bytes", "error", "out")

    def __init__(self) -> None:
        self.out = _new_bytes("uint8_t[]", GATHERED_MAX_BYTES)
        self.bytes = ffi.buffer(self.out)
        self.error = ffi.new("int *")


# A call takes one and puts it back: cffi lets other threads run meanwhile, and they may be here.
_rooms: list[_Room] = []


def _take_room() -> _Room:
    try:
        return _rooms.pop()
    except IndexError:
        return _Room()


def gather(descriptor: int, delimiter: int = _ANY_BYTE, seconds: float = 0.0) -> bytes:
    """What is there to read; within `seconds` also what comes until `delimiter` does.

    b"" at the end of the line. Raises BlockingIOError when nothing came, OSError when the line
    broke. `descriptor` must not block.
    """
    room = _take_room()
    wait = int(seconds * 1e6)
    size = lib.gp_gather(descriptor, delimiter, room.out, GATHERED_MAX_BYTES, wait, room.error)
    data, error = room.bytes[:size], room.error[0]
    _rooms.append(room)
    if not size and error:
        raise OSError(error, os.strerror(error))
    return data


def put_out(descriptor: int, data: bytes | memoryview, seconds: float = 0.0) -> int:
    """Write `data`, waiting up to `seconds` for the line to take it; returns how much it took.

    Raises BlockingIOError when that was nothing, OSError when the line broke. `descriptor` must
    not block.
    """
    room = _take_room()
    wait = int(seconds * 1e6)
    taken = lib.gp_put_out(descriptor, ffi.from_buffer(data), len(data), wait, room.error)
    error = room.error[0]
    _rooms.append(room)
    if not taken and error:
        raise OSError(error, os.strerror(error))
    return taken
