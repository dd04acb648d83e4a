"""Debian's packages, fetched by apt and unpacked, of any architecture; nothing is installed.

Each is fetched once and kept in ~/.cache/guardpost; a newer one is not looked for.
"""

import contextlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["CACHE", "HERE", "PackageMissing", "one_at_a_time", "unpacked_package"]

CACHE = Path.home() / ".cache" / "guardpost"
HERE = "amd64"


class PackageMissing(OSError):
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


def unpacked_package(there: Path, name: str, architecture: str = HERE) -> Path:
    """`there`, which holds the package's files; of one that only depends on another, the other's.

    Raises PackageMissing.
    """
    if not there.exists():
        with one_at_a_time():
            if not there.exists():
                _make(there, name, architecture)
    return there


def _make(there: Path, name: str, architecture: str) -> None:
    partial = there.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "lists" / "partial").mkdir(parents=True)
    _fetch(partial, name, architecture)
    shutil.rmtree(partial / "lists")
    partial.rename(there)


def _fetch(folder: Path, name: str, architecture: str) -> None:
    options: list[str] = []
    if architecture != HERE:
        # From lists of their own: dpkg need not know of that architecture.
        only = f"APT::Architectures={architecture}"
        options = ["-o", f"APT::Architecture={architecture}", "-o", only]
        options += ["-o", f"Dir::State::lists={folder}/lists"]
        _run(folder, "apt-get", *options, "-qq", "update")
    said = _run(folder, "apt-cache", *options, "depends", name)
    if not said.strip():
        raise PackageMissing(f"apt knows no {name}; run apt-get update")
    found = re.search(rf"Depends: ({re.escape(name.removesuffix(architecture))}\S+)", said)
    _run(folder, "apt-get", *options, "-qq", "download", found[1] if found else name)
    fetched = next(folder.glob("*.deb"))
    _run(folder, "dpkg-deb", "-x", fetched.name, ".")
    fetched.unlink()


def _run(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    except FileNotFoundError:
        raise PackageMissing(f"no {words[0]} here") from None
    if done.returncode:
        said = (done.stderr.strip() or "no reason given").splitlines()[-1]
        raise PackageMissing(f"{words[0]} failed: {said}")
    return done.stdout
