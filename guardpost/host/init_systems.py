"""What starts services on this host (systemd, OpenRC, sysvinit), as far as making one goes."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from guardpost.errors import ServiceError
from guardpost.host import systemd

__all__ = ["INIT_SYSTEMS", "InitSystem", "here", "is_above_us"]

SERVICE = "guardpost-agent"
COMMAND_SECONDS = 120.0
PID_FILE = f"run/{SERVICE}.pid"
"""Where OpenRC's and sysvinit's scripts have it written."""


@dataclass(frozen=True, slots=True)
class InitSystem:
    """`script` is where the service's unit or script goes; the rest are command lines."""

    name: str
    script: Path
    mode: int
    enable: Sequence[Sequence[str]]
    """It is started at each boot from now on."""
    restart: Sequence[str]
    disable: Sequence[Sequence[str]]
    """It is stopped, and no longer started at boot; its script is still there."""
    forget: Sequence[Sequence[str]]
    """The script is gone."""

    def run(self, *commands: Sequence[str]) -> None:
        """Each to its end. Raises ServiceError at the first that fails."""
        for words in commands:
            try:
                done = subprocess.run(
                    words,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    errors="replace",
                    timeout=COMMAND_SECONDS,
                )
                said = (done.stderr or done.stdout).strip().splitlines()
            except (OSError, subprocess.TimeoutExpired) as error:
                raise ServiceError(f"{' '.join(words)}: {error}") from None
            if done.returncode:
                why = said[-1] if said else f"status {done.returncode}"
                raise ServiceError(f"{' '.join(words)}: {why}")


_INIT_SCRIPT = Path("/etc/init.d", SERVICE)

INIT_SYSTEMS = {
    "systemd": InitSystem(
        "systemd",
        Path("/etc/systemd/system", f"{SERVICE}.service"),
        0o644,
        enable=(("systemctl", "daemon-reload"), ("systemctl", "enable", SERVICE)),
        restart=("systemctl", "restart", SERVICE),
        disable=(("systemctl", "disable", "--now", SERVICE),),
        forget=(("systemctl", "daemon-reload"),),
    ),
    "OpenRC": InitSystem(
        "OpenRC",
        _INIT_SCRIPT,
        0o755,
        enable=(("rc-update", "add", SERVICE, "default"),),
        restart=("rc-service", SERVICE, "restart"),
        disable=(("rc-service", SERVICE, "stop"), ("rc-update", "del", SERVICE, "default")),
        forget=(),
    ),
    "sysvinit": InitSystem(
        "sysvinit",
        _INIT_SCRIPT,
        0o755,
        enable=(("update-rc.d", SERVICE, "defaults"),),
        restart=(str(_INIT_SCRIPT), "restart"),
        disable=((str(_INIT_SCRIPT), "stop"),),
        forget=(("update-rc.d", SERVICE, "remove"),),
    ),
}


def here(root: Path = Path("/")) -> InitSystem | None:
    """The one that runs on the host whose file system is at `root`; None when it is no known one.

    What is there decides and what runs: a host may have the programs of all three.
    """
    if systemd.is_running(root):
        return INIT_SYSTEMS["systemd"]
    if (root / "run/openrc").is_dir():
        return INIT_SYSTEMS["OpenRC"]
    if (root / "etc/inittab").exists() and _has(root, "update-rc.d", "start-stop-daemon"):
        return INIT_SYSTEMS["sysvinit"]
    return None


def is_above_us(root: Path = Path("/")) -> bool:
    """Whether this process was started, at whatever distance, by the agent that is a service."""
    if (systemd.service_of(os.getpid()) or "").startswith(SERVICE):
        return True
    try:
        # Of the agent, or of OpenRC's program that supervises it.
        agent = int((root / PID_FILE).read_text())
    except (OSError, ValueError):
        return False
    import psutil

    return agent in (each.pid for each in psutil.Process().parents())


def _has(root: Path, *programs: str) -> bool:
    folders = [root / each.lstrip("/") for each in ("/usr/sbin", "/sbin", "/usr/bin", "/bin")]
    return all(
        any(os.access(folder / program, os.X_OK) for folder in folders) for program in programs
    )
