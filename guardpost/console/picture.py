"""What a person sees of a line, and what the log keeps of it: text without frames, with times."""

import os
import time
from collections.abc import Callable

from guardpost.console.frame_filter import FrameFilter
from guardpost.errors import UsageError
from guardpost.protocol.framing import Profile
from guardpost.termsafe import TerminalStream, safe_text, without_sequences

__all__ = ["LineLog", "Picture", "stamp"]

_CUT_SECONDS = 0.1  # for the rest of a character
_LOG_LINE_CHARS = 4000


def stamp(seconds: float, *, date: bool = False) -> str:
    """Wall-clock `seconds` as local time with milliseconds; with the date also the zone."""
    local = time.localtime(seconds)
    text = time.strftime("%H:%M:%S", local) + f".{int(seconds * 1000) % 1000:03d}"
    if not date:
        return text
    zone = time.strftime("%z", local)
    return f"{time.strftime('%Y-%m-%dT', local)}{text}{zone[:3]}:{zone[3:]}"


class LineLog:
    """A file of the line's text, each line with the time of its first character.

    It is harmless to a terminal: escape sequences are left out, other controls shown. A CR on
    its own ends a line as well, so that a progress bar is told step by step.
    """

    def __init__(self, path: str, wall: Callable[[], float] = time.time) -> None:
        """Append to `path`, made for its owner alone. Raises UsageError."""
        self._wall = wall
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise UsageError(f"{path}: {reason}; give --log another file") from None
        self._line = ""
        self._began = 0.0
        self._after_cr = False
        self.failure = ""
        """Why it is not written any more (a full disk)."""

    def feed(self, text: str) -> None:
        for char in text:
            if char == "\n" and self._after_cr:
                self._after_cr = False
                continue
            self._after_cr = char == "\r"
            if char in "\r\n":
                self._end_line()
                continue
            if not self._line:
                self._began = self._wall()
            self._line += char
            if len(self._line) >= _LOG_LINE_CHARS:
                self._end_line()

    def note(self, sentence: str) -> None:
        """What happened to the line itself."""
        if self._line:
            self._end_line()
        self._write(self._wall(), f"-- {safe_text(sentence)}")

    def close(self) -> None:
        if self._line:
            self._end_line()
        os.close(self._fd)

    def _end_line(self) -> None:
        line, self._line = self._line, ""
        shown = without_sequences(line)
        if shown:
            self._write(self._began, shown)

    def _write(self, when: float, text: str) -> None:
        if self.failure:
            return
        try:
            os.write(self._fd, f"{stamp(when, date=True)} {text}\n".encode())
        except OSError as error:
            self.failure = (error.strerror or str(error)).lower()


class Picture:
    """Sans-IO: bytes of the line in, bytes for the terminal out.

    `raw`: nothing is hidden, tamed or stamped; the log gets its text all the same.
    """

    def __init__(
        self,
        *,
        raw: bool = False,
        times: bool = False,
        log: LineLog | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.raw = raw
        self.times = times
        self.log = log
        self.filter = FrameFilter()
        self._wall = wall
        self._text = TerminalStream()
        self.at_start = True
        """Whether the terminal stands at the beginning of a line."""
        self._cut_at: float | None = None

    def opened(self, cut: Profile | None = None) -> None:
        """A line begins, perhaps in the middle of a frame of that profile."""
        before = self.filter
        self.filter = FrameFilter(cut)
        self.filter.frames, self.filter.hidden_bytes = before.frames, before.hidden_bytes
        self._text = TerminalStream()
        self._cut_at = None

    def feed(self, data: bytes, now: float) -> bytes:
        shown = self._show(self.filter.feed(data, now), now)
        return data if self.raw else shown

    def next_deadline(self) -> float | None:
        times = [self.filter.next_deadline(), self._cut_at]
        return min((each for each in times if each is not None), default=None)

    def handle_timeout(self, now: float) -> bytes:
        shown = self._show(self.filter.handle_timeout(now), now)
        if self._cut_at is not None and now >= self._cut_at:
            self._cut_at = None
            shown += self._stamped(self._text.release())
        return b"" if self.raw else shown

    def _show(self, text: bytes, now: float) -> bytes:
        if not text:
            return b""
        tamed = self._text.feed(text)
        self._cut_at = now + _CUT_SECONDS if self._text.held else None
        return self._stamped(tamed)

    def _stamped(self, tamed: bytes) -> bytes:
        if self.log is not None:
            self.log.feed(tamed.decode())
        if not self.times:
            self.at_start = tamed.endswith(b"\n") if tamed else self.at_start
            return tamed
        out = []
        for piece in tamed.splitlines(keepends=True):
            # Some end their lines with LF CR.
            if self.at_start and piece.strip(b"\r\n"):
                out.append(f"[{stamp(self._wall())}] ".encode())
            out.append(piece)
            self.at_start = piece.endswith(b"\n") or (self.at_start and not piece.strip(b"\r\n"))
        return b"".join(out)
