"""Files that trust rests on: never forged, never half-written, never waited for."""

import os
import sys
from pathlib import Path

import pytest

from guardpost.errors import KeyFileError
from guardpost.identity import keyfile

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_text("content")
    path.chmod(0o600)
    return path


def test_what_is_missing_is_for_the_caller_to_judge(tmp_path: Path) -> None:
    for read in (keyfile.read_secret, keyfile.read_unforged):
        with pytest.raises(FileNotFoundError):
            read(tmp_path / "nothing")


@posix_only
@pytest.mark.parametrize("mode", [0o600, 0o400, 0o644, 0o664, 0o602, 0o640, 0o677])
def test_a_secret_is_unread_and_a_trusted_file_unwritten_by_others(file: Path, mode: int) -> None:
    file.chmod(mode)
    for read, forbidden in ((keyfile.read_secret, 0o077), (keyfile.read_unforged, 0o022)):
        if mode & forbidden:
            with pytest.raises(KeyFileError, match="chmod"):
                read(file)
        else:
            assert read(file) == "content"


@posix_only
def test_a_fifo_or_a_folder_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o600)
    with pytest.raises(KeyFileError, match="not a file"):
        keyfile.read_secret(tmp_path / "fifo")
    with pytest.raises(KeyFileError, match="directory"):
        keyfile.read_unforged(tmp_path)


def test_what_is_no_text_or_endless_is_refused(file: Path) -> None:
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(KeyFileError, match="not text"):
        keyfile.read_secret(file)
    file.write_bytes(bytes(keyfile.MAX_FILE_BYTES + 1))
    with pytest.raises(KeyFileError, match="longer"):
        keyfile.read_unforged(file)


def test_the_second_to_create_learns_it_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert keyfile.create(path, "first")
    assert not keyfile.create(path, "second")
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


@posix_only
def test_without_links_a_file_is_created_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on vfat."""

    def no_links(source: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    path = tmp_path / "file"
    assert keyfile.create(path, "first")
    assert not keyfile.create(path, "second")
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_replacing_leaves_nothing_behind(file: Path) -> None:
    keyfile.replace(file, "new")
    assert file.read_text() == "new"
    assert list(file.parent.iterdir()) == [file]


def test_where_nothing_can_be_written_the_path_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "file"
    for write in (keyfile.create, keyfile.replace):
        with pytest.raises(KeyFileError, match="cannot be written: No such file"):
            write(path, "text")


def test_an_existing_folder_is_left_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    keyfile.make_folder(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o750
