"""A server program of the system's, for as long as a with-block lasts."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["listens", "running"]


@contextlib.contextmanager
def running(command: list[str], port: int, cwd: str | None = None) -> Iterator[None]:
    """While `command` listens on `port` of 127.0.0.1; what it has started ends with it."""
    process = subprocess.Popen(
        command,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 20
        while not listens(port):
            assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
            assert time.monotonic() < deadline, f"{command[0]} does not listen"
            time.sleep(0.02)
        yield
    finally:
        # ser2net waits for its device to take what is left, which nobody reads any more.
        # conserver has a child for each few consoles, xrdp for each connection.
        if sys.platform != "win32":
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def listens(port: int) -> bool:
    """Whether anybody does, on 127.0.0.1.

    Without connecting, which would take the one place that a console server may have.
    """
    wanted = f"0100007F:{port:04X}"
    for row in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, _, state, *_ = row.split()
        if local == wanted and state == "0A":
            return True
    return False
