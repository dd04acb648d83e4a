"""The static executable, as build_frozen.py makes it of this checkout.

tests/conftest.py starts the build when a run begins, behind everything else, because a first one
takes minutes; whoever needs the executable waits for it. Later runs find all but the last step in
~/.cache/guardpost.
"""

import contextlib
import faulthandler
import functools
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.tools import ROOT

OUTPUT = ROOT / "build" / "frozen"
LOG = OUTPUT / "build.log"
POLL_SECONDS = 0.5
MINUTES = 40

# build_frozen.py's exit code when it could not get what it builds from.
UNAVAILABLE = 3


def cache() -> Path:
    """Where build_frozen.py keeps what it has built."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "guardpost" / "frozen"


def command(*options: str) -> list[str]:
    return [sys.executable, str(ROOT / "build_frozen.py"), *options]


@functools.cache
def start() -> "subprocess.Popen[bytes]":
    """Begin to build, where nothing else wants the processor; what it says goes to LOG."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with LOG.open("wb") as log:
        return subprocess.Popen(
            command("--output", str(OUTPUT)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            process_group=0,
            preexec_fn=yield_to_all,
        )


def yield_to_all() -> None:
    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def hurry(process: "subprocess.Popen[bytes]") -> None:
    """Let it, and all that it started, have their share of the processor."""
    if sys.platform == "linux":
        for pid in [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]:
            with contextlib.suppress(OSError):
                if os.getpgid(pid) == process.pid:
                    os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0))


def stop() -> None:
    """What is left of it at the end of a run."""
    if start.cache_info().currsize and start().poll() is None:
        end(start(), signal.SIGTERM)


def end(process: "subprocess.Popen[bytes]", how: signal.Signals) -> None:
    """The build, and all that it started."""
    if sys.platform == "linux":
        os.killpg(process.pid, how)
        process.wait()


def wait() -> None:
    """Until the build is over, well or not."""
    process = start()
    for _ in range(int(MINUTES * 60 / POLL_SECONDS)):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(POLL_SECONDS)
            return
        hurry(process)
    if sys.platform == "linux":
        end(process, signal.SIGKILL)


def frozen_agent() -> Path:
    """guardpost-agent for this machine. Skips the test where its sources are not to be had."""
    wait()
    judge(start().returncode, LOG.read_text(encoding="utf-8", errors="replace"))
    return OUTPUT / "guardpost-agent"


def build(*options: str) -> "subprocess.CompletedProcess[str]":
    """A build with more options, once the plain one is there; its parts are the same."""
    frozen_agent()
    return subprocess.run(command(*options), capture_output=True, text=True)


def built(output: Path, *options: str) -> Path:
    """The executable of such a build."""
    done = build("--output", str(output), *options)
    judge(done.returncode, done.stderr)
    [made] = output.iterdir()
    return made


def be_patient() -> None:
    """A test that builds more than the last step is none that hangs."""
    faulthandler.dump_traceback_later(MINUTES * 60, exit=True)


def executable(variant: str) -> Path:
    """One of any variant, for the benches, which no test run builds beforehand.

    Raises CalledProcessError, after build_frozen.py has said why.
    """
    out = OUTPUT / variant
    subprocess.run(command("--variant", variant, "--output", str(out)), check=True)
    [made] = out.iterdir()
    return made


def judge(code: int, said: str) -> None:
    last = "\n".join(said.splitlines()[-8:])
    if code == UNAVAILABLE:
        pytest.skip(last.rpartition("\n")[2])
    if code != 0:
        pytest.fail(f"build_frozen.py ended with {code}:\n{last}", pytrace=False)
