"""Console servers that people have, in front of a device: ser2net and conserver."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from support.running import running
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
        with running([need("ser2net"), "-n", "-u", "-c", str(configuration)], port):
            yield port


@contextlib.contextmanager
def conserver(device: str) -> Iterator[list[str]]:
    """Yields the words of the `console` command that shows the device."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="conserver-") as folder:
        (Path(folder) / "conserver.cf").write_text(CONSERVER.format(device=device))
        command = [need("conserver"), "-E", "-C", "conserver.cf", "-M", "127.0.0.1"]
        command += ["-p", str(port), "-P", "/dev/null", "-L", "/dev/null"]
        with running(command, port, cwd=folder):
            yield [need("console"), "-E", "-n", "-M", "127.0.0.1", "-p", str(port), "-f", "host1"]
