"""The table of this host, of trees of /proc as any host could have them, and of another user."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tools import ROOT

from guardpost.host.process_table import (
    STATES,
    HostLoad,
    ProcessRow,
    ProcessTable,
    parse_stat,
    read_load,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")

REST = "S 1 42 42 0 -1 0 1 2 3 4 150 50 0 0 20 -5 3 0 9000 1000000 25"
STAT = f"42 (a) (b)\n) {REST} " + "0 " * 27 + "9 0\n"


def process(proc: Path, pid: int, stat: str = STAT, **files: bytes) -> Path:
    folder = proc / str(pid)
    folder.mkdir(parents=True)
    (folder / "stat").write_text(stat)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "stat").write_text("cpu  100 0 50 800 50 0 0 0 7 7\ncpu0 1\ncpu1 1\nbtime 1000\n")
    return tmp_path


def test_every_field_of_a_process(proc: Path) -> None:
    process(proc, 42, cmdline=b"sh\0-c\0\xff\0", status=b"Name:\tsh\nUid:\t0\t1\t1\t1\n")
    row = ProcessTable(str(proc)).read()[42]
    page = os.sysconf("SC_PAGE_SIZE")
    assert row == ProcessRow(
        pid=42,
        started=100_000 + 9000 * 100 // os.sysconf("SC_CLK_TCK"),
        user="root",
        name="a) (b)\n",
        argv=[b"sh", b"-c", b"\xff"],
        cpu=200 * 100 // os.sysconf("SC_CLK_TCK"),
        rss=25 * page // 1024,
        state="S",
        threads=3,
        nice=-5,
        ppid=1,
    )


def test_each_field_is_missing_by_itself(proc: Path) -> None:
    process(proc, 1)  # neither cmdline nor status
    process(proc, 2, stat="no stat at all")
    (proc / "3").mkdir()  # vanishes while we look
    process(proc, 4, cmdline=b"x\0", status=b"no such line")
    (proc / "self").mkdir()
    (proc / "stat").unlink()
    rows = ProcessTable(str(proc)).read()
    assert [*rows] == [1, 2, 4]
    assert (rows[1].argv, rows[1].user, rows[1].started, rows[1].cpu) == (None, None, None, 200)
    assert rows[2] == ProcessRow(2)
    assert (rows[4].argv, rows[4].user) == ([b"x"], None)
    assert ProcessTable(str(proc / "none")).read() == {}


def test_a_zombie_tells_how_it_ended_and_nobody_else() -> None:
    with tempfile.TemporaryDirectory() as folder:
        process(Path(folder), 42, stat=STAT.replace(") S ", ") Z "))
        process(Path(folder), 43)
        rows = ProcessTable(folder).read()
    assert (rows[42].exit_code, rows[43].exit_code) == (9, None)


def test_a_number_used_again_is_looked_at_again(proc: Path) -> None:
    table = ProcessTable(str(proc))
    folder = process(proc, 42, cmdline=b"old\0")
    assert table.read()[42].argv == [b"old"]
    (folder / "cmdline").write_bytes(b"new\0")
    assert table.read()[42].argv == [b"old"]
    (folder / "stat").write_text(STAT.replace(" 9000 ", " 9500 "))
    assert table.read()[42].argv == [b"new"]
    (folder / "cmdline").write_bytes(b"newer\0")
    table.forget(42)
    assert table.read()[42].argv == [b"newer"]


def test_the_load_and_what_is_missing_of_it(proc: Path) -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    (proc / "loadavg").write_text("1.50 0.25 0.00 1/100 4711\n")
    (proc / "meminfo").write_text("MemTotal: 1000 kB\nMemFree: 100 kB\nnonsense\nSwapTotal: 0 kB\n")
    load = read_load(str(proc))
    assert (load.load1, load.load5, load.load15) == (150, 25, 0)
    assert (load.busy, load.idle, load.cpus) == (15000 // ticks, 85000 // ticks, 2)
    assert (load.memory_total, load.memory_available, load.swap_total) == (1000, 100, 0)
    assert (load.swap_free, load.uptime) == (None, None)
    assert read_load(str(proc / "none")) == HostLoad()


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda name: b"1 (" + name + b") R"))
def test_any_bytes_are_a_stat_line_or_a_value_error(data: bytes) -> None:
    try:
        assert parse_stat(data).state in STATES
    except ValueError:
        pass


@given(st.binary(min_size=1, max_size=40))
def test_any_name_is_read(name: bytes) -> None:
    found = parse_stat(b"7 (" + name + b") " + REST.encode())
    assert (found.ppid, found.start, found.nice) == (1, 9000, -5)
    found.name.encode()


SHOW = """
import os
from guardpost.host.process_table import ProcessTable, read_load
row = ProcessTable().read().get({pid})
print(row if row is None else (row.user, row.ppid is None, row.argv))
print(ProcessTable().read()[os.getpid()].state, read_load().memory_total > 0)
"""


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("setpriv"),
    reason="only root can become somebody else; apt-get install util-linux",
)
def test_another_user_sees_what_the_system_lets_him() -> None:
    words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    show = SHOW.format(pid=os.getpid())
    done = subprocess.run(
        [*words, sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}){show}"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first.startswith("('root', False, [")
    assert second == "R True"
    assert os.getpid() in ProcessTable().read()


HIDDEN = """
mount -t proc -o hidepid={level} proc "$0" &&
exec setpriv --reuid=65534 --regid=65534 --clear-groups "$1" -c '
import os, sys
sys.path.insert(0, sys.argv[1])
from guardpost.host.process_table import ProcessTable
rows = ProcessTable(sys.argv[2]).read()
print(rows.get(1), rows[os.getpid()].user)' "$2" "$0"
"""


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("unshare"),
    reason="only root can mount a /proc; apt-get install util-linux",
)
@pytest.mark.parametrize(("level", "shown"), [(1, str(ProcessRow(1))), (2, "None")])
def test_a_proc_that_hides_the_others(level: int, shown: str) -> None:
    words = ["unshare", "--mount", "sh", "-c", HIDDEN.format(level=level)]
    done = subprocess.run(
        [*words, "/mnt", sys.executable, str(ROOT)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    if "mount" in done.stderr:
        pytest.skip(f"no /proc can be mounted: {done.stderr}")
    assert done.stdout.strip() == f"{shown} nobody", done.stderr
