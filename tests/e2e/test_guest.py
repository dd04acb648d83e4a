"""guardpost in a virtual machine: a real kernel's serial port, and consoles on the host."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.guest import Guest, guest

PATIENCE_SECONDS = 60.0
WEB = "mkdir -p /www; echo hello from the guest > /www/index.html; httpd -h /www -p 127.0.0.1:80"


class Operator:
    """Somebody on the host, with a key and what he has come to trust."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="gp-")
        self.folder = Path(self._folder.name)
        self.environment = dict(
            os.environ,
            XDG_RUNTIME_DIR=str(self.folder),
            XDG_CONFIG_HOME=str(self.folder / "config"),
        )
        self.key = self.run("key").stdout.decode().strip()

    def argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "guardpost", *words]

    def run(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            self.argv(*words),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE_SECONDS,
        )

    def close(self) -> None:
        self._folder.cleanup()


@pytest.fixture(scope="module")
def machine() -> Iterator[Guest]:
    with guest({"sol": "pci-serial", "port": "virtserialport,name=org.guardpost.0"}) as booted:
        yield booted


@pytest.fixture(scope="module")
def operator() -> Iterator[Operator]:
    somebody = Operator()
    yield somebody
    somebody.close()


def start_agent(machine: Guest, port: str, operator: Operator, *options: str) -> None:
    """In the guest, with a log there; it has said who it is."""
    words = f"guardpost agent {port} --allow {operator.key} {' '.join(options)}"
    machine.check(f"{words} > /root/agent.log 2>&1 & echo $! > /root/agent.pid")
    machine.wait_for("grep words /root/agent.log")


def stop_agent(machine: Guest) -> str:
    """Its log."""
    machine.check("kill $(cat /root/agent.pid)")
    machine.wait_for("! kill -0 $(cat /root/agent.pid)")
    return machine.check("cat /root/agent.log")


def until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_session_through_a_pci_serial_port_of_a_real_kernel(
    machine: Guest, operator: Operator
) -> None:
    line = f"unix:{machine.far_end('sol')}"
    start_agent(machine, "/dev/ttyS1", operator)
    done = operator.run("exec", "--trust-new", line, "--", "sh", "-c", "uname -sm; exit 3")
    assert (done.returncode, done.stdout) == (3, b"Linux x86_64\n"), done
    operator.run("owner", line, "stop")
    stop_agent(machine)
