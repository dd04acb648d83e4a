"""A virtual machine with guardpost in it (QEMU, emulated): a real kernel and its serial ports.

    with guest({"line": "pci-serial"}) as machine:
        machine.run("guardpost ports")              # a shell command in there
        connect(machine.far_end("line"))             # what the port's other end says

Commands go over a virtio port of their own, so that no serial port is needed for them. Its first
serial port is the kernel's console and ends in a file, unless a test wants something else.
"""

import contextlib
import json
import os
import select
import socket
import subprocess
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from support.debian_package import PackageMissing
from support.guest_image import write_image
from support.guest_kernel import kernel
from support.tcp import free_port
from support.tools import need

__all__ = ["BOOT_SECONDS", "Done", "Guest", "guest"]

BOOT_SECONDS = 60.0
"""3 s on an idle machine; a busy one has needed 12."""

PATIENCE_SECONDS = 40.0

INIT = r"""#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin:/usr/bin HOME=/root PYTHONHOME=/usr
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm /dev/virtio-ports
mount -t devpts devpts /dev/pts
for module in $(cat /modules/order); do insmod /modules/$module; done
name_ports() {
    for port in /sys/class/virtio-ports/*/name; do
        ln -sf /dev/$(basename $(dirname $port)) /dev/virtio-ports/$(cat $port)
    done 2> /dev/null
}
until name_ports; [ -e /dev/virtio-ports/control ]; do sleep 0.1; done
ifconfig lo up
exec <> /dev/virtio-ports/control >&0 2>&1  # it opens only once
printf 'ready\036'
while read -r line; do
    name_ports
    ( eval "$line" ) < /dev/null
    printf '\036%d\036' $?
done
"""
"""The links in /dev/virtio-ports are udev's elsewhere; a port comes some time after its driver. RS
ends what the host reads."""

RS = b"\x1e"


class Done(NamedTuple):
    status: int
    output: str
    """Standard output and error of the command."""


class Guest:
    """`folder` holds a socket for each device, and `kernel.log`, the first serial port."""

    def __init__(
        self,
        folder: Path,
        process: "subprocess.Popen[bytes]",
        telnet: Mapping[str, int],
        boot_seconds: float = BOOT_SECONDS,
    ) -> None:
        self._boot_seconds = boot_seconds
        self.folder = folder
        self.process = process
        self._telnet = telnet
        self._unread = b""
        self._control = self._connect("control")
        self._monitor = self._connect("monitor")

    def far_end(self, device: str) -> str:
        """The path of the other end of that device."""
        return str(self.folder / device)

    def target(self, device: str) -> str:
        """How a console names that other end."""
        if device in self._telnet:
            return f"telnet:127.0.0.1:{self._telnet[device]}"
        return f"unix:{self.far_end(device)}"

    def run(self, command: str, seconds: float = PATIENCE_SECONDS) -> Done:
        """One line of shell, as root, to its end."""
        self._control.sendall(command.encode() + b"\n")
        output = self._until_rs(seconds)
        status = int(self._until_rs(seconds))
        return Done(status, output.decode("utf-8", "replace"))

    def check(self, command: str, seconds: float = PATIENCE_SECONDS) -> str:
        """The output of one that must succeed."""
        done = self.run(command, seconds)
        assert done.status == 0, f"{command}: {done}"
        return done.output

    def wait_for(self, command: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Until `command` succeeds in there."""
        tries = f"n=$((n+1)); [ $n -lt {seconds * 10:.0f} ] || exit 1; sleep 0.1"
        waiting = f"n=0; until {command} > /dev/null 2>&1; do {tries}; done"
        self.check(waiting, 2 * seconds)

    def reset(self) -> None:
        """Press its reset button, and return when it has started again."""
        self.press_reset()
        self.await_boot()

    def press_reset(self) -> None:
        self._monitor.sendall(json.dumps({"execute": "qmp_capabilities"}).encode())
        self._monitor.sendall(json.dumps({"execute": "system_reset"}).encode())

    def await_boot(self) -> None:
        """Until it takes commands."""
        while not self._until_rs(self._boot_seconds).endswith(b"ready"):
            pass

    def kernel_log(self) -> str:
        log = self.folder / "kernel.log"
        return log.read_text("utf-8", "replace") if log.exists() else ""

    def _connect(self, name: str) -> socket.socket:
        family: int = getattr(socket, "AF_UNIX", 1)  # Windows has none
        connection = socket.socket(family)
        deadline = time.monotonic() + BOOT_SECONDS
        while True:
            try:
                connection.connect(self.far_end(name))
                return connection
            except OSError:
                assert self.process.poll() is None, f"qemu ended: {self._said()}"
                assert time.monotonic() < deadline
                time.sleep(0.02)

    def _until_rs(self, seconds: float) -> bytes:
        deadline = time.monotonic() + seconds
        while RS not in self._unread:
            left = max(0.0, deadline - time.monotonic())
            ready, _, _ = select.select([self._control], [], [], left)
            data = self._control.recv(65536) if ready else b""
            if not data:
                raise AssertionError(
                    f"the guest says no more than {self._unread!r}; {self._said()}"
                )
            self._unread += data
        before, _, self._unread = self._unread.partition(RS)
        return before

    def _said(self) -> str:
        return (self.folder / "qemu.log").read_text() + self.kernel_log()[-2000:]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._control.close()
        self._monitor.close()


@contextlib.contextmanager
def guest(
    devices: Mapping[str, str],
    *,
    append: str = "console=ttyS0 quiet",
    options: Sequence[str] = (),
    files: Mapping[str, bytes] = {},
    kernel_log: bool = True,
    telnet: Collection[str] = (),
    guardpost: bool = True,
    boot_seconds: float = BOOT_SECONDS,
) -> Iterator[Guest]:
    """A guest that has booted. Skips the test where there is no QEMU or no kernel for it.

    `devices`: QEMU's -device by the name of the socket that is its other end, such as
    {"com2": "isa-serial,index=1", "sol": "pci-serial", "port": "virtserialport,name=a.b.0"}.
    `append` is the kernel's command line, `options` are further ones of QEMU, `files` are added to
    the initramfs by name; without `kernel_log` the first serial port is not there. The far ends
    named in `telnet` are TCP and speak Telnet, whose BREAK the emulated UART passes on as one.
    Without `guardpost` nothing but `files` is in the initramfs (support/debian_guest.py).
    """
    program = need("qemu-system-x86_64")
    need("busybox")
    with tempfile.TemporaryDirectory(prefix="gp-") as name:
        folder = Path(name)
        try:
            words = [program, *_machine(folder, append), *options]
            files = {"init": INIT.encode(), **files}
            write_image(folder / "initramfs", files, guardpost=guardpost)
        except PackageMissing as error:
            pytest.skip(f"no kernel for a virtual machine: {error}")
        if kernel_log:
            log = f"file,id=log,path={folder}/kernel.log,append=on"
            words += ["-chardev", log, "-device", "isa-serial,chardev=log,index=0"]
        ports = {each: free_port() for each in telnet}
        for each, device in devices.items():
            words += _device(folder, each, device, ports.get(each))
        with (folder / "qemu.log").open("wb") as log_file:
            process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=log_file, stderr=log_file
            )
        try:
            machine = Guest(folder, process, ports, boot_seconds)
            try:
                machine.await_boot()
                yield machine
            finally:
                machine.close()
        finally:
            process.kill()
            process.wait()


def _machine(folder: Path, append: str) -> list[str]:
    return [
        *("-accel", "tcg", "-machine", "q35", "-cpu", "max", "-m", "512"),
        *("-nodefaults", "-display", "none"),
        *("-kernel", str(kernel()), "-initrd", str(folder / "initramfs"), "-append", append),
        *("-qmp", f"unix:{folder}/monitor,server=on,wait=off"),
        *("-device", "virtio-serial-pci"),
        *_device(folder, "control", "virtserialport,name=control"),
    ]


def _device(folder: Path, name: str, device: str, telnet: int | None = None) -> list[str]:
    place = f"path={os.fspath(folder / name)}"
    if telnet is not None:
        place = f"host=127.0.0.1,port={telnet},telnet=on,nodelay=on"
    chardev = f"socket,id={name},{place},server=on,wait=off"
    return ["-chardev", chardev, "-device", f"{device},chardev={name}"]
