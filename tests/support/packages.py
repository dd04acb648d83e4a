"""guardpost-agent's .deb and .rpm around an executable, built once for all tests of a run."""

import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from support.frozen import frozen_agent
from support.tools import ROOT

__all__ = ["NEXT_VERSION", "build_package", "next_package", "package", "small_package"]

NEXT_VERSION = "0.9999"


@cache
def package(kind: str) -> Path:
    """The .deb or .rpm of the real executable."""
    return build_package(kind, frozen_agent(), Path(mkdtemp(prefix="gp-packages-")))


@cache
def next_package(kind: str) -> Path:
    """One of a later version, around a small executable that does nothing: quicker to build."""
    return small_package(kind, Path(mkdtemp(prefix="gp-packages-")), "--version", NEXT_VERSION)


def small_package(kind: str, folder: Path, *options: str) -> Path:
    program = Path("/bin/true").resolve()
    return build_package(kind, program, folder, "--licenses", str(ROOT / "LICENSE"), *options)


def build_package(kind: str, executable: Path, folder: Path, *options: str) -> Path:
    words = ["--executable", str(executable), "--output", str(folder), *options, kind]
    build = [sys.executable, str(ROOT / "packaging" / "build_packages.py"), *words]
    done = subprocess.run(build, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())
