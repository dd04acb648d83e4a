"""What the agent adds to the boot of a recovery image, until its text prompt answers (Linux).

Once in QEMU, where every instruction is emulated, against the boot of the same image without the
agent; and once on this machine's processor, from the start of the process, on a pty.

python -m bench.boot [emulated|native]
"""

import os
import pty
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import tty
from collections.abc import Callable
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from support.frozen import frozen_agent
from support.operator import operator
from support.recovery_image import busybox_image
from support.recovery_machine import recovery_machine

from bench.table import Row, markdown

__all__ = ["ROWS", "boot"]

_BOOTS = 5
_STARTS = 15
_ENTER_SECONDS = 0.5
_OPEN = b"the line is open"
_PROMPT = b"guardpost>"
_LIMIT_SECONDS = 0.3


def _answered(descriptor: int) -> float:
    """Press Enter, now and then again, until the text prompt answers; when it did."""
    shown = b""
    while _PROMPT not in shown:
        os.write(descriptor, b"\r")
        if select.select([descriptor], [], [], _ENTER_SECONDS)[0]:
            shown += os.read(descriptor, 4096)
    return time.perf_counter()


def _boot(image: Path, append: str, with_agent: bool) -> tuple[float, float]:
    """Seconds from QEMU's start to the shell, and to an answer of the agent."""
    begun = time.perf_counter()
    with recovery_machine(image, append=f"quiet {append}") as machine:
        if not with_agent:
            machine.screen.read_until(b"/ # ")
            return time.perf_counter() - begun, 0.0
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(machine.line.removeprefix("unix:"))
            answered = _answered(line.fileno()) - begun
        machine.screen.read_until(b"/ # ")
        return time.perf_counter() - begun, answered


def emulated() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="gp-") as folder, operator() as who:
        image = busybox_image(Path(folder, "initramfs"), frozen_agent())
        allow = f"guardpost.port=/dev/ttyS1 guardpost.allow={who.key}"
        alone, answers = [], []
        for _ in range(_BOOTS):
            alone.append(_boot(image, "guardpost.off", False)[0])
            answers.append(_boot(image, allow, True)[1])
    shell, agent = statistics.median(alone), statistics.median(answers)
    return [
        Row(
            "a recovery image in QEMU (emulated), to its shell, without the agent",
            f"{shell:.2f} s",
            "",
            None,
            "python -m bench.boot emulated",
        ),
        Row(
            "until the agent answers there, after that",
            f"{agent - shell:.2f} s",
            "",
            None,
            "python -m bench.boot emulated",
        ),
    ]


def native() -> list[Row]:
    program = str(frozen_agent())
    with operator() as who:
        found, busy = zip(*(_start(program, who.key) for _ in range(_STARTS)), strict=True)
    median = statistics.median(found)
    said = f"{median:.2f} s ({min(found):.2f} to {max(found):.2f})"
    return [
        Row(
            "from the start of guardpost-agent to its first answer, on a pty",
            f"{said}, of which the processor worked {statistics.median(busy):.2f} s",
            f"<= {_LIMIT_SECONDS} s",
            median <= _LIMIT_SECONDS,
            "python -m bench.boot native",
        )
    ]


def _start(program: str, key: str) -> tuple[float, float]:
    """Seconds to the first answer, and how many of them the agent had the processor."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    words = [program, os.ttyname(slave), "--recovery", "--allow", key]
    begun = time.perf_counter()
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    try:
        while _OPEN not in process.stderr.readline():
            pass
        elapsed = _answered(master) - begun
        times = psutil.Process(process.pid).cpu_times()
        return elapsed, times.user + times.system
    finally:
        process.terminate()
        process.communicate()
        os.close(master)
        os.close(slave)


ROWS: dict[str, Callable[[], list[Row]]] = {"emulated": emulated, "native": native}


def boot() -> list[Row]:
    return [row for rows in ROWS.values() for row in rows()]


if __name__ == "__main__":
    wanted = sys.argv[1:] or list(ROWS)
    print(markdown(row for name in wanted for row in ROWS[name]()))
