"""Who has a port: descriptors, locks, gettys that run and gettys to come."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.machine_tree import MachineTree, pnp

from guardpost.ports.facts import Use
from guardpost.ports.usage import uses_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Linux's way")

PORT = "/dev/ttyS0"


@pytest.fixture
def tree(tmp_path: Path) -> MachineTree:
    made = MachineTree(tmp_path)
    made.uart("ttyS0", pnp("00:05"), io=0x3F8)
    return made


def uses(tree: MachineTree) -> list[Use]:
    return list(uses_of([PORT], tree.root).get(PORT, ()))


def words(tree: MachineTree) -> list[str]:
    return [each.words for each in uses(tree)]


def test_nobody(tree: MachineTree) -> None:
    tree.process(77, "bash", has_open=["/dev/tty1", "/dev/null"])
    assert uses(tree) == []


@pytest.mark.parametrize("name, is_getty", [("agetty", True), ("login", True), ("minicom", False)])
def test_a_process_that_has_it_open(tree: MachineTree, name: str, is_getty: bool) -> None:
    tree.process(812, name, has_open=["/dev/null", PORT])
    assert uses(tree) == [Use(f"{name} (pid 812)", is_getty)]


def test_a_lock_of_a_process_we_may_not_look_into(tree: MachineTree) -> None:
    tree.flock(940, PORT)
    assert words(tree) == ["pid 940, by a lock"]


def test_a_lock_as_the_kernel_tells_of_it(tree: MachineTree) -> None:
    """A real lock of a real process, and what the real /proc/locks says of it."""
    code = (
        "import fcntl, sys, time; fcntl.flock(0, fcntl.LOCK_EX); print(flush=True); time.sleep(60)"
    )
    with (tree.root / "dev/ttyS0").open("r+") as file:
        command = [sys.executable, "-c", code]
        with subprocess.Popen(command, stdin=file, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            tree.write("proc/locks", Path("/proc/locks").read_text())
            assert words(tree) == [f"pid {process.pid}, by a lock"]
            process.kill()


def test_a_lock_of_whom_we_see_anyway_is_not_said_twice(tree: MachineTree) -> None:
    tree.process(940, "picocom", has_open=[PORT])
    tree.flock(940, PORT)
    assert words(tree) == ["picocom (pid 940)"]


def test_our_own_lock_is_no_hindrance(tree: MachineTree) -> None:
    tree.flock(os.getpid(), PORT)
    assert uses(tree) == []


def test_a_lock_on_another_file(tree: MachineTree) -> None:
    tree.uart("ttyS1", pnp("00:06"), io=0x2F8)
    tree.flock(940, "/dev/ttyS1")
    assert uses(tree) == []


def test_a_lock_file_counts_while_its_process_lives(tree: MachineTree) -> None:
    tree.write("var/lock/LCK..ttyS0", "       955")
    assert uses(tree) == []
    tree.process(955, "minicom")
    assert words(tree) == ["pid 955, by a lock"]


@pytest.mark.parametrize("text", ["", "nonsense", "99999999999999999999", "\0\1\2\3", "-1"])
def test_a_lock_file_that_says_nothing(tree: MachineTree, text: str) -> None:
    tree.write("var/lock/LCK..ttyS0", text)
    assert uses(tree) == []


@pytest.mark.parametrize("folder", ["etc/systemd/system", "run/systemd/generator"])
def test_a_getty_that_systemd_will_start(tree: MachineTree, folder: str) -> None:
    unit = "serial-getty@ttyS0.service"
    tree.link(f"{folder}/getty.target.wants/{unit}", "/lib/systemd/system/serial-getty@.service")
    assert uses(tree) == [Use(f"a getty to come ({unit})", is_getty=True)]
    tree.process(812, "agetty", has_open=[PORT])
    assert words(tree) == ["agetty (pid 812)"]


def test_a_getty_that_is_masked(tree: MachineTree) -> None:
    unit = "serial-getty@ttyS0.service"
    tree.link(f"run/systemd/generator/getty.target.wants/{unit}", "/lib/systemd/system/x")
    tree.link(f"run/systemd/system/{unit}", "/dev/null")
    assert uses(tree) == []


@pytest.mark.parametrize(
    "line, comes",
    [
        ("T0:23:respawn:/sbin/getty -L ttyS0 9600 vt100", True),
        ("ttyS0::respawn:/sbin/getty -L 115200 ttyS0 vt100", True),
        ("#T0:23:respawn:/sbin/getty -L ttyS0 9600 vt100", False),
        ("T1:23:respawn:/sbin/getty -L ttyS1 9600 vt100", False),
        ("ttyS0::respawn:/usr/bin/something", False),
    ],
)
def test_a_getty_of_inittab(tree: MachineTree, line: str, comes: bool) -> None:
    tree.write("etc/inittab", f"id:2:initdefault:\n{line}")
    assert words(tree) == (["a getty to come (/etc/inittab)"] if comes else [])
