"""Files are remembered with their content, and only what is still as it was made is unmade."""

import os
import stat
from pathlib import Path

import pytest

from guardpost.cli.made_files import MadeFiles
from guardpost.errors import ServiceError

UNIT = Path("/etc/unit")
LOG = Path("/etc/deeper/log")


def made_files(root: Path) -> MadeFiles:
    return MadeFiles(root / "var/lib/list.json", root)


def test_what_was_made_is_unmade_also_by_a_later_process(tmp_path: Path) -> None:
    made = made_files(tmp_path)
    made.write(UNIT, b"one", 0o644)
    made.write(LOG, b"two", 0o600)
    assert stat.S_IMODE((tmp_path / "etc/deeper/log").stat().st_mode) == 0o600
    later = made_files(tmp_path)
    assert (len(later), UNIT in later, later.is_as_made(UNIT)) == (2, True, True)
    assert later.remove_all() == ([LOG, UNIT], [])
    assert len(made_files(tmp_path)) == 2, "something may be left to do"
    later.remove_list()
    assert not (tmp_path / "var/lib/list.json").exists()
    assert len(made_files(tmp_path)) == 0


def test_what_somebody_changed_stays_and_is_named(tmp_path: Path) -> None:
    made_files(tmp_path).write(UNIT, b"one", 0o644)
    (tmp_path / "etc/unit").write_text("theirs")
    made = made_files(tmp_path)
    assert not made.is_as_made(UNIT)
    made.write(UNIT, b"theirs and ours", 0o644)
    assert made.remove_all() == ([], [UNIT])
    assert (tmp_path / "etc/unit").read_bytes() == b"theirs and ours"


def test_what_was_there_before_is_never_ours(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/unit").write_text("theirs")
    made = made_files(tmp_path)
    made.write(UNIT, b"theirs, and a line", 0o644)
    assert UNIT not in made
    assert made.remove_all() == ([], [])
    assert (tmp_path / "etc/unit").exists()


def test_a_file_made_again_is_ours_as_before(tmp_path: Path) -> None:
    made_files(tmp_path).write(UNIT, b"one", 0o644)
    made_files(tmp_path).write(UNIT, b"two", 0o644)
    assert made_files(tmp_path).remove_all() == ([UNIT], [])


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "etc").write_text("no folder")
    with pytest.raises(ServiceError, match=r"the folder .*/etc cannot be made: File exists"):
        made_files(tmp_path).write(UNIT, b"one", 0o644)
    assert (tmp_path / "etc").read_text() == "no folder"
    assert made_files(tmp_path).remove_all() == ([], [])


def test_whoever_was_interrupted_before_a_file_was_replaced_owns_the_old_one(
    tmp_path: Path,
) -> None:
    made_files(tmp_path).write(UNIT, b"one", 0o644)
    made_files(tmp_path).write(UNIT, b"two", 0o644)
    (tmp_path / "etc/unit").write_bytes(b"one")
    made_files(tmp_path).write(UNIT, b"three", 0o644)
    assert made_files(tmp_path).remove_all() == ([UNIT], [])


def test_a_link_stays_one_and_its_file_is_written(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/real").write_text("theirs")
    (tmp_path / "etc/unit").symlink_to("real")
    made_files(tmp_path).write(UNIT, b"theirs, and a line", 0o644)
    assert (tmp_path / "etc/unit").is_symlink()
    assert (tmp_path / "etc/real").read_bytes() == b"theirs, and a line"


def test_a_umask_makes_no_folder_that_others_cannot_enter(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        made_files(tmp_path).write(LOG, b"two", 0o644)
    finally:
        os.umask(before)
    folders = ("etc", "etc/deeper", "var/lib")
    modes = [stat.S_IMODE((tmp_path / each).stat().st_mode) for each in folders]
    assert modes == [0o755, 0o755, 0o700]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 2, "files": {}}', '{"schema": 1}'])
def test_a_list_that_is_none_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "list").write_text(text)
    with pytest.raises(ServiceError, match="is not what --install wrote"):
        MadeFiles(tmp_path / "list", tmp_path)
