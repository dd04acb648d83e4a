"""Which file a program's name leads to."""

import os
from pathlib import Path

import pytest

from guardpost.host.programs import find_program


def program(path: Path) -> bytes:
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return os.fsencode(path)


def test_the_first_that_can_be_run_is_found(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "it").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "it").write_text("no program")
    it = program(tmp_path / "c" / "it")
    program(tmp_path / "d" / "it")
    path = ":".join(str(tmp_path / each) for each in "abcd")
    assert find_program(b"it", os.fsencode(path)) == it


def test_what_is_not_found_and_what_has_a_folder_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "it")
    monkeypatch.chdir(tmp_path)
    for path in (b"", b":", b".", b"/nowhere", os.fsencode(tmp_path)):
        for name in (b"./it", b"/usr/bin/../it", b"no-such-program"):
            assert find_program(name, path) == name
    assert find_program(b"it", b":.") == b"it"


def test_without_a_path_it_is_the_agents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    it = program(tmp_path / "it")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_program(b"it") == it
    monkeypatch.delenv("PATH")
    assert find_program(b"sh") in (b"/usr/bin/sh", b"/bin/sh")
