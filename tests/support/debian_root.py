"""A small Debian with systemd as the root file system of a virtual machine, on an ext4 image.

It is made once by mmdebstrap from the mirrors that apt uses here, and kept in ~/.cache/guardpost;
newer packages are not looked for. Each machine writes into a copy of its own.
"""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from support.debian_package import CACHE, one_at_a_time
from support.tools import SEARCH, need

__all__ = ["debian_packages", "debian_root"]

PACKAGES = "systemd-sysv,udev"
SIZE = "900M"

# Documents and translations: half of its files, and nobody reads them there.
LEFT_OUT = (
    *("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*"),
    *("/usr/share/bash-completion/*", "/usr/share/zoneinfo/*"),
)

# As the guests of support/guest.py have it: lines of shell over a virtio port. It goes on when
# systemd is told to leave everything but a rescue shell.
CONTROL = r"""#!/bin/sh
export HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin
port=
until [ "$port" ]; do
    for each in /sys/class/virtio-ports/*; do
        [ "$(cat $each/name)" != control ] || port=/dev/${each##*/}
    done
    [ "$port" ] || sleep 0.1
done
exec <>$port >&0 2>&1
printf 'ready\036'
while read -r line; do
    (eval "$line") </dev/null
    printf '\036%d\036' $?
done
"""

CONTROL_UNIT = """[Unit]
DefaultDependencies=no
IgnoreOnIsolate=yes
[Service]
ExecStart=/usr/local/sbin/control
KillMode=process
[Install]
WantedBy=sysinit.target emergency.target rescue.target
"""

FILES = {
    "etc/hostname": "debian\n",
    "etc/fstab": "/dev/vda / ext4 rw 0 1\n",
    # Else systemd takes each boot for the first one.
    "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
    "usr/local/sbin/control": CONTROL,
    "etc/systemd/system/control.service": CONTROL_UNIT,
}

# What takes time at each boot, and what makes a busy machine fail.
COMMANDS = """
systemctl --root="$1" -q enable control.service
systemctl --root="$1" -q mask systemd-timesyncd.service e2scrub_all.timer e2scrub_reap.service
systemctl --root="$1" -q mask systemd-logind.service systemd-update-utmp.service
systemctl --root="$1" -q mask fstrim.timer dpkg-db-backup.timer
systemctl --root="$1" -q mask apt-daily.timer apt-daily-upgrade.timer
passwd --root "$1" -q -d root
"""


def debian_root() -> Path:
    """The image, not to be written to. Skips the test where it cannot be made."""
    mmdebstrap, mke2fs = need("mmdebstrap"), need("mke2fs")
    with one_at_a_time():
        made_of = repr((_release(), PACKAGES, LEFT_OUT, FILES, COMMANDS))
        key = hashlib.sha256(made_of.encode()).hexdigest()[:24]
        image = CACHE / "debian" / f"{key}.ext4"
        if not image.exists():
            image.parent.mkdir(parents=True, exist_ok=True)
            for old in image.parent.iterdir():
                old.unlink()
            with tempfile.TemporaryDirectory(prefix="gp-") as folder:
                _make_root(mmdebstrap, Path(folder, "root"))
                partial = image.with_suffix(".partial")
                words = [mke2fs, "-q", "-t", "ext4", "-d", f"{folder}/root", str(partial), SIZE]
                subprocess.run(words, check=True)
                partial.rename(image)
        return image


def debian_packages(*names: str) -> dict[str, bytes]:
    """Those .deb files by their names, fetched once by apt; nothing is installed."""
    apt = need("apt-get")
    with one_at_a_time():
        folder = CACHE / "debian-packages"
        folder.mkdir(parents=True, exist_ok=True)
        found = {}
        for name in names:
            if not [*folder.glob(f"{name}_*.deb")]:
                words = [apt, "-qq", "download", name]
                done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
                assert done.returncode == 0, done.stderr[-2000:]
            [package] = folder.glob(f"{name}_*.deb")
            found[package.name] = package.read_bytes()
        return found


def _make_root(mmdebstrap: str, root: Path) -> None:
    words = [mmdebstrap, "--quiet", "--variant=minbase", f"--include={PACKAGES}"]
    words += [f"--dpkgopt=path-exclude={each}" for each in LEFT_OUT]
    done = subprocess.run([*words, _release(), str(root)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "usr/local/sbin/control").chmod(0o755)
    environment = {"PATH": SEARCH}
    subprocess.run(["sh", "-ec", COMMANDS, "sh", root], check=True, env=environment)
    shutil.rmtree(root / "var/cache/apt", ignore_errors=True)


def _release() -> str:
    """This machine's, whose kernel the guests have, too."""
    text = Path("/etc/os-release").read_text()
    return next(
        line.partition("=")[2].strip('"') for line in text.splitlines() if "CODENAME" in line
    )
