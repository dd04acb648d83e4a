"""Login records in files of our own, read by the system's own programs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tools import need

from guardpost.host.login_records import LoginRecord, LoginRecords

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="utmp(5)")

NOON = 1_764_072_000.25  # Nov 25 12:00 UTC
ANN = LoginRecord("pts/3", 4321, "root", "ann")


class Files:
    """wtmp and utmp, and a clock."""

    def __init__(self, folder: Path) -> None:
        self.wtmp, self.utmp = folder / "wtmp", folder / "utmp"
        for each in (self.wtmp, self.utmp):
            each.touch()
        self.now = NOON
        self.records = LoginRecords(str(self.wtmp), str(self.utmp), lambda: self.now)


def output(program: str, *words: str | Path) -> str:
    argv = [need(program), *map(str, words)]
    environment = {**os.environ, "TZ": "UTC", "LC_ALL": "C"}
    return subprocess.run(argv, check=True, capture_output=True, text=True, env=environment).stdout


def test_utmpdump_reads_a_login_and_its_end(tmp_path: Path) -> None:
    files = Files(tmp_path)
    assert files.records.login(ANN) == ""
    files.now += 3600
    assert files.records.logout(ANN) == ""
    lines = output("utmpdump", files.wtmp).splitlines()
    fields = [[each.strip() for each in re.findall(r"\[([^\]]*)\]", line)] for line in lines]
    assert [each[:6] for each in fields] == [
        ["7", "04321", "ts/3", "root", "pts/3", "ann"],
        ["8", "04321", "ts/3", "", "pts/3", ""],
    ]
    assert [each[-1][:19] for each in fields] == ["2025-11-25T12:00:00", "2025-11-25T13:00:00"]


def test_last_shows_who_it_was_and_how_long(tmp_path: Path) -> None:
    files = Files(tmp_path)
    files.records.login(ANN)
    files.now += 3600
    files.records.logout(ANN)
    shown = output("last", "-f", files.wtmp).splitlines()[0]
    assert shown.split()[:3] == ["root", "pts/3", "ann"]
    assert "12:00 - 13:00  (01:00)" in shown


def test_who_shows_it_while_it_lasts(tmp_path: Path) -> None:
    files = Files(tmp_path)
    mine = ANN._replace(pid=os.getpid())  # who(1) looks whether the process lives
    files.records.login(mine)
    assert re.fullmatch(r"root +pts/3 +Nov 25 12:00 \(ann\)\n", output("who", files.utmp))
    files.records.logout(mine)
    assert output("who", files.utmp) == ""


def test_utmp_has_one_entry_for_a_terminal_and_leaves_the_others_alone(tmp_path: Path) -> None:
    files = Files(tmp_path)
    others = [ANN._replace(line=f"pts/{n}", host="bob") for n in (1, 2)]
    for record in (others[0], ANN, others[1]):
        files.records.login(record)
    files.records.logout(ANN)
    files.records.login(ANN._replace(host="eve"))
    lines = output("utmpdump", files.utmp).splitlines()
    assert len(lines) == 3
    assert ["bob" in line for line in lines] == [True, False, True]
    assert "eve" in lines[1]
    assert len(output("utmpdump", files.wtmp).splitlines()) == 5


def test_files_that_are_missing_are_not_made(tmp_path: Path) -> None:
    records = LoginRecords(str(tmp_path / "wtmp"), str(tmp_path / "utmp"))
    assert records.login(ANN) == records.logout(ANN) == ""
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_told_and_raises_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "real").touch()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    records = LoginRecords(str(tmp_path / "folder"), str(tmp_path / "link"))
    assert records.login(ANN).count(": ") == 2
    assert (tmp_path / "real").read_bytes() == b""


def names(most: int) -> st.SearchStrategy[str]:
    """As a host or an operator may have them: any bytes but NUL."""
    return st.binary(max_size=most).map(lambda name: os.fsdecode(name.replace(b"\0", b"")))


@given(
    names(400),
    names(50),
    st.integers(0, 2**31 - 1),
    st.floats(0, 2**33),
)
def test_a_record_has_its_size_whatever_is_in_it(
    host: str, user: str, pid: int, when: float
) -> None:
    record = LoginRecord("pts/1234567", pid, user, host)
    assert len(record.packed(7, when, "x86_64")) == 384
    assert len(record.packed(7, when, "aarch64")) == 400
