"""Somebody on this host with a key of his own, who runs guardpost's commands."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["Operator", "operator"]

PATIENCE_SECONDS = 60.0


class Operator:
    """`folder` holds his key, what he has come to trust, and the sockets of his lines' owners."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = dict(
            os.environ, XDG_RUNTIME_DIR=str(folder), XDG_CONFIG_HOME=str(folder / "config")
        )
        self.key = self.run("key").stdout.decode().strip()

    def argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "guardpost", *words]

    def run(
        self, *words: str, seconds: float = PATIENCE_SECONDS
    ) -> subprocess.CompletedProcess[bytes]:
        """One command to its end."""
        return subprocess.run(
            self.argv(*words),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
        )

    def run_with(
        self, sent: bytes, *words: str, seconds: float = PATIENCE_SECONDS
    ) -> subprocess.CompletedProcess[bytes]:
        """As run(), with `sent` as its standard input."""
        return subprocess.run(
            self.argv(*words),
            env=self.environment,
            input=sent,
            capture_output=True,
            timeout=seconds,
        )

    def forget(self, target: str) -> None:
        """What he has come to trust there: the host has another key now."""
        self.run("owner", target, "stop")
        self.run("key", "--forget", target)

    @contextlib.contextmanager
    def background(self, *words: str) -> "Iterator[subprocess.Popen[bytes]]":
        """A command that runs meanwhile; its standard error is a pipe."""
        process = subprocess.Popen(
            self.argv(*words),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait()
            assert process.stderr is not None
            process.stderr.close()


@contextlib.contextmanager
def operator() -> Iterator[Operator]:
    with tempfile.TemporaryDirectory(prefix="gp-") as folder:
        yield Operator(Path(folder))
