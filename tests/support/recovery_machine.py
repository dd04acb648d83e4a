"""A virtual machine that boots a recovery image: no disk, no network, little memory, two ports.

with recovery_machine(image, append="guardpost.port=/dev/ttyS1") as machine:
    machine.screen.read_until(b"# ")      # the kernel's console, with a rescue shell
    who.run("exec", machine.line, ...)    # the port that the agent has
"""

import contextlib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from support.debian_package import PackageMissing
from support.guest_kernel import kernel
from support.operator import Operator
from support.tools import missing_packages, need

__all__ = ["ARM", "LOG", "PC", "Platform", "RecoveryMachine", "Screen", "debian_kernel"]
__all__ += ["recovery_machine", "uefi_machine"]

PATIENCE_SECONDS = 150.0
"""The small image is up in 4 s on an idle machine; dracut's have taken 90 s on a busy one."""

FIRMWARE = Path("/usr/share/ovmf/OVMF.fd")
LOG = "/run/guardpost/recovery.log"


class Platform(NamedTuple):
    """A kind of computer that QEMU plays; `ports` attaches what is called screen and line."""

    program: str
    architecture: str
    words: tuple[str, ...]
    ports: tuple[str, ...]


PC = Platform(
    program="qemu-system-x86_64",
    architecture="amd64",
    words=("-machine", "q35", "-cpu", "max"),
    ports=("-serial", "chardev:screen", "-serial", "chardev:line"),
)
"""Its ports are ttyS0, the screen, and ttyS1."""

ARM = Platform(
    program="qemu-system-aarch64",
    architecture="arm64",
    words=("-machine", "virt", "-cpu", "cortex-a57"),
    ports=("-serial", "chardev:line", "-device", "pci-serial,chardev=screen"),
)
"""Its line is a PL011, ttyAMA0, the only port such a machine has by itself; ttyS0 is the screen."""


class Screen:
    """The kernel's console and the shell on it, as somebody in front of the machine has them."""

    def __init__(self, path: Path, process: "subprocess.Popen[bytes]") -> None:
        self.shown = b""
        self._unseen = 0
        self._path = path
        self._socket = _connect(path, process)

    def read_until(self, wanted: bytes) -> bytes:
        """What it shows from the last such call to the end of `wanted`."""
        begin = self._unseen
        self._unseen = self._find(wanted, begin) + len(wanted)
        return self.shown[begin : self._unseen]

    def await_anywhere(self, wanted: bytes) -> None:
        """Until it has shown that, before or after what was read."""
        self._find(wanted, 0)

    def _find(self, wanted: bytes, begin: int) -> int:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (found := self.shown.find(wanted, begin)) < 0:
            self._socket.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                data = b""
            if not data:
                raise AssertionError(f"no {wanted!r} on the screen: {self.shown[-3000:]!r}")
            self.shown += data
        return found

    def type(self, line: str) -> None:
        self._socket.sendall(line.encode() + b"\n")

    def run(self, command: str) -> bytes:
        """What a command shows in the shell that waits for one."""
        self.type(f"{command}; echo that was 'all'")
        return self.read_until(b"that was all")

    def close(self) -> None:
        self._socket.close()


class RecoveryMachine:
    """`line` is the target of its second port; `screen` the other end of its first."""

    def __init__(self, folder: Path, process: "subprocess.Popen[bytes]") -> None:
        self.folder = folder
        self.process = process
        self.line = f"unix:{folder / 'line'}"
        self.screen = Screen(folder / "screen", process)

    def await_shell(self) -> None:
        """Until the small image's rescue shell is there, and its agent has opened the line."""
        self.screen.read_until(b"built-in shell")
        self.screen.read_until(b"/ # ")
        self.screen.run(f"until grep -q 'the line is open' {LOG}; do sleep 0.2; done")

    def await_agent(self, who: Operator) -> None:
        """Until it has a session with `who`; the console's own patience is shorter than a boot."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        words = ("exec", "--trust-new", self.line, "--", "sh", "-c", ":")
        while (done := who.run(*words, seconds=PATIENCE_SECONDS)).returncode != 0:
            assert b"agent-silent" in done.stderr, done
            assert time.monotonic() < deadline, done

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.screen.close()


@contextlib.contextmanager
def recovery_machine(
    image: Path,
    *,
    append: str = "",
    options: Sequence[str] = (),
    platform: Platform = PC,
    megabytes: int = 128,
    system: Path | None = None,
) -> Iterator[RecoveryMachine]:
    """One that has been switched on; `system`: another kernel than Debian's.

    Skips the test where there is no QEMU or no kernel for it.
    """
    system = debian_kernel(platform) if system is None else system
    words = ["-kernel", str(system), "-initrd", str(image), "-append", f"console=ttyS0 {append}"]
    with _machine(platform, megabytes, [*words, *options]) as machine:
        yield machine


@contextlib.contextmanager
def uefi_machine(image: Path, *, megabytes: int) -> Iterator[RecoveryMachine]:
    """One whose firmware has started `image`. Its line is ttyS0, and firmware's, too, at first."""
    if not FIRMWARE.exists():
        missing_packages.add("ovmf")
        pytest.skip("needs UEFI firmware (apt install ovmf)")
    platform = PC._replace(ports=(*PC.ports[2:], *PC.ports[:2]))
    options = ["-bios", str(FIRMWARE), "-kernel", str(image)]
    with _machine(platform, megabytes, options) as machine:
        yield machine


@contextlib.contextmanager
def _machine(
    platform: Platform, megabytes: int, options: Sequence[str]
) -> Iterator[RecoveryMachine]:
    program = need(platform.program)
    with tempfile.TemporaryDirectory(prefix="gp-") as name:
        folder = Path(name)
        words = [program, "-accel", "tcg", *platform.words, "-m", str(megabytes)]
        words += ["-nodefaults", "-display", "none"]
        for port in ("screen", "line"):
            words += ["-chardev", f"socket,id={port},path={folder / port},server=on,wait=off"]
        words += platform.ports
        with (folder / "qemu.log").open("wb") as log:
            process = subprocess.Popen(
                [*words, *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            machine = RecoveryMachine(folder, process)
            try:
                yield machine
            finally:
                machine.close()
        finally:
            process.kill()
            process.wait()


def debian_kernel(platform: Platform = PC) -> Path:
    """What QEMU boots; skips the test where there is none."""
    try:
        return kernel(platform.architecture)
    except PackageMissing as error:
        pytest.skip(f"no kernel for a virtual machine: {error}")


def _connect(path: Path, process: "subprocess.Popen[bytes]") -> socket.socket:
    family: int = getattr(socket, "AF_UNIX", 1)  # Windows has none
    connection = socket.socket(family)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            connection.connect(str(path))
            return connection
        except OSError:
            log = path.with_name("qemu.log").read_text()
            assert process.poll() is None, f"qemu ended: {log}"
            assert time.monotonic() < deadline
            time.sleep(0.02)
