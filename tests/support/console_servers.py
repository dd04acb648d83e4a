"""Console servers that people have, in front of a device: ser2net and conserver."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from support.tcp import free_port
from support.tools import need

__all__ = ["conserver", "ser2net"]

SER2NET = """%YAML 1.1
---
connection: &console
  accepter: telnet(rfc2217),tcp,127.0.0.1,{port}
  connector: serialdev,{device},115200n81,local
"""

CONSERVER = """
config * {{
}}
default * {{
    logfile "";
    rw *;
}}
console host1 {{
    master localhost;
    type device;
    device {device};
    baud 115200;
    parity none;
}}
access * {{
    trusted 127.0.0.1;
}}
"""


@contextlib.contextmanager
def ser2net(device: str) -> Iterator[int]:
    """Yields the port, on which it speaks Telnet with RFC 2217."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="ser2net-") as folder:
        configuration = Path(folder) / "ser2net.yaml"
        configuration.write_text(SER2NET.format(port=port, device=device))
        with _running([need("ser2net"), "-n", "-u", "-c", str(configuration)], port):
            yield port


@contextlib.contextmanager
def conserver(device: str) -> Iterator[list[str]]:
    """Yields the words of the `console` command that shows the device."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="conserver-") as folder:
        (Path(folder) / "conserver.cf").write_text(CONSERVER.format(device=device))
        command = [need("conserver"), "-E", "-C", "conserver.cf", "-M", "127.0.0.1"]
        command += ["-p", str(port), "-P", "/dev/null", "-L", "/dev/null"]
        with _running(command, port, cwd=folder):
            yield [need("console"), "-E", "-n", "-M", "127.0.0.1", "-p", str(port), "-f", "host1"]


@contextlib.contextmanager
def _running(command: list[str], port: int, cwd: str | None = None) -> Iterator[None]:
    """While `command` runs and listens on `port`."""
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
        while not _listens(port):
            assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
            assert time.monotonic() < deadline, f"{command[0]} does not listen"
            time.sleep(0.02)
        yield
    finally:
        # ser2net waits for its device to take what is left, which nobody reads any more.
        # conserver has a child for each few consoles.
        if sys.platform != "win32":
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _listens(port: int) -> bool:
    """Without connecting, which would take the one place that a console server may have."""
    wanted = f"0100007F:{port:04X}"
    for row in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, _, state, *_ = row.split()
        if local == wanted and state == "0A":
            return True
    return False
