"""The guest of the PPP peer: Debian's kernel, and an initramfs with busybox and pppd.

Few kernels have PPP built in, so a virtual machine brings its own. Kernel and initramfs are
made once and kept in ~/.cache/guardpost.
"""

import lzma
import os
import re
import shutil
import stat
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

__all__ = ["make_guest"]

CACHE = Path.home() / ".cache" / "guardpost" / "ppp"

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
    image = CACHE / "initramfs"
    if not image.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        tree = _kernel_tree()
        packed = next((tree / "boot").glob("vmlinuz-*")).read_bytes()
        (CACHE / "vmlinux").write_bytes(_unpacked(packed))
        partial = image.with_suffix(".partial")
        partial.write_bytes(b"".join(_archive(_files(tree))))
        partial.rename(image)
    return CACHE / "vmlinux", image


def _kernel_tree() -> Path:
    """Debian's kernel package, unpacked and not installed."""
    tree = CACHE / "kernel"
    if not tree.exists():
        said = subprocess.run(
            ["apt-cache", "depends", "linux-image-amd64"],
            check=True,
            capture_output=True,
            text=True,
        )
        found = re.search(r"Depends: (linux-image-\S+)", said.stdout)
        if found is None:
            raise FileNotFoundError("apt knows no linux-image-amd64")
        package = found[1]
        quiet = {"check": True, "cwd": CACHE, "stdout": subprocess.DEVNULL}
        subprocess.run(["apt-get", "-qq", "download", package], stderr=subprocess.DEVNULL, **quiet)
        archive = next(CACHE.glob(f"{package}_*.deb"))
        subprocess.run(["dpkg-deb", "-x", str(archive), str(tree) + ".partial"], **quiet)
        archive.unlink()
        tree.with_name("kernel.partial").rename(tree)
    return tree


def _unpacked(kernel: bytes) -> bytes:
    """The ELF image in a bzImage: an emulated processor takes long to unpack it itself.

    Where it lies is in the setup header (Documentation/arch/x86/boot.rst): setup_sects at
    0x1f1, payload_offset and payload_length at 0x248.
    """
    begin = (kernel[0x1F1] + 1) * 512
    offset, length = struct.unpack_from("<II", kernel, 0x248)
    return lzma.decompress(kernel[begin + offset : begin + offset + length - 4])


def _files(tree: Path) -> Iterator[tuple[str, bytes]]:
    """Name in the initramfs, and content."""
    yield "init", INIT.encode()
    yield "bin/busybox", Path("/bin/busybox").read_bytes()
    pppd = shutil.which("pppd", path="/usr/sbin:/sbin")
    if pppd is None:
        raise FileNotFoundError("pppd is not installed")
    yield "bin/pppd", Path(pppd).read_bytes()
    for library in _libraries(pppd):
        yield library.lstrip("/"), Path(library).read_bytes()
    modules = next((tree / "lib" / "modules").iterdir())
    order = list(_with_what_they_need(modules))
    for module in order:
        yield f"modules/{module.name}", module.read_bytes()
    yield "modules/order", "\n".join(module.name for module in order).encode()


def _libraries(program: str) -> list[str]:
    said = subprocess.run(["ldd", program], check=True, capture_output=True, text=True)
    return re.findall(r"(/\S+) \(0x", said.stdout)


def _with_what_they_need(folder: Path) -> Iterator[Path]:
    """Each after those that it needs. (The package's own modules.dep is made on installing.)"""
    where = {path.stem.replace("-", "_"): path for path in folder.rglob("*.ko")}
    done: set[str] = set()

    def visit(name: str) -> Iterator[Path]:
        if name in done or name not in where:
            return  # the rest is built into the kernel
        done.add(name)
        said = subprocess.run(
            ["/sbin/modinfo", "-F", "depends", str(where[name])],
            check=True,
            capture_output=True,
            text=True,
        )
        for needed in said.stdout.strip().split(","):
            yield from visit(needed.replace("-", "_"))
        yield where[name]

    for name in MODULES:
        yield from visit(name)


def _archive(files: Iterator[tuple[str, bytes]]) -> Iterator[bytes]:
    """A cpio archive as the kernel wants it ("newc", see its buffer-format.rst)."""
    folders: set[str] = set()
    for folder in ("proc", "sys", "dev", "modules"):
        yield _entry(folder, b"", stat.S_IFDIR | 0o755)
        folders.add(folder)
    for name, content in files:
        parents = [str(parent) for parent in reversed(Path(name).parents) if str(parent) != "."]
        for parent in parents:
            if parent not in folders:
                folders.add(parent)
                yield _entry(parent, b"", stat.S_IFDIR | 0o755)
        yield _entry(name, content, stat.S_IFREG | 0o755)
    yield _entry("TRAILER!!!", b"", 0)


def _entry(name: str, content: bytes, mode: int) -> bytes:
    encoded = os.fsencode(name) + b"\0"
    numbers = (0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
    head = b"070701" + b"".join(b"%08X" % number for number in numbers) + encoded
    return _padded(head) + _padded(content)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
