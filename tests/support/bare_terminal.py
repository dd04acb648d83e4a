"""Dumb terminals at one end of a line: a bare descriptor, and real programs inside tmux."""

import contextlib
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

if sys.platform != "win32":
    import tty

__all__ = ["BareTerminal", "Screen", "screen"]

PATIENCE_SECONDS = 40.0


class BareTerminal:
    """Types bytes and reads bytes, nothing else."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDWR | getattr(os, "O_NOCTTY", 0))
        if sys.platform != "win32":
            tty.setraw(self._fd)
        self.heard = b""

    def types(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._fd, data) :]

    def listens(self, seconds: float, until: bytes | None = None) -> bytes:
        """What came within `seconds`, or until `until` had come."""
        deadline, heard = time.monotonic() + seconds, b""
        while (left := deadline - time.monotonic()) > 0:
            if until is not None and until in heard:
                break
            if select.select([self._fd], [], [], left)[0]:
                heard += os.read(self._fd, 65536)
        self.heard += heard
        return heard

    def asks(self, typed: bytes, answer: bytes, seconds: float = PATIENCE_SECONDS) -> bytes:
        """Type, and read until `answer`; it must come within `seconds`."""
        self.types(typed)
        heard = self.listens(seconds, answer)
        assert answer in heard, f"{typed!r} was answered {heard[-500:]!r}"
        return heard

    def wakes(self, seconds: float = 3.0) -> bytes:
        """Press Enter as people do, again and again, until the prompt is there."""
        deadline, heard = time.monotonic() + seconds, b""
        while b"guardpost> " not in heard:
            assert time.monotonic() < deadline, f"no prompt, only {heard[-500:]!r}"
            self.types(b"\r")
            heard += self.listens(0.3, b"guardpost> ")
        return heard

    def close(self) -> None:
        os.close(self._fd)

    def __enter__(self) -> "BareTerminal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Screen:
    """A program on an 80x24 screen."""

    def __init__(self, tmux: list[str]) -> None:
        self._tmux = tmux

    def types(self, *keys: str) -> None:
        """Keys as tmux names them: "h", "Enter", "C-c"."""
        subprocess.run([*self._tmux, "send-keys", *keys], check=True)

    def shows(self) -> str:
        """The screen, a line each, without blanks at the ends."""
        done = subprocess.run(
            [*self._tmux, "capture-pane", "-p"], check=True, capture_output=True, text=True
        )
        return "\n".join(line.rstrip() for line in done.stdout.splitlines()).rstrip()

    def asks(
        self, *keys: str, until: Callable[[str], object], seconds: float = PATIENCE_SECONDS
    ) -> str:
        """Press `keys`, and again each second, until the screen shows it."""
        deadline = time.monotonic() + seconds
        while True:
            self.types(*keys)
            try:
                return self.waits_for(until, 1.0)
            except AssertionError:
                if time.monotonic() >= deadline:
                    raise

    def waits_for(self, what: Callable[[str], object], seconds: float = PATIENCE_SECONDS) -> str:
        deadline = time.monotonic() + seconds
        while not what(shown := self.shows()):
            assert time.monotonic() < deadline, f"the screen shows:\n{shown}"
            select.select([], [], [], 0.05)
        return shown


@contextlib.contextmanager
def screen(tmux: str, folder: Path, *command: str) -> Iterator[Screen]:
    """`command` in a tmux of its own, whose socket is in `folder`."""
    # A server that was told to end may still hold its socket's name.
    words = [tmux, "-S", str(folder / f"tmux-{time.monotonic_ns()}"), "-f", os.devnull]
    environment = {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8"}
    subprocess.run(
        [*words, "new-session", "-d", "-x", "80", "-y", "24", *command],
        check=True,
        env=environment,
    )
    show_pid = [*words, "display-message", "-p", "#{pane_pid}"]
    pid = int(subprocess.run(show_pid, check=True, capture_output=True).stdout)
    try:
        yield Screen(words)
    finally:
        subprocess.run([*words, "kill-server"], check=False, capture_output=True)
        deadline = time.monotonic() + PATIENCE_SECONDS
        with contextlib.suppress(ProcessLookupError):
            while time.monotonic() < deadline:  # the program gives the port back on its way out
                os.kill(pid, 0)
                time.sleep(0.02)
