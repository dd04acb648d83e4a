"""Style is checked by tools, so that nobody has to talk about it."""

import subprocess
import sys

from support.tools import ROOT


def ruff(*arguments: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "ruff", *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_linter_finds_nothing() -> None:
    ruff("check", "--output-format=concise", ".")


def test_every_file_is_formatted() -> None:
    ruff("format", "--check", ".")
