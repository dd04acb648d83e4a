"""What a peer runs, on both sides of the line: started, charged and ended together (Linux).

To a side belongs what was started for it, the children of that, and whatever carries the
side's mark in its environment: a process that went into the background has left its parent.
"""

import contextlib
import os
import subprocess
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

from bench.costs import cpu_seconds

__all__ = ["Cost", "Processes", "Side"]

Side = Literal["near", "far"]
SIDES: tuple[Side, ...] = ("near", "far")

SAMPLE_SECONDS = 0.25

MARK = "GUARDPOST_BENCH_SIDE"


@dataclass(frozen=True)
class Cost:
    """Seconds of processor since the start, and the most bytes resident at once, by side."""

    cpu_seconds: float
    near_bytes: int
    far_bytes: int


class Processes:
    """Use it in a with-block: all of them end with it."""

    def __init__(self, folder: Path, *, watched: bool = True) -> None:
        """`folder` gets what they say on standard error.

        `watched` costs a few per cent of a core, and knows what the short-lived ones used.
        """
        self._folder = folder
        self._watched = watched
        self._run = uuid.uuid4().hex
        self._started: list[tuple[Side, subprocess.Popen[bytes]]] = []
        self._cpu: dict[int, float] = {}  # by pid, as last seen
        self._most_bytes: dict[Side, int] = dict.fromkeys(SIDES, 0)
        self._sampling = threading.Lock()
        self._over = threading.Event()
        self._sampler = threading.Thread(target=self._sample_for_ever, daemon=True)

    def __enter__(self) -> "Processes":
        if self._watched:
            self._sampler.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._watched:
            self._sampler.join()
        everything = [process for _, process in self._members()]
        for process in everything:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        _, stubborn = psutil.wait_procs(everything, timeout=2)
        for process in stubborn:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        for _, started in self._started:
            started.wait(10)

    def start(
        self, side: Side, *argv: str, env: dict[str, str] | None = None, **options: Any
    ) -> "subprocess.Popen[bytes]":
        """`options` as for subprocess.Popen."""
        environment = dict(os.environ if env is None else env)
        environment[MARK] = self._mark(side)
        with (self._folder / "said").open("ab") as said:
            usual: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": said, "stderr": said}
            process: subprocess.Popen[bytes] = subprocess.Popen(
                argv, env=environment, **usual | options
            )
        self._started.append((side, process))
        return process

    def cost(self) -> Cost:
        """A process that has ended counts with what it had used when last seen."""
        with self._sampling:
            self._sample()
            sizes = self._most_bytes
            return Cost(sum(self._cpu.values()), sizes["near"], sizes["far"])

    def said(self) -> str:
        """The last line on standard error."""
        with contextlib.suppress(OSError):
            lines = (self._folder / "said").read_text("utf-8", "replace").split("\n")
            return next((line.strip() for line in reversed(lines) if line.strip()), "")
        return ""

    def _mark(self, side: Side) -> str:
        return f"{self._run}-{side}"

    def _sample_for_ever(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            with self._sampling:
                self._sample()

    def _sample(self) -> None:
        now: dict[Side, int] = dict.fromkeys(SIDES, 0)
        for side, process in self._members():
            with contextlib.suppress(psutil.Error, OSError):
                self._cpu[process.pid] = cpu_seconds(process.pid)
                now[side] += process.memory_info().rss
        for side in SIDES:
            self._most_bytes[side] = max(self._most_bytes[side], now[side])

    def _members(self) -> Iterator[tuple[Side, psutil.Process]]:
        seen: set[int] = set()
        for side, root in self._roots():
            with contextlib.suppress(psutil.Error):
                for process in (root, *root.children(recursive=True)):
                    if process.pid not in seen:
                        seen.add(process.pid)
                        yield side, process

    def _roots(self) -> Iterator[tuple[Side, psutil.Process]]:
        for side, started in self._started:
            if started.poll() is None:
                yield side, psutil.Process(started.pid)
        for pid in psutil.pids():
            with contextlib.suppress(OSError, psutil.Error):
                environment = Path(f"/proc/{pid}/environ").read_bytes()
                for side in SIDES:
                    if self._mark(side).encode() in environment:
                        yield side, psutil.Process(pid)
