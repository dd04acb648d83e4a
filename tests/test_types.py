"""The types hold, on POSIX and on Windows."""

import subprocess
import sys

import pytest
from support.tools import ROOT


@pytest.mark.parametrize("platform", ["linux", "win32"])
def test_types_hold_on(platform: str) -> None:
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--platform",
            platform,
            "--cache-dir",
            f".mypy_cache/{platform}",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
