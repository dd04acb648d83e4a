"""Debian's kernel for a virtual machine, with the modules that are wanted; nothing is installed.

It is fetched once by apt and kept in ~/.cache/guardpost/kernel; a newer one is not looked for.
"""

import contextlib
import lzma
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["CACHE", "KernelMissing", "kernel", "modules", "one_at_a_time", "package"]
__all__ += ["unpacked"]

CACHE = Path.home() / ".cache" / "guardpost"
HERE = "amd64"


class KernelMissing(OSError):
    """apt gave none; says what it said."""


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two runs of the tests at once make nothing twice."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as file:
        if sys.platform != "win32":
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def kernel(architecture: str = HERE) -> Path:
    """What QEMU boots: here the kernel's ELF image, on arm64 its Image. Raises KernelMissing."""
    with one_at_a_time():
        packed = next((package(architecture) / "boot").glob("vmlinuz-*"))
        if architecture != HERE:
            return packed
        image = packed.parent.parent / "vmlinux"
        if not image.exists():
            partial = image.with_suffix(".partial")
            partial.write_bytes(unpacked(packed.read_bytes()))
            partial.rename(image)
        return image


def modules(names: Iterable[str]) -> list[Path]:
    """Each after those that it needs; a name that is built into the kernel is left out."""
    with one_at_a_time():
        folder = package() / "lib" / "modules"
    # (The package's own modules.dep is made when it is installed.)
    where = {path.stem.replace("-", "_"): path for path in folder.rglob("*.ko")}
    order: dict[str, Path] = {}

    def visit(name: str) -> None:
        path = where.get(name.replace("-", "_"))
        if path is None or name in order:
            return
        needed = re.search(rb"\0depends=([^\0]*)\0", path.read_bytes())
        for each in needed[1].decode().split(",") if needed else ():
            visit(each)
        order[name] = path

    for name in names:
        visit(name)
    return list(order.values())


def unpacked(packed: bytes) -> bytes:
    """The ELF image in a bzImage: an emulated processor takes long to unpack it itself.

    Where it lies is in the setup header (Documentation/arch/x86/boot.rst): setup_sects at
    0x1f1, payload_offset and payload_length at 0x248.
    """
    begin = (packed[0x1F1] + 1) * 512
    offset, length = struct.unpack_from("<II", packed, 0x248)
    return lzma.decompress(packed[begin + offset : begin + offset + length - 4])


def package(architecture: str = HERE) -> Path:
    """The kernel's package, unpacked: boot/ and lib/modules/. Hold `one_at_a_time` meanwhile."""
    there = CACHE / ("kernel" if architecture == HERE else f"kernel-{architecture}")
    if not there.exists():
        partial = there.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        (partial / "lists" / "partial").mkdir(parents=True)
        _fetch(partial, architecture)
        shutil.rmtree(partial / "lists")
        partial.rename(there)
    return there


def _fetch(folder: Path, architecture: str) -> None:
    meta = f"linux-image-{architecture}"
    options: list[str] = []
    if architecture != HERE:
        # Another architecture's packages, from lists of their own: dpkg need not know of it.
        lists = f"Dir::State::lists={folder}/lists"
        only = f"APT::Architectures={architecture}"
        options = ["-o", f"APT::Architecture={architecture}", "-o", only, "-o", lists]
        _run(folder, "apt-get", *options, "-qq", "update")
    said = _run(folder, "apt-cache", *options, "depends", meta)
    found = re.search(r"Depends: (linux-image-\S+)", said)
    if found is None:
        raise KernelMissing(f"apt knows no {meta}; run apt-get update")
    _run(folder, "apt-get", *options, "-qq", "download", found[1])
    fetched = next(folder.glob("*.deb"))
    _run(folder, "dpkg-deb", "-x", fetched.name, ".")
    fetched.unlink()


def _run(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    except FileNotFoundError:
        raise KernelMissing(f"no {words[0]} here") from None
    if done.returncode:
        said = (done.stderr.strip() or "no reason given").splitlines()[-1]
        raise KernelMissing(f"{words[0]} failed: {said}")
    return done.stdout
