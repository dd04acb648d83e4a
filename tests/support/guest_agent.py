"""An agent in a guest, on its second serial port or another, and a tunnel to a web server there."""

import contextlib
import subprocess
import urllib.request
from collections.abc import Iterator

from support.guest import Guest
from support.operator import Operator
from support.rig import read_line

__all__ = ["HttpTunnel", "agent", "agent_command", "start_agent", "start_httpd", "tunnel_to_httpd"]

PAGE = "hello from the guest"


def agent_command(who: Operator, *options: str, port: str = "/dev/ttyS1") -> str:
    return f"guardpost agent {port} --allow {who.key} {' '.join(options)}"


def start_agent(machine: Guest, who: Operator, *options: str, port: str = "/dev/ttyS1") -> None:
    """It has said who it is; its log is /root/log there, its process id in /root/pid."""
    machine.check(
        f"{agent_command(who, *options, port=port)} > /root/log 2>&1 & echo $! > /root/pid"
    )
    machine.wait_for("grep words /root/log")


@contextlib.contextmanager
def agent(machine: Guest, who: Operator, *options: str, port: str = "/dev/ttyS1") -> Iterator[None]:
    """An agent meanwhile, ended by SIGTERM."""
    start_agent(machine, who, *options, port=port)
    try:
        yield
    finally:
        machine.check("kill $(cat /root/pid)")
        machine.wait_for("! kill -0 $(cat /root/pid)")


def start_httpd(machine: Guest) -> None:
    """busybox's, on port 80 of the guest's loopback."""
    machine.check("mkdir -p /www")
    machine.check(f"echo {PAGE} > /www/index.html; httpd -h /www -p 127.0.0.1:80")


class HttpTunnel:
    """`guardpost forward` to the guest's web server."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._port = int(self.says().split(" to ")[0].rsplit(":", 1)[1])

    def says(self, seconds: float = 60.0) -> str:
        """Its next line on standard error."""
        return read_line(self._process, seconds)

    def fetch(self) -> bytes:
        """Raises OSError."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/", timeout=60) as answer:
            content: bytes = answer.read()
        return content


@contextlib.contextmanager
def tunnel_to_httpd(machine: Guest, who: Operator, line: str) -> Iterator[HttpTunnel]:
    start_httpd(machine)
    words = ("forward", "--trust-new", line, "-L", "127.0.0.1:0:127.0.0.1:80")
    try:
        with who.background(*words) as process:
            yield HttpTunnel(process)
    finally:
        machine.run("killall httpd")
