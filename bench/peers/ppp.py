"""PPP between two virtual machines: Debian's kernel, pppd and TCP on each side of the line."""

import contextlib
import functools
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

from bench.ends import send
from bench.peers.peer import Peer, Place, Way
from bench.peers.ppp_guest import make_guest
from bench.processes import Side
from bench.transfer import Transfer

__all__ = ["PPP_296", "PPP_1500"]

BOOT_SECONDS = 60.0


class _Guest:
    """Its second serial port is on the line; `bulk` and `key` lead into it."""

    def __init__(self, place: Place, side: Side, end: str) -> None:
        self._folder = place.folder / side
        self._folder.mkdir()
        kernel, image = make_guest()
        self._process = place.processes.start(
            side,
            *("qemu-system-x86_64", "-accel", "tcg", "-machine", "q35", "-cpu", "max", "-m", "256"),
            *("-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio"),
            *("-kernel", str(kernel), "-initrd", str(image)),
            *("-append", "console=ttyS0 quiet panic=-1"),
            *("-chardev", self._listen("line"), "-device", "isa-serial,chardev=line,index=1"),
            *("-device", "virtio-serial-pci"),
            *("-chardev", self._listen("bulk"), "-device", "virtserialport,chardev=bulk,name=bulk"),
            *("-chardev", self._listen("key"), "-device", "virtserialport,chardev=key,name=key"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        rate = place.bytes_per_second or 1e9
        self.bulk, self.key = self._connect("bulk"), self._connect("key")
        uart = (sys.executable, "-m", "bench.peers.uart", self._path("line"), end, str(rate))
        place.processes.start(side, *uart)

    def _path(self, name: str) -> str:
        return str(self._folder / name)

    def _listen(self, name: str) -> str:
        return f"socket,id={name},path={self._path(name)},server=on,wait=off"

    def _connect(self, name: str) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        deadline = time.monotonic() + BOOT_SECONDS
        while True:
            try:
                connection.connect(self._path(name))
                return connection
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def await_boot(self) -> None:
        assert self._process.stdout is not None
        while b"booted" not in self._process.stdout.readline():
            if self._process.poll() is not None:
                raise OSError("the guest did not boot")

    def begin(self, side: Side, mtu: int) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"%s %d\n" % (side.encode(), mtu))
        self._process.stdin.flush()


@contextlib.contextmanager
def _open(mtu: int, place: Place) -> Iterator[Way]:
    near, far = _Guest(place, "near", place.near), _Guest(place, "far", place.far)
    for guest in (near, far):
        guest.await_boot()
    far.begin("far", mtu)

    def receive() -> None:
        with contextlib.suppress(OSError):
            while data := far.bulk.recv(65536):
                if place.sink.transfer is not None:
                    place.sink.transfer.arrived(data)

    def bulk(transfer: Transfer, pace: float | None) -> None:
        """All in one connection that stays."""
        place.sink.transfer = transfer
        send(near.bulk, transfer.data, pace, close=False)

    threading.Thread(target=receive, daemon=True).start()
    yield Way(lambda: near.begin("near", mtu), bulk, near.key.dup)
    for guest in (near, far):
        guest.bulk.close()
        guest.key.close()


_NEEDS = (
    *(("qemu-system-x86_64", "qemu-system-x86"), ("pppd", "ppp")),
    *(("busybox", "busybox-static"), ("apt-get", "apt"), ("dpkg-deb", "dpkg")),
)


def _peer(mtu: int) -> Peer:
    what = f"PPP, MTU {mtu}, two virtual machines, TCP"
    return Peer(
        f"ppp-{mtu}", what, _NEEDS, functools.partial(_open, mtu), charged=False, patience=60.0
    )


PPP_1500 = _peer(1500)
PPP_296 = _peer(296)
