"""How long to let the bytes of a frame gather before looking at them again.

A UART wakes its reader every 8 bytes: 1200 times a second at 115200, each at the price of a whole
turn of the loop, and a frame is worth nothing before its end. So the next look comes after as long
again as the frame has taken so far, within limits: a keystroke's frame is hardly late, a long
one costs few looks. A frame as long as the one before it is seen at its end, since the time of
arrival is what the peer learns the line's speed from. A line so fast that many bytes come in a
pause is read as it comes.
"""

__all__ = ["Patience"]

_PAUSE_MIN_SECONDS = 0.001  # what a timer can do
_PAUSE_MAX_SECONDS = 0.008
_END_SECONDS = 0.0025  # of it are read as they come: a timer may be 1 ms late
_SURE_BYTES = 32  # tell a rate
_FULL_PAUSE_BYTES = 4096  # a pty holds no more


class Patience:
    """Told of what each read brought; times are seconds."""

    __slots__ = ("_before", "_begun", "_bytes", "_first", "_rate")

    def __init__(self) -> None:
        self._rate = 0.0  # bytes a second, of the line while a frame comes in
        self._bytes = 0  # of the frame that is coming in
        self._first = 0  # of them, those of the first look, at `_begun`
        self._begun = 0.0
        self._before = 0  # bytes of the frame before it

    def frame_ended(self, size: int) -> None:
        """Something came of the bytes, with the `size` last ones."""
        self._before = self._bytes + size
        self._bytes = 0

    def pause(self, size: int, now: float) -> float:
        """`size` bytes only went on with a frame: how long to wait before the next look."""
        if not self._bytes:
            self._begun, self._first = now, size
        self._bytes += size
        since = self._bytes - self._first
        if since >= _SURE_BYTES and now > self._begun:
            self._rate = since / (now - self._begun)
        if not 0 < self._rate * _PAUSE_MAX_SECONDS < _FULL_PAUSE_BYTES:
            return 0.0
        seconds = self._bytes / self._rate
        if (left := self._before - self._bytes) > 0:
            seconds = min(seconds, left / self._rate - _END_SECONDS)
        return 0.0 if seconds < _PAUSE_MIN_SECONDS else min(seconds, _PAUSE_MAX_SECONDS)
