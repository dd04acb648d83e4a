"""The initramfs of a guest: busybox, this CPython, what guardpost needs, and guardpost itself.

Three archives, one after another: what changes seldom (kept in ~/.cache/guardpost, under a name
that is made of its content), guardpost as it stands, and what one test adds.
"""

import hashlib
import importlib.metadata
import importlib.util
import marshal
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from support.cpio import archive
from support.debian_package import CACHE, one_at_a_time
from support.guest_kernel import modules
from support.tools import ROOT

__all__ = ["write_image"]

MODULES = ("virtio_pci", "virtio_console")
PYTHON = f"usr/lib/python3.{sys.version_info.minor}"
FOLDERS = ("proc", "sys", "dev", "tmp", "run", "root", "etc", "var/log", "bin", "sbin", "usr/sbin")

# Of the standard library, what no agent and no console imports; half of it by size.
LEFT_OUT = {
    *("test", "idlelib", "tkinter", "turtledemo", "lib2to3", "ensurepip", "distutils"),
    *("site-packages", "dist-packages", "pydoc_data", "unittest", "__pycache__"),
}

GUARDPOST = """#!/bin/sh
exec python3 -m guardpost "$@"
"""


def write_image(path: Path, files: Mapping[str, bytes], *, guardpost: bool = True) -> None:
    """An initramfs at `path`. `files`: what else is in it (init first of all), by name.

    Without `guardpost` there is no more than those in it. Raises PackageMissing.
    """
    with path.open("wb") as image:
        if guardpost:
            with _base().open("rb") as base:
                shutil.copyfileobj(base, image)
        for part in archive([*(_guardpost() if guardpost else ()), *files.items()]):
            image.write(part)


def _base() -> Path:
    found = modules(MODULES)
    with one_at_a_time():
        base = CACHE / "guest" / _key(found)
        if not base.exists():
            base.parent.mkdir(parents=True, exist_ok=True)
            for old in base.parent.iterdir():
                old.unlink()
            partial = base.with_suffix(".partial")
            with partial.open("wb") as file:
                for part in archive(_base_files(found), FOLDERS):
                    file.write(part)
            partial.rename(base)
        return base


def _key(found: Iterable[Path]) -> str:
    """Changes whenever another archive would be made."""
    versions = {each: importlib.metadata.version(each) for each in sorted(_needed("guardpost-sol"))}
    inputs = (Path(__file__), Path(_busybox()), Path(sys.executable).resolve(), *found)
    said = hashlib.sha256(repr((sys.version, versions)).encode())
    for path in inputs:
        said.update(hashlib.sha256(path.read_bytes()).digest())
    return said.hexdigest()[:24]


def _busybox() -> str:
    return shutil.which("busybox") or "/bin/busybox"


def _base_files(found: list[Path]) -> Iterator[tuple[str, bytes]]:
    yield "bin/busybox", Path(_busybox()).read_bytes()
    for module in found:
        yield f"modules/{module.name}", module.read_bytes()
    yield "modules/order", "\n".join(module.name for module in found).encode() + b"\n"
    programs = [("usr/bin/python3", Path(sys.executable).resolve())]
    for name, path in (*_standard_library(), *_packages()):
        if path.suffix == ".py":
            yield f"{PYTHON}/{name}c", _compiled(path)
        elif ".so" in path.suffixes:
            programs.append((f"{PYTHON}/{name}", path))
    for name, path in (*programs, *_libraries(path for _, path in programs)):
        yield name, _stripped(path)


def _standard_library() -> Iterator[tuple[str, Path]]:
    top = Path(sysconfig.get_path("stdlib"))
    for path in sorted(top.rglob("*")):
        name = path.relative_to(top)
        if not LEFT_OUT.intersection(name.parts) and not name.parts[0].startswith("config-"):
            yield str(name), path


def _packages() -> Iterator[tuple[str, Path]]:
    for each in sorted(_needed("guardpost-sol") - {"guardpost-sol"}):
        for file in importlib.metadata.files(each) or ():
            path = Path(str(file.locate()))
            if ".." not in file.parts and path.is_file():
                yield f"site-packages/{file}", path


def _needed(package: str) -> set[str]:
    """The package and all it requires, without extras."""
    found = {package}
    for line in importlib.metadata.requires(package) or ():
        name = re.match(r"[\w.-]+", line)
        if name is not None and "extra ==" not in line and "win32" not in line:
            found |= _needed(name[0])
    return found


def _libraries(programs: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    """What the loader finds for them here, at the same places there."""
    words = ["ldd", *(str(path) for path in programs)]
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    for library in sorted(set(re.findall(r"(/\S+) \(0x", said))):
        yield library.lstrip("/"), Path(library)


def _stripped(program: Path) -> bytes:
    """Without what only a debugger wants: most of some builds of CPython."""
    strip = shutil.which("strip")
    if strip is None:
        return program.read_bytes()
    with tempfile.NamedTemporaryFile() as thin:
        done = subprocess.run([strip, "--strip-debug", "-o", thin.name, str(program)])
        return (program if done.returncode else Path(thin.name)).read_bytes()


def _guardpost() -> Iterator[tuple[str, bytes]]:
    yield "bin/guardpost", GUARDPOST.encode()
    top = ROOT / "guardpost"
    for path in sorted(top.rglob("*")):
        name = f"{PYTHON}/site-packages/guardpost/{path.relative_to(top)}"
        if path.suffix == ".py":
            yield f"{name}c", _compiled(path)
        elif path.suffix == ".so":
            yield name, path.read_bytes()


def _compiled(path: Path) -> bytes:
    """An emulated processor takes long to compile: PEP 552's hash-based form, never checked."""
    source = path.read_bytes()
    code = compile(source, path.name, "exec", dont_inherit=True)
    head = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little")
    return head + importlib.util.source_hash(source) + marshal.dumps(code)
