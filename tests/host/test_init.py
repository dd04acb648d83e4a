"""What process 1 is, by its words as the kernel shows them."""

import os
import sys
from pathlib import Path

import pytest

from guardpost.host.init import is_real


def proc_with(folder: Path, *words: bytes) -> str:
    (folder / "1").mkdir()
    (folder / "1" / "cmdline").write_bytes(b"".join(word + b"\0" for word in words))
    return str(folder)


@pytest.mark.parametrize(
    "words",
    [
        (b"/sbin/init",),
        (b"/sbin/init", b"splash"),
        (b"init [2]",),  # sysvinit writes its runlevel there
        (b"init",),  # busybox, by a link
        (b"/bin/busybox", b"init"),
        (b"/usr/lib/systemd/systemd", b"--system"),
        (b"/sbin/openrc-init",),
        (b"runit",),
        (b"/sbin/procd",),
        (b"/bin/\xff",),
        (),
    ],
)
def test_a_program_that_was_made_for_it_is_an_init(
    tmp_path: Path, words: tuple[bytes, ...]
) -> None:
    assert is_real(proc_with(tmp_path, *words))


@pytest.mark.parametrize(
    "words",
    [
        (b"/bin/sh", b"/init"),
        (b"/bin/sh", b"-e", b"/init"),
        (b"/bin/busybox", b"sh", b"/init"),
        (b"/bin/bash",),  # init=/bin/bash
        (b"-sh",),
    ],
)
def test_a_script_and_a_shell_are_none(tmp_path: Path, words: tuple[bytes, ...]) -> None:
    assert not is_real(proc_with(tmp_path, *words))


def test_what_cannot_be_read_is_taken_for_one(tmp_path: Path) -> None:
    assert is_real(str(tmp_path))


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_this_host_s_is_read_as_it_is() -> None:
    words = Path("/proc/1/cmdline").read_bytes()
    assert is_real() == (os.path.basename(words.split(b"\0")[0]) not in (b"sh", b"bash", b"dash"))
