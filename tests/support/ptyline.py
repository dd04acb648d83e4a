"""`guardpost line` in a process of its own, for as long as a with-block lasts."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["Control", "pty_line"]


class Control:
    """The line's control socket. See `guardpost.ptyline.COMMANDS`."""

    def __init__(self, path: str, pid: int = 0) -> None:
        self.pid = pid
        """The line's process, where it is one of its own."""
        family: int = getattr(socket, "AF_UNIX", 1)  # Windows, where no line is made, has none
        self._socket = socket.socket(family)
        self._socket.connect(path)
        self._answers = self._socket.makefile("r", encoding="utf-8")

    def __call__(self, command: str) -> str:
        """Give a command such as "mute 6"; returns when it has taken effect."""
        self._socket.sendall(command.encode() + b"\n")
        answer = self._answers.readline().rstrip("\n")
        if answer.startswith("error:"):
            raise ValueError(answer)
        return answer

    def stats(self) -> dict[str, Any]:
        """Counts per direction, "ab" and "ba": see guardpost.linefaults.Stats."""
        counts: dict[str, Any] = json.loads(self("stats"))
        return counts

    def close(self) -> None:
        self._answers.close()
        self._socket.close()


@contextmanager
def pty_line(*options: str, baud: int | str = 115200) -> Iterator[tuple[str, str, Control]]:
    """The paths of both ends, and the control. `options` as on the command line."""
    with tempfile.TemporaryDirectory(prefix="line-") as folder:
        a, b, control = (os.path.join(folder, name) for name in ("ttyA", "ttyB", "control"))
        process = subprocess.Popen(
            [sys.executable, "-m", "guardpost", "line", a, b]
            + ["--baud", str(baud), "--control", control, *options],
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            if not process.stdout.readline():
                raise RuntimeError(f"guardpost line did not start, status {process.wait()}")
            talk = Control(control, process.pid)
            try:
                yield a, b, talk
            finally:
                talk.close()
        finally:
            process.send_signal(signal.SIGTERM)
            process.stdout.close()
            process.wait(timeout=10)
