"""systemd's units, as far as one keeps a serial port: found, stopped for us, started again.

It is asked through systemctl. A unit is masked at runtime only: a reboot forgets it.
"""

import os
import re
import subprocess
from pathlib import Path

from guardpost.errors import LineBusy

__all__ = ["getty_of", "is_running", "release", "service_of", "take"]

RUNNING = "/run/systemd/system"
"""Exists while systemd is the first process (sd_booted(3))."""

COMMAND_SECONDS = 100.0
"""A unit may take 90 s to stop before systemd kills it."""

# The unit of a service of the system, in a line of /proc/PID/cgroup: of cgroup's version 2, or of
# systemd's own hierarchy in version 1. Sessions of logged-in users and their own services are
# other slices.
_SERVICE = re.compile(
    r"^\d+:(?:name=systemd)?:/system\.slice/(?:.*/)?([^/]+\.service)$", re.MULTILINE
)


def is_running(root: Path = Path("/")) -> bool:
    # Not shutil.which: shutil would cost an agent a megabyte of compressors.
    return os.path.isdir(root / RUNNING.lstrip("/")) and any(
        os.access(os.path.join(folder, "systemctl"), os.X_OK) for folder in os.get_exec_path()
    )


def service_of(pid: int, proc: str = "/proc") -> str | None:
    """The unit that process `pid` (or "self") belongs to, if it is a service of the system."""
    try:
        found = _SERVICE.search(Path(proc, str(pid), "cgroup").read_text())
    except (OSError, ValueError):
        return None
    return None if found is None else found[1]


def getty_of(tty: str) -> str | None:
    """The getty of that terminal ("ttyS0") if systemd keeps one running there."""
    for unit in (f"serial-getty@{tty}.service", f"getty@{tty}.service"):
        if _systemctl("is-active", "--quiet", unit).returncode == 0:
            return unit
    return None


async def take(unit: str) -> None:
    """Stop it, and see to it that nobody starts it meanwhile. Raises LineBusy.

    Whoever gives up waiting for it has to release() it.
    """
    for words in (("mask", "--runtime", unit), ("stop", unit)):
        done = await _systemctl_meanwhile(*words)
        if done.returncode:
            if words[0] == "stop":
                release(unit)  # it may stop yet: systemd goes on with what it was told
            raise LineBusy(f"systemctl {' '.join(words)} failed: {_reason(done)}; stop it by hand")


def release(unit: str) -> str | None:
    """Undo take(); what went wrong, if anything did."""
    for words in (("unmask", "--runtime", unit), ("start", "--no-block", unit)):
        done = _systemctl(*words)
        if done.returncode:
            return f"systemctl {' '.join(words)} failed: {_reason(done)}"
    return None


def _systemctl(*words: str) -> "subprocess.CompletedProcess[str]":
    command = ["systemctl", *words]
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=COMMAND_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))


async def _systemctl_meanwhile(*words: str) -> "subprocess.CompletedProcess[str]":
    """As _systemctl, and everything else goes on: a unit may take its time to stop."""
    import asyncio

    command = ["systemctl", *words]
    pipe, null = subprocess.PIPE, subprocess.DEVNULL
    try:
        child = await asyncio.create_subprocess_exec(*command, stdin=null, stdout=null, stderr=pipe)
    except OSError as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))
    try:
        async with asyncio.timeout(COMMAND_SECONDS):
            _, said = await child.communicate()
    except TimeoutError:
        said = f"no answer within {COMMAND_SECONDS:g} s".encode()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return subprocess.CompletedProcess(
        command, child.returncode or 0, "", said.decode("utf-8", "replace")
    )


def _reason(done: "subprocess.CompletedProcess[str]") -> str:
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"status {done.returncode}"
