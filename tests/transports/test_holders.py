"""Who has a device open, as far as /proc tells."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from support.tools import need

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


CONTAINER = """
import os, pty, sys
masters, name = [], ""
while name != sys.argv[1]:
    master, slave = pty.openpty()
    masters.append(master)
    name = os.ttyname(slave)
if os.fork():  # the child goes on holding the masters
    for master in masters: os.close(master)
    print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="makes a mount namespace, as root")
def test_a_container_s_pty_of_the_same_number_is_another(tmp_path: Path) -> None:
    """As with systemd-nspawn, whose getty holds a /dev/pts/0 that is not the host's."""
    script = tmp_path / "container.py"
    script.write_text(CONTAINER)
    private = "mount -t devpts -o newinstance,ptmxmode=0666 devpts /dev/pts"
    master, slave = pty.openpty()
    there = subprocess.Popen(
        [need("unshare"), "--mount", "sh", "-ec", f'{private}; exec "$0" "$@"']
        + [sys.executable, str(script), os.ttyname(slave)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert there.stdin
    assert there.stdout
    with there:
        assert there.stdout.readline() == "ready\n"
        assert holders_of(os.ttyname(slave)) == []
        there.stdin.close()
    os.close(master)
    os.close(slave)
