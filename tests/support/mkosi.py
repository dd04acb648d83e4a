"""packaging/mkosi, filled in and built as its first lines say, by the mkosi of a newer Debian.

That Debian is made by mmdebstrap for the one time: Debian 12's mkosi is too old for it.
"""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from support.own_mounts import mounting
from support.tools import ROOT, need

__all__ = ["mkosi_image"]

RELEASE = "trixie"

# The Debian becomes the root: mkosi makes name spaces of its own, which a chroot may not.
MOUNTS = r"""
root=$1 project=$2
shift 2
mount --bind "$root" "$root"
mkdir "$root/project"
mount --bind "$project" "$root/project"
mount -t tmpfs tmpfs "$root/tmp"
for each in dev proc sys; do mount --rbind "/$each" "$root/$each"; done
cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
cd "$root"
pivot_root . mnt
umount -l /mnt
cd /project
"""


def mkosi_image(folder: Path, *, agent: Path, keys: bytes) -> Path:
    """The image, which UEFI firmware starts, made in the empty `folder`.

    Skips the test where it cannot be made.
    """
    mmdebstrap, mirror = need("mmdebstrap"), _mirror()
    root, project = folder / "debian", folder / "project"
    words = mounting(MOUNTS, str(root), str(project), "mkosi", "--local-mirror", mirror, "build")
    made = [mmdebstrap, "--quiet", "--variant=apt", "--include=mkosi", RELEASE, str(root), mirror]
    _run(made)
    shutil.copytree(ROOT / "packaging/mkosi", project)
    for name, content in (
        ("usr/sbin/guardpost-agent", agent.read_bytes()),
        ("etc/guardpost/authorized_consoles", keys),
    ):
        path = project / "mkosi.extra" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o755 if "sbin" in name else 0o644)
    _run(words)
    return project / "guardpost-rescue.efi"


def _mirror() -> str:
    """Where apt has this machine's packages from."""
    words = [need("apt-get"), "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return next(each for each in done.stdout.split() if "security" not in each)


def _run(words: Sequence[str]) -> None:
    done = subprocess.run(words, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stderr[-3000:]
