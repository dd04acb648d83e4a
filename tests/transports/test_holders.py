"""Who has a device open, as far as /proc tells."""

import os
import pty
import subprocess
from pathlib import Path

import pytest

from guardpost.transports.holders import Holder, holders_of

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")


def test_another_process_is_found_under_any_name_of_the_file(tmp_path: Path) -> None:
    path, other_name = tmp_path / "port", tmp_path / "by-id"
    path.touch()
    other_name.symlink_to(path)
    assert holders_of(str(path)) == []
    with path.open() as ours, subprocess.Popen(["sleep", "60"], stdin=ours) as child:
        assert holders_of(str(path)) == holders_of(str(other_name))
        assert [holder.pid for holder in holders_of(str(path))] == [child.pid]
        child.kill()
    assert holders_of(str(path)) == []


def test_the_owner_of_a_ptys_master_is_the_line_and_not_its_user() -> None:
    master, slave = pty.openpty()
    both = subprocess.Popen(["sleep", "60"], pass_fds=[master, slave])
    assert holders_of(os.ttyname(slave)) == []
    both.kill()
    both.wait()
    os.close(master)
    os.close(slave)


def test_a_holder_reads_as_its_name_and_pid() -> None:
    assert str(Holder(812, "getty")) == "getty (pid 812)"
