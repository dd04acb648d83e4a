"""dracut and initramfs-tools make real images, in a copy of this machine that nobody sees.

The copy is an overlay over / in a mount namespace of its own: there guardpost's part is installed
as on a host, beside Debian's kernel, and all of it is gone at the end. Nothing here is changed.
"""

import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from support.debian_package import PackageMissing
from support.guest_kernel import package
from support.tools import ROOT, need

__all__ = ["PATIENCE_SECONDS", "Program", "build_image"]

PATIENCE_SECONDS = 900.0
"""dracut takes 20 s of an idle machine's processor."""

# $1: an empty folder; $2: the kernel's package, unpacked; $3: guardpost's packaging; $4: a folder
# of files to be added; then the builder's name and the command that makes the image.
BUILD = r"""
set -eu
folder=$1 kernel=$2 packaging=$3 files=$4 builder=$5
shift 5
root=$folder/root
mount -t tmpfs tmpfs "$folder"
over() {
    mkdir "$folder/$2-upper" "$folder/$2-work"
    mount -t overlay overlay "$3" \
        -o "lowerdir=$1,upperdir=$folder/$2-upper,workdir=$folder/$2-work"
}
mkdir "$root"
over / root "$root"
for each in dev proc sys; do mount --rbind "/$each" "$root/$each"; done
rm -rf "$root/etc/guardpost" "$root/lib/modules"
mkdir -p "$root/lib/modules"
over "$kernel/lib/modules" modules "$root/lib/modules"
cp "$kernel"/boot/config-* "$root/boot/"
sh "$packaging/recovery/install.sh" "$builder" "$root"
cp -R "$files/." "$root/"
version=$(ls "$root/lib/modules")
chroot "$root" depmod "$version"
chroot "$root" "$@" /image "$version" >&2
cat "$root/image"
"""


class Program(NamedTuple):
    """The executable `file`, and where the host has it."""

    file: Path
    path: str = "/usr/sbin/guardpost-agent"
    mode: int = 0o755


def build_image(
    output: Path,
    command: str,
    *options: str,
    agent: Program,
    files: Mapping[str, bytes] = {},
    secrets: Mapping[str, bytes] = {},
) -> str:
    """An image in `output`, made by `command` (dracut or mkinitramfs); what that said.

    `options` stand before the image's name; the last must be the one that takes it, if any does.
    `agent`, `files` and `secrets`, which only root may read, are put in the copy by absolute name.
    Skips the test where the builder, or Debian's kernel, is missing.
    """
    program, unshare = need(command), need("unshare")
    need("depmod")
    try:
        kernel = package()
    except PackageMissing as error:
        pytest.skip(f"no kernel for an image: {error}")
    with tempfile.TemporaryDirectory(prefix="gp-") as name:
        added = Path(name, "files")
        _put(added, {agent.path: agent.file.read_bytes()}, agent.mode)
        _put(added, files, 0o644)
        _put(added, secrets, 0o600)
        Path(name, "copy").mkdir()
        words = [unshare, "--mount", *_as_root(), "sh", "-c", BUILD, "sh", f"{name}/copy"]
        words += [str(kernel), str(ROOT / "packaging"), str(added)]
        words += ["dracut" if command == "dracut" else "initramfs-tools", program, *options]
        with output.open("wb") as image:
            done = subprocess.run(
                words, stdout=image, stderr=subprocess.PIPE, timeout=PATIENCE_SECONDS
            )
    said = done.stderr.decode("utf-8", "replace")
    assert done.returncode == 0, said
    return said


def _put(folder: Path, files: Mapping[str, bytes], mode: int) -> None:
    for path, content in files.items():
        target = folder / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(mode)


def _as_root() -> Sequence[str]:
    who: Callable[[], int] = getattr(os, "geteuid", lambda: 0)  # Windows has none
    return () if who() == 0 else ("--map-root-user",)
