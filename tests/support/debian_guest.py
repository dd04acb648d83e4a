"""A virtual machine with a small Debian in it: systemd, its units, its journal, dpkg.

    with debian_guest({"sol": "isa-serial,index=1"}, files={"root/x.deb": ...}) as machine:
        machine.check("dpkg -i /root/x.deb")

It is a Guest of support/guest.py, with commands, far ends and resets as there.
"""

import contextlib
import faulthandler
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from support.debian_root import debian_root
from support.guest import Guest, guest
from support.guest_kernel import modules
from support.tools import need

__all__ = ["be_patient", "debian_guest"]

BOOT_SECONDS = 300.0
"""15 s on an idle machine; a busy one has needed 90."""

PATIENCE_SECONDS = 1800.0

MODULES = ("virtio_pci", "virtio_blk", "virtio_console", "ext4", "crc32c_generic")

# Loads what the root file system takes, puts `files` into it, and starts what is there. On a later
# boot of the same machine its own ones stay.
INIT = r"""#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules/order); do insmod /modules/$module; done
until [ -b /dev/vda ]; do sleep 0.05; done
mount -t ext4 /dev/vda /newroot
if [ ! -e /newroot/root/filled ]; then
    cp -a /files/. /newroot/
    touch /newroot/root/filled
fi
umount /proc /sys
mount --move /dev /newroot/dev
exec switch_root /newroot /sbin/init
"""


def be_patient() -> None:
    """This test may take longer than others before it counts as hanging (pyproject.toml)."""
    faulthandler.dump_traceback_later(PATIENCE_SECONDS, exit=True)


@contextlib.contextmanager
def debian_guest(
    devices: Mapping[str, str],
    *,
    append: str = "console=ttyS0",
    files: Mapping[str, bytes] = {},
) -> Iterator[Guest]:
    """A guest whose systemd has begun. `files` are in it by name, executable, owned by root.

    The rest is as for guest(). Skips the test where its programs are missing.
    """
    busybox = Path(need("busybox")).read_bytes()
    with tempfile.TemporaryDirectory(prefix="gp-") as folder:
        disk = Path(folder, "disk")
        # The holes stay holes.
        subprocess.run([need("cp"), "--sparse=always", debian_root(), disk], check=True)
        found = modules(MODULES)
        order = "\n".join(each.name for each in found).encode() + b"\n"
        content = {"bin/busybox": busybox, "init": INIT.encode(), "modules/order": order}
        content |= {f"modules/{each.name}": each.read_bytes() for each in found}
        content |= {
            f"{name}/.keep": b"" for name in ("proc", "sys", "dev", "newroot", "files/root")
        }
        content |= {f"files/{name}": data for name, data in files.items()}
        drive = ("-drive", f"file={disk},if=virtio,format=raw,cache=unsafe")
        with guest(
            devices,
            append=append,
            options=drive,
            files=content,
            guardpost=False,
            boot_seconds=BOOT_SECONDS,
        ) as machine:
            yield machine
