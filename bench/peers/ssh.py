"""OpenSSH through socat: its own sshd behind the far end, and what it carries in one connection.

ssh wants a clean stream, so a socat joins it to the pty on each side. Keys are made for the
run, and no configuration of the system is read.
"""

import contextlib
import getpass
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bench.ends import watch_file
from bench.peers.peer import SEARCH, Peer, Place, Way, nothing, tunnels
from bench.transfer import Transfer

__all__ = ["SCP", "SSH", "open_ssh", "start_server"]

_SERVER = """\
HostKey {folder}/host
AuthorizedKeysFile {folder}/client.pub
StrictModes no
UsePAM no
PidFile none
LogLevel ERROR
Subsystem sftp internal-sftp
"""

_CLIENT = """\
Host *
  User {user}
  IdentityFile {folder}/client
  IdentitiesOnly yes
  BatchMode yes
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
  ExitOnForwardFailure yes
  ProxyCommand socat - {near},raw,echo=0
"""


def start_server(place: Place, far: str | None = None) -> None:
    """An sshd for one connection at the far end; `far` is socat's word for that end."""
    for name in ("host", "client"):
        words = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(place.folder / name))
        subprocess.run(words, check=True)
    values = {"folder": place.folder, "near": place.near, "user": getpass.getuser()}
    (place.folder / "sshd_config").write_text(_SERVER.format(**values))
    (place.folder / "ssh_config").write_text(_CLIENT.format(**values))
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where sshd locks itself in
    program = str(shutil.which("sshd", path=SEARCH))
    sshd = shlex.join([program, "-i", "-f", f"{place.folder}/sshd_config"])
    place.processes.start("far", "socat", far or f"{place.far},raw,echo=0", f"EXEC:{sshd}")


@contextlib.contextmanager
def open_ssh(place: Place, far: str | None = None) -> Iterator[Way]:
    """Bulk and keystrokes in one connection, as one has it with a shared ssh."""
    start_server(place, far)

    def start(bulk: str, key: str) -> None:
        forwards = [
            *("-L", f"{bulk}:127.0.0.1:{place.sink_port}"),
            *("-L", f"{key}:127.0.0.1:{place.echo_port}"),
        ]
        config = str(place.folder / "ssh_config")
        place.processes.start("near", "ssh", "-F", config, "-N", *forwards, "far")

    yield tunnels(place, start)


@contextlib.contextmanager
def _open_scp(place: Place) -> Iterator[Way]:
    start_server(place)

    def bulk(transfer: Transfer, _: float | None) -> None:
        source, arrived = place.folder / "file", place.folder / "arrived"
        source.write_bytes(transfer.data)
        # Its own choice is one piece of 255 KiB: the file would appear in one go.
        words = (
            "scp",
            "-q",
            "-X",
            "buffer=4096",
            "-F",
            str(place.folder / "ssh_config"),
            str(source),
        )
        copier = place.processes.start("near", *words, f"far:{arrived}")
        watch_file(arrived, transfer, lambda: copier.poll() is not None)

    yield Way(nothing, bulk)


_NEEDS = (
    *(("ssh", "openssh-client"), ("ssh-keygen", "openssh-client"), ("scp", "openssh-client")),
    *(("sshd", "openssh-server"), ("socat", "socat")),
)

SSH = Peer("ssh", "`ssh -L` twice in one connection, through socat", _NEEDS, open_ssh)
SCP = Peer("scp", "`scp`, one file, through socat", _NEEDS, _open_scp)
