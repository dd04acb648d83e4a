"""The folders of Windows, by path: what they promise can be tried on any system."""

import os
from pathlib import Path

import pytest

from guardpost.host.file_errors import FileFailure
from guardpost.host.windows_folders import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(os.fsencode(tmp_path))


def test_a_link_is_neither_a_folder_nor_a_file(tmp_path: Path, folder: Folder) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "l").symlink_to("d")
    assert folder.walk([b"d"]).path == os.fsencode(tmp_path / "d")
    with pytest.raises(OSError, match="link or junction"):
        folder.folder(b"l")
    with pytest.raises(OSError, match="link or junction"):
        folder.open_file(b"l")
    with pytest.raises(FileFailure):
        folder.open_again(b"l")


def test_a_file_is_made_written_and_put_in_place(tmp_path: Path, folder: Folder) -> None:
    with os.fdopen(folder.create(b"new"), "wb") as file:
        file.write(b"x")
    (tmp_path / "old").write_bytes(b"y")
    folder.replace(b"old", b"new")
    assert sorted(folder.names()) == [b"old"]
    assert (tmp_path / "old").read_bytes() == b"x"
    os.close(folder.open_again(b"old"))
    folder.settle(None, 10**18)
    folder.sync()
    folder.remove(b"old")
    assert folder.stat(b"old") is None
    assert folder.free_bytes() > 0
