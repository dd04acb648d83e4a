"""A real HTTP server on the loopback, and an sshd of a test's own."""

import contextlib
import hashlib
import http.server
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from support.tools import need

__all__ = ["Sshd", "page", "sshd", "web_server"]


def page(path: str) -> bytes:
    """What the server answers to /SIZE/NAME: SIZE bytes that depend on NAME."""
    _, size, name = path.split("/")
    seed = hashlib.sha256(name.encode()).digest()
    return (seed * (int(size) // 32 + 1))[: int(size)]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = page(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256


@contextlib.contextmanager
def web_server() -> Iterator[int]:
    with _Server(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


class Sshd:
    """An sshd on 127.0.0.1:`port`; `options` make ssh, scp and sftp trust it and be trusted."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self.options = [
            *("-F", "/dev/null", "-i", str(folder / "user")),
            *("-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"),
            *("-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={folder / 'known'}"),
        ]


@contextlib.contextmanager
def sshd(folder: Path) -> Iterator[Sshd]:
    """A real OpenSSH server, run by this user, with keys of its own in `folder`."""
    program = need("sshd")
    folder.mkdir(mode=0o700)
    for key in ("host", "user"):
        subprocess.run(
            [need("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)],
            check=True,
        )
    shutil.copy(folder / "user.pub", folder / "authorized")
    if os.access("/run", os.W_OK):
        Path("/run/sshd").mkdir(exist_ok=True)  # where Debian's sshd drops its privileges
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = _server(Path("/usr/lib/openssh/sftp-server"))
    config = folder / "config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder / 'host'}\n"
        f"AuthorizedKeysFile {folder / 'authorized'}\nStrictModes no\nUsePAM no\n"
        f"PidFile none\nSubsystem sftp {server}\n"
    )
    process = subprocess.Popen(
        [program, "-D", "-e", "-f", str(config)], stderr=(folder / "log").open("wb")
    )
    try:
        _wait_for(port)
        yield Sshd(folder, port)
    finally:
        process.terminate()
        process.wait()


def _server(path: Path) -> str:
    return str(path) if path.exists() else "internal-sftp"


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
