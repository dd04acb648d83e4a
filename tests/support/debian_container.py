"""A small Debian that systemd-nspawn boots: its own systemd, journal and dpkg on this kernel.

    with debian_container({"root/x.deb": ...}) as host:
        host.check("dpkg -i /root/x.deb")
        connect(host.line)                  # the other end of its /dev/ttyGP0

Seconds where a virtual machine takes minutes; a UART, a getty on it, and a boot of a kernel are
only in the latter (support/debian_guest.py).
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from support.debian_root import debian_root
from support.guest import Done
from support.ptyline import pty_line
from support.tools import need

__all__ = ["PORT", "Container", "debian_container"]

PORT = "/dev/ttyGP0"
PATIENCE_SECONDS = 120.0
LOOK_SECONDS = 0.1
ENVIRONMENT = ("HOME=/root", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")


class Container:
    """`line` is the target of its port's other end."""

    def __init__(self, line: str, leader: int) -> None:
        self.line = line
        self._leader = leader

    def run(self, command: str, seconds: float = PATIENCE_SECONDS) -> Done:
        """A line of shell, as root, to its end."""
        shell = (
            "export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        )
        words = ["nsenter", "-t", str(self._leader), "-a", "/bin/sh", "-c", f"{shell}; {command}"]
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
        )
        return Done(done.returncode, done.stdout.decode("utf-8", "replace"))

    def check(self, command: str, seconds: float = PATIENCE_SECONDS) -> str:
        """The output of one that must succeed."""
        done = self.run(command, seconds)
        assert done.status == 0, f"{command}: {done}"
        return done.output

    def wait_for(self, command: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Until `command` succeeds in there."""
        deadline = time.monotonic() + seconds
        while (done := self.run(command)).status:
            assert time.monotonic() < deadline, f"{command}: {done}"
            time.sleep(LOOK_SECONDS)


@contextlib.contextmanager
def debian_container(files: Mapping[str, bytes]) -> Iterator[Container]:
    """One that has booted. `files` are in it by name, executable, owned by root.

    Skips the test where its programs are missing, or where we are not root.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root can start a container")
    nspawn = need("systemd-nspawn")
    with contextlib.ExitStack() as at_the_end:
        folder = Path(at_the_end.enter_context(tempfile.TemporaryDirectory(prefix="gp-")))
        here, there, _ = at_the_end.enter_context(pty_line(baud=921600))
        root = folder / "root"
        mount(debian_root(), root, folder / "disk")
        at_the_end.callback(unmount, root)
        for link in (root / "etc/systemd/system").glob("*.wants/control.service"):
            link.unlink()  # there is no virtio port for it
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(0o755)
        words = [nspawn, "--boot", "--register=no", "--keep-unit", "--console=read-only"]
        words += [
            f"--bind={os.path.realpath(there)}:{PORT}",
            f"--machine=gp-{os.getpid()}",
        ]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [*words, "--directory", root], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        at_the_end.callback(end, process)
        container = Container(here, leader_of(process, folder / "log"))
        container.wait_for("systemctl is-system-running --wait")
        yield container


def mount(image: Path, folder: Path, copy: Path) -> None:
    folder.mkdir()
    subprocess.run(["cp", "--sparse=always", image, copy], check=True)
    subprocess.run(["mount", "-o", "loop", copy, folder], check=True)


def unmount(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", folder], check=True)


def leader_of(process: "subprocess.Popen[bytes]", log: Path) -> int:
    """The process id of the container's init, once that has begun."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while process.poll() is None and time.monotonic() < deadline:
        for pid in children.read_text().split():
            # Before, it is nspawn's own child, which prepares the place.
            with contextlib.suppress(OSError):
                if Path(f"/proc/{pid}/comm").read_text() == "systemd\n":
                    return int(pid)
        time.sleep(LOOK_SECONDS)
    raise AssertionError(f"no container: {log.read_text('utf-8', 'replace')[-2000:]}")


def end(process: "subprocess.Popen[bytes]") -> None:
    """As a power cut; nspawn sees to the rest."""
    if process.poll() is not None:
        return
    for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), 9)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
