"""The guest of the PPP peer: Debian's kernel, and an initramfs with busybox and pppd.

Few kernels have PPP built in, so a virtual machine brings its own. Kernel and initramfs are
made once and kept in ~/.cache/guardpost.
"""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from support.cpio import archive
from support.debian_package import CACHE
from support.guest_kernel import kernel, modules

__all__ = ["make_guest"]

MODULES = ("virtio_pci", "virtio_console", "ppp_generic", "ppp_async")

INIT = r"""#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules/order); do insmod /modules/$module; done
mkdir -p /etc/ppp
: > /etc/ppp/options
for port in /sys/class/virtio-ports/*; do ln -s /dev/$(basename $port) /dev/$(cat $port/name); done
join() {
    exec 3<> $2  # a port forgets what it holds when it is closed
    until nc 10.9.0.2 $1 <&3 >&3; do sleep 0.1; done
}
ifconfig lo up
stty -echo
echo booted
read side mtu
ppp="pppd /dev/ttyS1 115200 noauth local nodetach nocrtscts noipv6 passive
 lcp-echo-interval 0 mtu $mtu mru $mtu"
if [ $side = far ]; then
    $ppp 10.9.0.2:10.9.0.1 > /dev/null &
    nc -ll -p 7 -e cat &
    nc -l -p 9 <> /dev/bulk >&0 &
else
    $ppp 10.9.0.1:10.9.0.2 > /dev/null &
    join 7 /dev/key 2> /dev/null &
    join 9 /dev/bulk 2> /dev/null &
fi
echo started
read forever
"""
"""Both guests' first process. The host says `far` or `near` when it may begin; `bulk` and
`key` are ports to the host (each opens once), so that no program of ours runs inside."""


def make_guest() -> tuple[Path, Path]:
    """The kernel and the initramfs, from the cache. Raises OSError or CalledProcessError."""
    parts = list(archive(_files(), ("proc", "sys", "dev", "tmp")))
    image = CACHE / "ppp" / hashlib.sha256(b"".join(parts)).hexdigest()[:24]
    if not image.exists():
        image.parent.mkdir(parents=True, exist_ok=True)
        partial = image.with_suffix(f".{os.getpid()}")
        partial.write_bytes(b"".join(parts))
        partial.rename(image)
    return kernel(), image


def _files() -> Iterator[tuple[str, bytes]]:
    """Name in the initramfs, and content."""
    yield "init", INIT.encode()
    yield "bin/busybox", Path("/bin/busybox").read_bytes()
    pppd = shutil.which("pppd", path="/usr/sbin:/sbin")
    if pppd is None:
        raise FileNotFoundError("pppd is not installed")
    yield "bin/pppd", Path(pppd).read_bytes()
    for library in _libraries(pppd):
        yield library.lstrip("/"), Path(library).read_bytes()
    order = modules(MODULES)
    for module in order:
        yield f"modules/{module.name}", module.read_bytes()
    yield "modules/order", "\n".join(module.name for module in order).encode()


def _libraries(program: str) -> list[str]:
    said = subprocess.run(["ldd", program], check=True, capture_output=True, text=True)
    return re.findall(r"(/\S+) \(0x", said.stdout)
