"""System commands that a test may need, and what to install where one is missing."""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ROOT / "packaging" / "test-packages.txt"

# Commands that administrators' directories hold are not on everybody's PATH.
SEARCH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])

missing_packages: set[str] = set()


def packages() -> dict[str, str]:
    """The table of packaging/test-packages.txt: command -> package."""
    rows = [line.split() for line in PACKAGES.read_text().splitlines() if line[:1] not in ("", "#")]
    return {command: package for package, command, *_ in rows if command != "-"}


def need(command: str) -> str:
    """The path of `command`; skips the test, naming the package, where there is none."""
    path = shutil.which(command, path=SEARCH)
    if path is None:
        package = packages()[command]
        missing_packages.add(package)
        pytest.skip(f"needs {command} (apt install {package})")
    return path
