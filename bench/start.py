"""How soon a command begins and ends, and what its processes hold in memory (Linux).

Commands run from an ordinary installation beside this one: an editable one adds a finder of
setuptools' to every start. Each measurement is interleaved with its floor.

python -m bench.start [version|join|day|memory|channels]
"""

import contextlib
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from support.rig import Rig, rig
from support.tools import ROOT

from bench.costs import memory as memory_of
from bench.costs import pids
from bench.table import Row

__all__ = ["ROWS", "start"]

_ROUNDS = 15
_DELAY_SECONDS = 0.05
_MEGABYTE = 1e6
_JOINS = 300
_CHANNELS = 500
_PROGRAMS = 50
_MOVED_BYTES = 100_000
_SETTLE_SECONDS = 1.0

# What pip writes for `guardpost = "guardpost.cli.main:entry"`.
_SCRIPT = """#!{python}
import re
import sys
from guardpost.cli.main import entry
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])
    sys.exit(entry())
"""


@contextlib.contextmanager
def _installed() -> Iterator[Path]:
    """The `bin` of an environment that has guardpost as an ordinary installation has it."""
    with tempfile.TemporaryDirectory(prefix="gp-") as folder:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        packages = next(Path(folder, "lib").glob("python3*/site-packages"))
        paths = [str(ROOT), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
        (packages / "guardpost.pth").write_text("\n".join(paths) + "\n")
        script = Path(folder, "bin", "guardpost")
        script.write_text(_SCRIPT.format(python=Path(folder, "bin", "python")))
        script.chmod(0o755)
        yield script.parent


def _milliseconds(argv: list[str], environment: dict[str, str]) -> float:
    begun = time.perf_counter()
    subprocess.run(
        argv, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True
    )
    return 1000 * (time.perf_counter() - begun)


def _interleaved(argvs: dict[str, list[str]], environment: dict[str, str]) -> dict[str, float]:
    """The median of each, in milliseconds."""
    times: dict[str, list[float]] = {name: [] for name in argvs}
    for _ in range(_ROUNDS):
        for name, argv in argvs.items():
            times[name].append(_milliseconds(argv, environment))
    return {name: statistics.median(found) for name, found in times.items()}


def version() -> list[Row]:
    with _installed() as folder:
        guardpost, python = str(folder / "guardpost"), str(folder / "python")
        found = _interleaved(
            {
                "python": [python, "-c", "pass"],
                "version": [guardpost, "--version"],
                "help": [guardpost, "help"],
            },
            dict(os.environ),
        )
    return [
        Row(
            f"guardpost {word}",
            f"{found[name]:.0f} ms; python -c pass {found['python']:.0f} ms",
            "",
            None,
            "python -m bench.start version",
        )
        for word, name in (("--version", "version"), ("help", "help"))
    ]


def join() -> list[Row]:
    """Whole commands on a line without delay; what a delay adds is the time on the line."""
    with (
        _installed() as folder,
        rig(baud=115200) as near,
        rig("--delay", str(_DELAY_SECONDS), baud=115200) as far,
    ):
        guardpost, python = str(folder / "guardpost"), str(folder / "python")
        argvs = {
            "python": [python, "-c", "pass"],
            "asyncio": [python, "-c", "import asyncio"],
        }
        for name, made in (("near", near), ("far", far)):
            made.console("exec", "--persist", "1000", "true")
            argvs[f"exec {name}"] = _in(made, [guardpost, "exec", made.here, "true"])
        argvs["ps"] = _in(near, [guardpost, "ps", near.here])
        found = _interleaved(argvs, dict(os.environ))
    floor = f"python -c pass {found['python']:.0f} ms, with asyncio {found['asyncio']:.0f} ms"
    line = found["exec far"] - found["exec near"]
    limit = 1000 * 4 * _DELAY_SECONDS + 20
    command = "python -m bench.start join"
    return [
        Row(
            "exec true with an owner there, the whole command at 115200",
            f"{found['exec near']:.0f} ms; {floor}",
            "<= 150 ms",
            found["exec near"] <= 150,
            command,
        ),
        Row(
            "what a round trip of 100 ms adds to it",
            f"{line:.0f} ms",
            "<= 2 round trips + 20 ms",
            line <= limit,
            command,
        ),
        Row("ps with an owner there", f"{found['ps']:.0f} ms", "", None, command),
    ]


def _in(made: Rig, argv: list[str]) -> list[str]:
    names = ("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME")
    return ["env", *(f"{name}={made.environment[name]}" for name in names), *argv]


def day() -> list[Row]:
    """As many commands as a busy day has: neither time nor memory may grow."""
    with _installed() as folder, rig(baud=921600) as made:
        made.console("exec", "--persist", "1000", "true")
        argv = [str(folder / "guardpost"), "exec", made.here, "true"]
        times = [_milliseconds(argv, made.environment) for _ in range(30)]
        before = _residents(_agent_and_owner(made))
        times += [_milliseconds(argv, made.environment) for _ in range(_JOINS)]
        after = _residents(_agent_and_owner(made))
    early, late = statistics.median(times[:30]), statistics.median(times[-30:])
    grown = {name: after[name] - before[name] for name in after}
    return [
        Row(
            f"after {_JOINS} joined commands: their time, what agent and owner have grown by",
            f"{early:.0f} -> {late:.0f} ms, "
            + ", ".join(f"{name} {size / 1000:.0f} kB" for name, size in grown.items()),
            "flat: <= 20 % and 300 kB",
            late <= 1.2 * early and max(grown.values()) <= 300_000,
            "python -m bench.start day",
        )
    ]


def _agent_and_owner(made: Rig) -> dict[str, int]:
    """Their pids, between two commands."""
    said = json.loads(made.run("owner", made.here, "check", "--json").stdout)
    assert made.agent_process is not None
    return {"agent": made.agent_process.pid, "owner": int(said["owner"]["pid"])}


def _residents(processes: dict[str, int]) -> dict[str, int]:
    """Resident bytes, once what was going on has settled."""
    time.sleep(_SETTLE_SECONDS)
    return {name: memory_of(pid).resident for name, pid in processes.items()}


def memory() -> list[Row]:
    """After commands and a tunnel that has carried something; and after ps and info as well."""
    with rig(baud=921600) as made, _far_end() as far:
        for _ in range(3):
            made.console("exec", "--persist", "1000", "true")
        with made.forward(f"0:127.0.0.1:{far.port}") as (local,):
            far.pair(local, _MOVED_BYTES)
            serving = _residents(_agent_and_owner(made))
            for command in ("ps", "info"):
                made.console(command)
            later = _residents(_agent_and_owner(made))
    figures = {name: f"{serving[name] / _MEGABYTE:.1f} MB" for name in serving}
    return [
        Row(
            "agent RSS serving a session, commands and a tunnel",
            f"{figures['agent']}; after ps and info {later['agent'] / _MEGABYTE:.1f} MB",
            "<= 28 MB",
            later["agent"] <= 28 * _MEGABYTE,
            "python -m bench.start memory",
        ),
        Row("owner RSS meanwhile", figures["owner"], "", None, "python -m bench.start memory"),
    ]


class _FarEnd:
    """Where tunnels lead to: it keeps what connects."""

    def __init__(self, listener: socket.socket) -> None:
        self.port = listener.getsockname()[1]
        self.pairs: list[tuple[socket.socket, socket.socket]] = []
        self._listener = listener

    def pair(self, local: int, size: int = 0) -> None:
        """One more tunnel, through which `size` bytes have gone each way."""
        near = socket.create_connection(("127.0.0.1", local))
        far, _ = self._listener.accept()
        self.pairs.append((near, far))
        if size:
            ways = ((near, far), (far, near))
            threads = [
                *(threading.Thread(target=one.sendall, args=(bytes(size),)) for one, _ in ways),
                *(threading.Thread(target=_swallow, args=(other, size)) for _, other in ways),
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()


def _swallow(sock: socket.socket, size: int) -> None:
    while size > 0:
        size -= len(sock.recv(65536))


@contextlib.contextmanager
def _far_end() -> Iterator[_FarEnd]:
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        made = _FarEnd(listener)
        try:
            yield made
        finally:
            for pair in made.pairs:
                for each in pair:
                    each.close()


def channels() -> list[Row]:
    """Idle tunnels: fresh ones, and such as have carried 100 kB each way; and idle programs."""
    return [
        _tunnels("that never carried anything", 0),
        _tunnels("after 100 kB each way", _MOVED_BYTES),
        _programs(),
    ]


def _tunnels(what: str, size: int) -> Row:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    with (
        rig(baud="unlimited") as made,
        _far_end() as far,
        made.forward(f"0:127.0.0.1:{far.port}") as (local,),
    ):
        processes = pids(made)
        for _ in range(20):
            far.pair(local, size)
        before = _residents(processes)
        for _ in range(_CHANNELS):
            far.pair(local, size)
        after = _residents(processes)
    return _row_of_channels(f"an idle tunnel {what}", before, after, _CHANNELS)


def _programs() -> Row:
    """`exec` of something that has said a word and now waits for input."""
    with rig(baud="unlimited") as made, contextlib.ExitStack() as running:
        made.console("exec", "--persist", "1000", "true")
        processes = _agent_and_owner(made)

        def begin(count: int) -> None:
            for _ in range(count):
                command = made.background("exec", made.here, "sh", "-c", "echo; exec sleep 1000")
                process = running.enter_context(command)
                assert process.stdout is not None
                process.stdout.readline()

        begin(5)
        before = _residents(processes)
        begin(_PROGRAMS)
        after = _residents(processes)
    return _row_of_channels("an idle program's channel", before, after, _PROGRAMS)


def _row_of_channels(what: str, before: dict[str, int], after: dict[str, int], count: int) -> Row:
    each = {name: (after[name] - before[name]) / count / 1000 for name in after}
    return Row(
        f"memory of {what}",
        ", ".join(f"{name} {size:.1f} kB" for name, size in each.items()),
        "<= 30 kB",
        max(each.values()) <= 30,
        "python -m bench.start channels",
    )


ROWS: dict[str, Callable[[], list[Row]]] = {
    "version": version,
    "join": join,
    "day": day,
    "memory": memory,
    "channels": channels,
}


def start() -> list[Row]:
    """All of them."""
    return [row for measure in ROWS.values() for row in measure()]


if __name__ == "__main__":
    from bench.table import markdown

    print(markdown([row for name in sys.argv[1:] or ROWS for row in ROWS[name]()]))
