"""The .deb and the .rpm: what is in them, twice the same, installed and removed in a folder."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.packages import NEXT_VERSION, next_package, package, refused, small_package
from support.tools import ROOT, need

from guardpost import __version__
from guardpost.agent.settings import STARTING, read_settings

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="packages are root's to install")

CONTENT = {
    "/usr/bin/guardpost-agent": 0o755,
    "/usr/lib/systemd/system/guardpost-agent.service": 0o644,
    "/usr/lib/systemd/system/guardpost-agent@.service": 0o644,
    "/etc/guardpost/agent.toml": 0o644,
    "/usr/share/man/man8/guardpost-agent.8.gz": 0o644,
    "/usr/share/doc/guardpost-agent/changelog.gz": 0o644,
    "/usr/share/doc/guardpost-agent/copyright": 0o644,
}
INIT_SCRIPT = {"/etc/init.d/guardpost-agent": 0o755}

# What the packages' scripts may call on any host, and all that there is in the folder.
APPLETS = ("sh", "grep", "cut", "rm", "rmdir", "cat", "mkdir", "true", "ls")


def said(*words: object) -> str:
    done = subprocess.run([str(each) for each in words], capture_output=True, text=True)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout + done.stderr


def files_in(root: Path) -> dict[str, int]:
    """Path and mode of each file and link, without what dpkg and rpm keep for themselves."""
    found = {}
    for path in root.rglob("*"):
        name = f"/{path.relative_to(root)}"
        theirs = ("/var/lib/dpkg", "/var/lib/rpm", "/var/log/dpkg.log")
        if not path.is_dir() and not name.startswith(theirs):
            found[name] = path.lstat().st_mode & 0o7777
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A host in a folder: busybox, and nothing that starts services."""
    here = tmp_path / "host"
    (here / "bin").mkdir(parents=True)
    shutil.copy(need("busybox"), here / "bin" / "busybox")
    for name in APPLETS:
        (here / "bin" / name).symlink_to("busybox")
    (here / "proc" / "self").mkdir(parents=True)
    dpkg = here / "var" / "lib" / "dpkg"
    for name in ("info", "updates", "triggers"):
        (dpkg / name).mkdir(parents=True)
    for name in ("status", "available"):
        (dpkg / name).touch()
    return here


def dpkg(root: Path, *words: object) -> str:
    need("dpkg-deb")
    return said("dpkg", f"--root={root}", "--force-depends", *words)


def test_the_deb_has_what_a_host_needs_and_no_more(tmp_path: Path) -> None:
    need("dpkg-deb")
    deb = package("deb")
    said("dpkg-deb", "-x", deb, tmp_path)
    assert files_in(tmp_path) == {**CONTENT, **INIT_SCRIPT}
    control = said("dpkg-deb", "-f", deb)
    assert f"Version: {__version__}-1\n" in control
    assert "Depends:" not in control, "it is static"
    said("dpkg-deb", "-e", deb, tmp_path / "control")
    conffiles = (tmp_path / "control" / "conffiles").read_text().split()
    assert {*conffiles} == {"/etc/guardpost/agent.toml", *INIT_SCRIPT}


def test_the_rpm_has_the_same(tmp_path: Path) -> None:
    need("rpm")
    rpm = package("rpm")
    assert "digests OK" in said("rpm", "-K", rpm)
    assert {*said("rpm", "-qpl", rpm).split()} == {*CONTENT}
    assert said("rpm", "-qpc", rpm).split() == ["/etc/guardpost/agent.toml"]
    assert f"Version     : {__version__}" in said("rpm", "-qpi", rpm)


def test_the_copyright_file_has_every_licence_inside(tmp_path: Path) -> None:
    said("dpkg-deb", "-x", package("deb"), tmp_path)
    inside = said(tmp_path / "usr/bin/guardpost-agent", "--licenses")
    text = (tmp_path / "usr/share/doc/guardpost-agent/copyright").read_text()
    assert inside.strip() in text
    assert (ROOT / "NOTICE").read_text() in text


def test_the_settings_of_the_package_set_nothing_and_are_all_settings(tmp_path: Path) -> None:
    """As it comes it is a page of comments; without their marks it is valid, too."""
    text = (ROOT / "packaging" / "agent.toml").read_text()
    file = tmp_path / "agent.toml"
    file.touch(0o600)
    file.write_text(text)
    assert read_settings(file).starting == {}
    settings = [
        line.removeprefix("# ") for line in text.splitlines() if " = " in line or "[" in line
    ]
    file.write_text("\n".join(each for each in settings if not each.startswith("For role")))
    found = read_settings(file)
    assert {*found.starting} == {*STARTING}
    assert (found.audit, found.channels) == (Path("/var/log/guardpost/audit.log"), 64)
    assert "web" in found.roles


@pytest.mark.parametrize("kind", ["deb", "rpm"])
def test_two_builds_give_the_same_bytes(kind: str, tmp_path: Path) -> None:
    first, second = (small_package(kind, tmp_path / each) for each in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_a_package_may_be_as_old_as_time(tmp_path: Path) -> None:
    listed = said("dpkg-deb", "-c", small_package("deb", tmp_path, "--epoch", "0"))
    assert listed.count(" 1970-01-01 ") == len(listed.splitlines())


def test_an_executable_that_only_its_owner_may_read_becomes_no_package(tmp_path: Path) -> None:
    program = tmp_path / "golden"
    missing = refused("deb", program, tmp_path)
    assert missing == f"build_packages: there is no {program}; build_frozen.py makes one"
    program.write_bytes(b"\x7fELF and a private key")
    program.chmod(0o700)
    assert f"{program} is not for others to read" in refused("rpm", program, tmp_path)


def test_dpkg_installs_it_says_what_to_do_next_and_purges_it_without_a_trace(root: Path) -> None:
    before = files_in(root)
    told = dpkg(root, "--install", package("deb"))
    assert "enabled, and not started, since nobody could use it yet" in told
    assert {**before, **CONTENT, **INIT_SCRIPT} == files_in(root)
    keys = root / "etc/guardpost/authorized_consoles"
    keys.write_text("a key\n")
    identity = root / "var/lib/guardpost/identity.key"
    identity.parent.mkdir(parents=True)
    identity.write_text("secret")
    (root / "var/log/guardpost").mkdir(parents=True)
    (root / "var/log/guardpost/audit.log").touch()
    (root / "var/log/guardpost-agent.log").touch()
    dpkg(root, "--remove", "guardpost-agent")
    assert keys.exists()
    assert identity.exists()
    assert (root / "etc/guardpost/agent.toml").exists()
    dpkg(root, "--purge", "guardpost-agent")
    assert files_in(root) == before
    assert not (root / "etc/guardpost").exists()
    assert not (root / "var/lib/guardpost").exists()


def test_an_upgrade_keeps_settings_and_what_others_have_in_etc_guardpost(root: Path) -> None:
    dpkg(root, "--install", package("deb"))
    settings = root / "etc/guardpost/agent.toml"
    settings.write_text("baud = 9600\n")
    hosts = root / "etc/guardpost/hosts.toml"
    hosts.write_text("# of the console\n")
    dpkg(root, "--force-confold", "--install", next_package("deb"))
    assert settings.read_text() == "baud = 9600\n"
    dpkg(root, "--purge", "guardpost-agent")
    assert hosts.exists()
    assert not settings.exists()


@pytest.mark.parametrize("kind", ["deb", "rpm"])
def test_beside_an_agent_of_install_the_package_is_refused(root: Path, kind: str) -> None:
    made = root / "var/lib/guardpost/installed.json"
    made.parent.mkdir(parents=True)
    made.write_text("{}")
    rpm = ("rpm", "--root", root, "--dbpath", "/var/lib/rpm", "--nodeps", "-i")
    words = ("dpkg", f"--root={root}", "--install") if kind == "deb" else rpm
    need("dpkg-deb" if kind == "deb" else "rpm")
    done = subprocess.run([*words, package(kind)], capture_output=True, text=True)
    assert done.returncode != 0
    assert "run its 'guardpost-agent --uninstall' first" in done.stderr
    assert not (root / "usr/bin/guardpost-agent").exists()


def test_rpm_installs_it_into_a_folder_and_removes_it(root: Path) -> None:
    need("rpm")
    rpm = ("rpm", "--root", root, "--dbpath", "/var/lib/rpm")
    before = files_in(root)
    told = said(*rpm, "--nodeps", "-i", package("rpm"))
    assert "enabled, and not started, since nobody could use it yet" in told
    assert {**before, **CONTENT} == files_in(root)
    said(*rpm, "--nodeps", "-U", next_package("rpm"))
    assert NEXT_VERSION in said(*rpm, "-q", "guardpost-agent")
    said(*rpm, "-e", "guardpost-agent")
    assert files_in(root) == before
