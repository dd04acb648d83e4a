from pathlib import Path

from guardpost.console.owner_log import OwnerLog


def test_two_files_of_bounded_size_are_kept(tmp_path: Path) -> None:
    log = OwnerLog(str(tmp_path / "x.log"), 1000)
    for number in range(100):
        log(f"line {number}")
    assert sum(each.stat().st_size for each in tmp_path.iterdir()) < 2200
    newest = (tmp_path / "x.log").read_text() if (tmp_path / "x.log").exists() else ""
    assert "line 99" in newest + (tmp_path / "x.log.1").read_text()


def test_a_line_stays_a_line_and_no_log_is_no_error(tmp_path: Path) -> None:
    OwnerLog(str(tmp_path / "x.log"))("two\nlines\x1b[2J")
    assert (tmp_path / "x.log").read_text().count("\n") == 1
    assert "\x1b" not in (tmp_path / "x.log").read_text()
    OwnerLog(str(tmp_path / "missing" / "x.log"))("nobody hears")
