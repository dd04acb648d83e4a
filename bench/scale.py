"""One console machine that holds many lines: what its owner processes cost.

N simulated 115200 lines, each with an agent; all of those live in one process, which is not
counted (bench/hosts.py). Beside them run N real owners and, on the busy lines, real forwards.

python -m bench.scale [1] [20] [100]
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from support.rig import read_line

from bench.costs import cpu_seconds, memory
from bench.hosts import RATE_BYTES
from bench.table import Row, percentile
from bench.traffic import Traffic

IDLE_SECONDS = 20.0
BUSY_SECONDS = 10.0
_SETTLED_SECONDS = 5.0
_BUSY_MAX = 20
_BUSY_OF_MANY = 5  # where more lines than that are held
_STARTS_AT_ONCE = 3
_PERSIST_SECONDS = 900


@dataclass(frozen=True)
class Site:
    """The lines, what holds them, and where the commands find their keys and sockets."""

    lines: list[Path]
    owners: list[int]
    hosts: int
    environment: dict[str, str]


def _argv(*words: str) -> list[str]:
    return [sys.executable, "-m", "guardpost", *words]


@contextlib.contextmanager
def site(count: int) -> Iterator[Site]:
    """`count` lines, each with a live session and no channel."""
    with tempfile.TemporaryDirectory(prefix="gp-") as name:
        folder = Path(name)
        environment = dict(os.environ, XDG_RUNTIME_DIR=name, XDG_CONFIG_HOME=f"{name}/config")
        key = subprocess.run(
            _argv("key"), env=environment, capture_output=True, text=True, check=True
        ).stdout.strip()
        words = [sys.executable, "-m", "bench.hosts", str(count), name, key]
        with subprocess.Popen(words, stdout=subprocess.PIPE, env=environment) as hosts:
            try:
                assert hosts.stdout is not None
                assert hosts.stdout.readline() == b"ready\n"
                lines = [folder / f"line{number}" for number in range(count)]
                owners = _start_owners(lines, environment)
                try:
                    yield Site(lines, owners, hosts.pid, environment)
                finally:
                    _stop_owners(owners)
            finally:
                hosts.terminate()


def _start_owners(lines: list[Path], environment: dict[str, str]) -> list[int]:
    """Their pids, in the order of the lines."""

    def start(line: Path) -> None:
        words = ("exec", "--trust-new", "--persist", str(_PERSIST_SECONDS), str(line), "true")
        subprocess.run(_argv(*words), env=environment, stdin=subprocess.DEVNULL, check=True)

    with ThreadPoolExecutor(_STARTS_AT_ONCE) as pool:
        list(pool.map(start, lines))
    found: dict[str, int] = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().decode().split("\0")
            if "owner-process" in words:
                found[words[-2].removeprefix("serial:")] = int(process.name)
    return [found[os.path.realpath(line)] for line in lines]


def _stop_owners(owners: list[int]) -> None:
    for pid in owners:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def _cpu_percent(pids: list[int], seconds: float) -> list[float]:
    """Of one core, each process over the next `seconds`."""
    begun, before = time.monotonic(), [cpu_seconds(pid) for pid in pids]
    time.sleep(seconds)
    over = time.monotonic() - begun
    return [100 * (cpu_seconds(pid) - used) / over for pid, used in zip(pids, before, strict=True)]


@contextlib.contextmanager
def _forward(made: Site, line: Path, port: int) -> Iterator[int]:
    """The local port of a forward over `line`."""
    options = ("--trust-new", "--persist", str(_PERSIST_SECONDS))
    words = _argv("forward", *options, str(line), "-L", f"127.0.0.1:0:127.0.0.1:{port}")
    with subprocess.Popen(
        words,
        env=made.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield int(read_line(process).split(" to ")[0].rsplit(":", 1)[1])
        finally:
            process.terminate()


@dataclass(frozen=True)
class Busy:
    """Lines under bulk at the same time: per cent of a core for each owner, goodput of each."""

    owners: list[float]
    shares: list[float]
    hosts: float


def _busy(made: Site, count: int, *, up: bool) -> Busy:
    with contextlib.ExitStack() as stack:
        flows = [Traffic(up=up) for _ in range(count)]
        for line, flow in zip(made.lines, flows, strict=False):
            stack.enter_context(flow.start(stack.enter_context(_forward(made, line, flow.port))))
        time.sleep(_SETTLED_SECONDS)
        begun, before = time.monotonic(), [flow.received for flow in flows]
        *owners, hosts = _cpu_percent([*made.owners[:count], made.hosts], BUSY_SECONDS)
        carried = RATE_BYTES * (time.monotonic() - begun)
        shares = [
            100 * (flow.received - had) / carried for flow, had in zip(flows, before, strict=True)
        ]
    return Busy(owners, shares, hosts)


def measure(count: int) -> list[Row]:
    """`count` lines: idle, then as many as this machine can feed under bulk."""
    busy_count = count if count <= _BUSY_MAX else _BUSY_OF_MANY
    command = f"python -m bench.scale {count}"
    with site(count) as made:
        idle = _cpu_percent(made.owners, IDLE_SECONDS)
        held = [memory(pid) for pid in made.owners]
        flows = {up: _busy(made, busy_count, up=up) for up in (True, False)}
        after = sum(memory(pid).private for pid in made.owners[:busy_count]) / busy_count
    proportional = sum(each.proportional for each in held)
    private = sum(each.private for each in held) / count
    rows = [
        Row(
            f"{count} idle sessions: CPU of the owners",
            f"{sum(idle) / count:.3f} % of a core each, {sum(idle):.2f} % together",
            "<= 1 % each",
            max(idle) <= 1,
            command,
        ),
        Row(
            f"{count} idle sessions: memory of the owners",
            f"{proportional / 1e6 / count:.1f} MB each (PSS; private {private / 1e6:.1f} MB, "
            f"{after / 1e6:.1f} MB after bulk), {proportional / 1e6:.0f} MB together",
            "",
            None,
            command,
        ),
    ]
    for up, flow in flows.items():
        mean = sum(flow.owners) / busy_count
        rows.append(
            Row(
                f"{busy_count} of {count} lines under bulk {'to' if up else 'from'} their hosts: "
                "CPU of their owners",
                f"{mean:.2f} % of a core each: {100 / mean:.0f} lines a core; each at "
                f"{min(flow.shares):.0f} to {percentile(flow.shares, 1.0):.0f} % of its line "
                f"(the simulated hosts took {flow.hosts:.0f} %)",
                "<= 5 % each",
                mean <= 5,
                command,
            )
        )
    return rows


ROWS = {str(count): (lambda count=count: measure(count)) for count in (1, 20, 100)}


def main() -> None:
    from bench.table import markdown

    for name in sys.argv[1:] or ROWS:
        print(markdown(measure(int(name))), flush=True)


if __name__ == "__main__":
    main()
