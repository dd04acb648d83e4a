"""Debian's kernel for a virtual machine, with the modules that are wanted; nothing is installed."""

import lzma
import re
import struct
from collections.abc import Iterable
from pathlib import Path

from support.debian_package import CACHE, HERE, one_at_a_time, unpacked_package

__all__ = ["kernel", "modules", "package", "unpacked"]


def kernel(architecture: str = HERE) -> Path:
    """What QEMU boots: here the kernel's ELF image, on arm64 its Image. Raises PackageMissing."""
    packed = next((package(architecture) / "boot").glob("vmlinuz-*"))
    if architecture != HERE:
        return packed
    image = packed.parent.parent / "vmlinux"
    if not image.exists():
        with one_at_a_time():
            partial = image.with_suffix(".partial")
            partial.write_bytes(unpacked(packed.read_bytes()))
            partial.rename(image)
    return image


def modules(names: Iterable[str]) -> list[Path]:
    """Each after those that it needs; a name that is built into the kernel is left out."""
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
    """The kernel's package, unpacked: boot/ and lib/modules/. Raises PackageMissing."""
    there = CACHE / ("kernel" if architecture == HERE else f"kernel-{architecture}")
    return unpacked_package(there, f"linux-image-{architecture}", architecture)
