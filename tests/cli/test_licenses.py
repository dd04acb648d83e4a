"""`--licenses`: everything inside an executable, or where the licences of a package stand."""

from pathlib import Path

import pytest
from support.golden import golden

from guardpost.cli import licenses, main


def test_an_executable_prints_them_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert licenses.show(golden()) == 0
    said = capsys.readouterr().out
    assert "CPython\n" in said
    assert "that of libsodium\n" in said


def test_a_package_says_which_and_where(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--licenses"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("guardpost-sol: Apache-2.0")
    assert any(line.startswith("pyserial ") and line.endswith(": BSD") for line in lines)
    named = [Path(line.strip()) for line in lines if line.startswith("  ")]
    assert len(named) >= 4
    assert all(file.exists() for file in named)
