"""The static executable beside what PyInstaller makes of the same agent (Linux).

Both are built first, which takes minutes where that was never done. What is measured is
interleaved, so that a busy machine is as unfair to the one as to the other.

python -m bench.frozen [size|start|serving|idle]
"""

import contextlib
import functools
import lzma
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from support import frozen
from support.rig import Rig, rig

from bench.costs import memory as memory_of
from bench.table import Row

__all__ = ["ROWS"]

_ROUNDS = 25
_IDLE_SECONDS = 60.0
_SETTLE_SECONDS = 6.0
_MEGABYTE = 1e6

STATIC, ONEFILE = "static", "PyInstaller"


@functools.cache
def _executables() -> dict[str, Path]:
    return {
        STATIC: frozen.executable("agent"),
        ONEFILE: frozen.executable("onefile"),
    }


def size() -> list[Row]:
    data = {name: path.read_bytes() for name, path in _executables().items()}
    sizes = {name: len(each) / _MEGABYTE for name, each in data.items()}
    packed = {name: len(lzma.compress(each, preset=9)) / _MEGABYTE for name, each in data.items()}
    return [
        _row("size of the agent's executable", sizes, "MB", 9.5, "size"),
        _row("the same within xz, as in an initramfs", packed, "MB", 3.0, "size"),
    ]


def start() -> list[Row]:
    times: dict[str, list[float]] = {name: [] for name in _executables()}
    for _ in range(_ROUNDS):
        for name, path in _executables().items():
            begun = time.perf_counter()
            subprocess.run([path, "--version"], stdout=subprocess.DEVNULL, check=True)
            times[name].append(1000 * (time.perf_counter() - begun))
    found = {name: statistics.median(each) for name, each in times.items()}
    return [_row("guardpost-agent --version, warm", found, "ms", 20.0, "start")]


def serving() -> list[Row]:
    """A session, commands, and a tunnel that is open."""
    found = {}
    for name, made in _rigs():
        for _ in range(3):
            made.console("exec", "--persist", "1000", "true")
        with made.forward("0:127.0.0.1:9"):
            time.sleep(_SETTLE_SECONDS)
            found[name] = sum(memory_of(pid).resident for pid in _processes(made)) / _MEGABYTE
    return [_row("RSS of an agent that serves", found, "MB", 20.0, "serving")]


def idle() -> list[Row]:
    """How often anything of an agent without a session runs."""
    found = {}
    for name, made in _rigs():
        time.sleep(_SETTLE_SECONDS)
        before = sum(_switches(pid) for pid in _processes(made))
        time.sleep(_IDLE_SECONDS)
        woken = sum(_switches(pid) for pid in _processes(made)) - before
        found[name] = 60 * woken / _IDLE_SECONDS
    return [_row("wake-ups of an idle agent in a minute", found, "", 12.0, "idle")]


def _rigs() -> Iterator[tuple[str, Rig]]:
    for name, path in _executables().items():
        with rig(agent=None) as made:
            made.agent_words = [str(path)]
            made.start_agent()
            yield name, made


def _processes(made: Rig) -> list[int]:
    """The agent's, and those that it started: PyInstaller's first process waits for another."""
    assert made.agent_process is not None
    found = [made.agent_process.pid]
    for pid in found:
        with contextlib.suppress(FileNotFoundError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def _switches(pid: int) -> int:
    """How often its threads have waited for something, and then ran."""
    counted = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        lines = (task / "status").read_text().splitlines()
        counted += sum(int(each.split()[1]) for each in lines if each.startswith("voluntary"))
    return counted


def _row(what: str, found: dict[str, float], unit: str, limit: float, part: str) -> Row:
    digits = 2 if unit == "MB" else 0
    figures = "; ".join(f"{name} {each:.{digits}f} {unit}".rstrip() for name, each in found.items())
    wanted = f"<= {limit:g} {unit}".rstrip()
    return Row(what, figures, wanted, found[STATIC] <= limit, f"python -m bench.frozen {part}")


ROWS: dict[str, Callable[[], list[Row]]] = {
    "size": size,
    "start": start,
    "serving": serving,
    "idle": idle,
}


if __name__ == "__main__":
    from bench.table import markdown

    chosen = sys.argv[1:] or [*ROWS]
    print(markdown([row for part in chosen for row in ROWS[part]()]))
