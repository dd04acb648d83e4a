"""An open folder: what is done to a name in it, and through no link."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.folders import opened

from guardpost.host.file_errors import FileFailure
from guardpost.host.folders import Folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="openat")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    with opened(tmp_path) as folder:
        yield folder


def test_only_files_are_opened_and_never_through_a_link(tmp_path: Path, folder: Folder) -> None:
    (tmp_path / "f").write_bytes(b"x")
    (tmp_path / "l").symlink_to("f")
    (tmp_path / "d").mkdir()
    os.mkfifo(tmp_path / "p")
    fd = folder.open_file(b"f")
    assert os.read(fd, 9) == b"x"
    os.close(fd)
    for name, error in ((b"l", OSError), (b"d", IsADirectoryError), (b"p", FileFailure)):
        with pytest.raises(error):
            folder.open_file(name)


def test_what_others_can_write_is_not_opened_again(tmp_path: Path, folder: Folder) -> None:
    for name, mode in (("mine", 0o600), ("theirs", 0o660)):
        (tmp_path / name).write_bytes(b"x")
        (tmp_path / name).chmod(mode)
    os.close(folder.open_again(b"mine"))
    os.link(tmp_path / "mine", tmp_path / "linked")
    for name in (b"theirs", b"mine"):
        with pytest.raises(FileFailure):
            folder.open_again(name)


def test_what_is_made_is_ours_alone(tmp_path: Path, folder: Folder) -> None:
    os.close(folder.create(b"f"))
    folder.make_folder(b"d")
    assert (tmp_path / "f").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "d").stat().st_mode & 0o777 == 0o700
    with pytest.raises(FileExistsError):
        folder.create(b"f")


def test_a_folder_is_still_itself_when_its_name_is_not(tmp_path: Path, folder: Folder) -> None:
    (tmp_path / "d").mkdir()
    inner = folder.folder(b"d")
    (tmp_path / "d").rename(tmp_path / "moved")
    (tmp_path / "d").symlink_to("/")
    os.close(inner.create(b"f"))
    assert os.listdir(tmp_path / "moved") == ["f"]
    with pytest.raises(OSError, match="symbolic"):
        folder.folder(b"d")
    inner.close()


def test_names_are_all_of_them(tmp_path: Path, folder: Folder) -> None:
    for number in range(500):
        (tmp_path / str(number)).touch()
    assert sorted(folder.names()) == sorted(b"%d" % number for number in range(500))


def test_permissions_and_time_of_the_folder_itself(tmp_path: Path, folder: Folder) -> None:
    folder.settle(0o750, 1_000_000_000)
    folder.sync()
    found = tmp_path.stat()
    assert (found.st_mode & 0o777, found.st_mtime_ns) == (0o750, 1_000_000_000)
    assert folder.free_bytes() > 0
