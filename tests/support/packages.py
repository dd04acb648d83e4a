"""guardpost-agent's .deb and .rpm around an executable, built once for all tests of a run."""

import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from support.frozen import frozen_agent
from support.tools import ROOT

__all__ = ["NEXT_VERSION", "build_package", "next_package", "package", "refused"]
__all__ += ["small_package"]

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
    done = build(kind, executable, folder, *options)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def refused(kind: str, executable: Path, folder: Path) -> str:
    """Why there is no package of it: a line."""
    done = build(kind, executable, folder)
    assert done.returncode == 1, done
    return done.stderr.removesuffix("\n")


def build(
    kind: str, executable: Path, folder: Path, *options: str
) -> "subprocess.CompletedProcess[str]":
    words = ["--executable", str(executable), "--output", str(folder), *options, kind]
    script = ROOT / "packaging" / "build_packages.py"
    return subprocess.run([sys.executable, script, *words], capture_output=True, text=True)
