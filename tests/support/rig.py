"""Rig: a simulated line, a real agent on it, and the console's commands as real processes."""

import contextlib
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from support.ptyline import Control, pty_line

from guardpost.identity import load_or_make, places

__all__ = ["Rig", "rig"]

PATIENCE_SECONDS = 30.0


class Rig:
    """`here` is the console's end of the line, `there` the agent's; `folder` holds the keys."""

    def __init__(self, folder: Path, here: str, there: str, control: Control) -> None:
        self.folder = folder
        self.here = here
        self.there = there
        self.control = control
        self.environment = dict(
            os.environ, XDG_RUNTIME_DIR=str(folder), XDG_CONFIG_HOME=str(folder / "config")
        )
        self.agent_words = self.argv("agent")
        """What starts the agent: ours, unless another executable is to be it."""
        self.agent_process: subprocess.Popen[bytes] | None = None

    def argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "guardpost", *words]

    def run(
        self, *words: str, input: bytes | None = None, timeout: float = 60.0
    ) -> subprocess.CompletedProcess[bytes]:
        """One command to its end."""
        return subprocess.run(
            self.argv(*words),
            env=self.environment,
            input=input or b"",
            capture_output=True,
            timeout=timeout,
        )

    def console(
        self, command: str, *words: str, input: bytes | None = None, timeout: float = 60.0
    ) -> subprocess.CompletedProcess[bytes]:
        """`guardpost COMMAND --trust-new TARGET words...`"""
        return self.run(command, "--trust-new", self.here, *words, input=input, timeout=timeout)

    @contextlib.contextmanager
    def background(
        self, *words: str, stdin: int = subprocess.DEVNULL
    ) -> "Iterator[subprocess.Popen[bytes]]":
        """A command that runs meanwhile; ended at the end."""
        process = subprocess.Popen(
            self.argv(*words),
            env=self.environment,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()

    @contextlib.contextmanager
    def forward(self, *forwards: str) -> Iterator[list[int]]:
        """`guardpost forward -L 127.0.0.1:...` for each; the local ports, once it listens."""
        options = [word for each in forwards for word in ("-L", f"127.0.0.1:{each}")]
        with self.background("forward", "--trust-new", self.here, *options) as process:
            yield [_port(read_line(process)) for _ in forwards]

    def start_agent(self, *options: str, permit: str = "") -> "subprocess.Popen[bytes]":
        """`permit` is what stands before our key in --allow. Returns once it listens, or has ended:
        a console that comes earlier asks three times in vain on a busy machine.
        """
        ours = load_or_make(places.console_identity(self.environment), os.urandom)
        key = f"{permit} {ours.public_key}"
        identity = ("--identity", str(self.folder / "agent.key"))
        with (self.folder / "agent.log").open("ab") as log:
            self.agent_process = subprocess.Popen(
                [*self.agent_words, self.there, *identity, "--allow", key, *options],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            before = log.tell()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (self.folder / "agent.log").stat().st_size == before:
            assert time.monotonic() < deadline, "the agent says nothing"
            if self.agent_process.poll() is not None:
                break
            time.sleep(0.01)
        return self.agent_process

    def stop_agent(self) -> None:
        process = self.agent_process
        if process is not None and process.poll() is None:
            process.terminate()
            process.wait(10)

    def agent_log(self) -> str:
        return (self.folder / "agent.log").read_text("utf-8", "replace")

    def close(self) -> None:
        if [*self.folder.rglob("*.sock")]:
            self.run("owner", self.here, "stop")
        self.stop_agent()


@contextlib.contextmanager
def rig(
    *line_options: str,
    baud: int | str = 921600,
    agent: Sequence[str] | None = (),
    through: Callable[[str], contextlib.AbstractContextManager[str]] = contextlib.nullcontext,
) -> Iterator[Rig]:
    """A line of `baud` with `guardpost line`'s options; `agent`: its options, None for none.

    `through` puts what it starts in front of the line, and gives the target that leads there.
    """
    with (
        tempfile.TemporaryDirectory(prefix="gp-") as folder,
        pty_line(*line_options, baud=baud) as (here, there, control),
        through(here) as target,
    ):
        made = Rig(Path(folder), target, there, control)
        try:
            if agent is not None:
                made.start_agent(*agent)
            yield made
        finally:
            made.close()


def read_line(process: "subprocess.Popen[bytes]", seconds: float = PATIENCE_SECONDS) -> str:
    """The next line of a background command's stderr."""
    assert process.stderr is not None
    return _next_line(process.stderr.fileno(), "stderr", seconds)


def read_output_line(process: "subprocess.Popen[bytes]", seconds: float = PATIENCE_SECONDS) -> str:
    """The next line of its stdout, which nobody else reads."""
    assert process.stdout is not None
    return _next_line(process.stdout.fileno(), "stdout", seconds)


def _next_line(descriptor: int, name: str, seconds: float) -> str:
    deadline = time.monotonic() + seconds
    line = bytearray()
    while not line.endswith(b"\n"):
        left = max(0.0, deadline - time.monotonic())
        ready, _, _ = select.select([descriptor], [], [], left)
        octet = os.read(descriptor, 1) if ready else b""
        if not octet:
            raise AssertionError(f"no whole line on {name}, only {bytes(line)!r}")
        line += octet
    return line.decode("utf-8", "replace")


def _port(line: str) -> int:
    """The port in "guardpost: forwarding 127.0.0.1:PORT to ..."."""
    return int(line.split(" to ")[0].rsplit(":", 1)[1])
