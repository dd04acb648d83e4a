"""A disk with a real root on it, smaller than any: busybox, and a first process that says so."""

import shutil
import subprocess
from pathlib import Path

from support.tools import need

__all__ = ["disk_options", "make_root_disk"]

# It looks at once, and then again, since beside a shell at the last stop nothing but its image's
# being gone ends an agent.
INIT = """#!/bin/busybox sh
exec < /dev/console > /dev/console 2>&1
PATH=/bin
echo "the real root"
pids=$(pidof guardpost-agent) && echo "the agent outlived the image: $pids"
tries=0
while pidof guardpost-agent > /dev/null && [ "$tries" -lt 60 ]; do
    tries=$((tries + 1))
    sleep 1
done
pidof guardpost-agent && echo "the agent is still there"
[ ! -e /run/guardpost/recovery.log ] || echo "there was an agent; its log:"
cat /run/guardpost/recovery.log
echo "the end of the log"
exec sh
"""

FOLDERS = ("bin", "sbin", "etc", "proc", "sys", "dev", "run", "tmp", "usr/lib", "var", "root")


def make_root_disk(path: Path) -> None:
    """An ext4 file system in that file. Skips the test where mke2fs or busybox is missing."""
    program = need("mke2fs")
    busybox = need("busybox")
    folder = path.with_suffix(".files")
    for each in FOLDERS:
        (folder / each).mkdir(parents=True)
    shutil.copy(busybox, folder / "bin/busybox")
    for each in ("sh", "cat", "pidof", "sleep", "poweroff"):
        (folder / "bin" / each).symlink_to("busybox")
    (folder / "sbin/init").write_text(INIT)
    (folder / "sbin/init").chmod(0o755)
    (folder / "etc/os-release").write_text("ID=tiny\n")  # systemd asks for it
    words = [program, "-q", "-t", "ext4", "-d", str(folder), str(path), "16M"]
    subprocess.run(words, check=True, capture_output=True)


def disk_options(path: Path) -> tuple[str, ...]:
    """QEMU's: the disk is /dev/vda, and stays as it is."""
    return ("-drive", f"file={path},format=raw,if=virtio,snapshot=on")
