"""The ssh_config of docs/operating.md, as it stands there, with real ssh, scp, sftp and rsync."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.rig import Rig, rig
from support.tools import ROOT, need
from support.web import Sshd, page, sshd

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="an sshd and unix sockets")


def snippet() -> str:
    """The indented block that begins with Host."""
    text = (ROOT / "docs/operating.md").read_text()
    block = text[text.index("    Host *.serial\n") :].split("\n\n")[0]
    return "".join(f"{line.removeprefix('    ')}\n" for line in block.splitlines())


@pytest.fixture(scope="module")
def line() -> Iterator[Rig]:
    with rig() as made:
        assert made.console("exec", "true").returncode == 0
        hosts = made.folder / "config" / "guardpost" / "hosts.toml"
        hosts.write_text(f'[web01]\nline = "{made.here}"\n')
        yield made


@pytest.fixture(scope="module")
def server(line: Rig) -> Iterator[Sshd]:
    with sshd(line.folder / "sshd") as made:
        yield made


@pytest.fixture(scope="module")
def config(line: Rig, server: Sshd) -> Path:
    """The snippet, and what only this sshd needs: its port and its keys."""
    path = line.folder / "ssh_config"
    folder = line.folder / "sshd"
    own = (
        *(f"Port {server.port}", f"IdentityFile {folder / 'user'}", "IdentitiesOnly yes"),
        *("BatchMode yes", "StrictHostKeyChecking no", f"UserKnownHostsFile {folder / 'known'}"),
    )
    path.write_text(snippet() + "".join(f"    {option}\n" for option in own))
    return path


def ran(line: Rig, *words: str) -> subprocess.CompletedProcess[bytes]:
    # `guardpost` of the snippet is looked for in PATH.
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**line.environment, "PATH": path}
    done = subprocess.run(words, env=environment, capture_output=True, timeout=120)
    assert done.returncode == 0, done
    return done


def test_ssh(line: Rig, config: Path) -> None:
    done = ran(line, need("ssh"), "-F", str(config), "web01.serial", "echo", "hello")
    assert done.stdout == b"hello\n"


def test_scp(line: Rig, config: Path, tmp_path: Path) -> None:
    (tmp_path / "here").write_bytes(page("/50000/scp"))
    there = str(tmp_path / "there")
    ran(line, need("scp"), "-q", "-F", str(config), str(tmp_path / "here"), f"web01.serial:{there}")
    assert (tmp_path / "there").read_bytes() == page("/50000/scp")


def test_sftp(line: Rig, config: Path, tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(page("/50000/sftp"))
    here = str(tmp_path / "here")
    where = f"web01.serial:{tmp_path / 'there'}"
    ran(line, need("sftp"), "-q", "-F", str(config), where, here)
    assert (tmp_path / "here").read_bytes() == page("/50000/sftp")


def test_rsync(line: Rig, config: Path, tmp_path: Path) -> None:
    folder = tmp_path / "from"
    folder.mkdir()
    (folder / "a").write_bytes(page("/50000/a"))
    (folder / "b").write_bytes(b"b")
    shell = f"{need('ssh')} -F {config}"
    ran(line, need("rsync"), "-a", "-e", shell, f"{folder}/", f"web01.serial:{tmp_path / 'to'}")
    assert (tmp_path / "to" / "a").read_bytes() == page("/50000/a")
    assert (tmp_path / "to" / "b").read_bytes() == b"b"
