"""What compression pays at 115200: text through `guardpost exec`, and what it costs on noise.

Real agent, owner and commands. Bytes of output are counted, from the end of the first record to
the last.

python -m bench.compression [text] [keystroke] [listing] [noise]
"""

import asyncio
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from support.rig import Rig, rig

from bench.ends import connected, echo, press, server
from bench.syslog import syslog
from bench.table import Row, percentile

LINE_BYTES_PER_SECOND = 11520
LOG_BYTES = 1_000_000
LISTINGS = 40
NOISE_BYTES = 100_000
_NOISE_RUNS = 3
_SETTLED_SECONDS = 3.0
_TYPING_SECONDS = 12.0
_DPKG_LOG = Path("/var/log/dpkg.log")
_WANTED = 5.0
_LUMP_SECONDS = 0.02  # what a record held comes in pieces as large as a pipe takes


def _rate(words: list[str], made: Rig) -> tuple[int, float]:
    """(size, bytes a second) of what a command prints."""
    with subprocess.Popen(words, env=made.environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        descriptor = process.stdout.fileno()
        first = size = len(os.read(descriptor, 1 << 20))
        begun = ended = time.monotonic()
        while data := os.read(descriptor, 1 << 20):
            ended = time.monotonic()
            size += len(data)
            if ended - begun < _LUMP_SECONDS:
                first = size
    if process.returncode:
        raise RuntimeError(f"{words} ended with {process.returncode}")
    return size, (size - first) / (ended - begun)


def _exec(made: Rig, *command: str) -> list[str]:
    return made.argv("exec", "--trust-new", made.here, "--", *command)


def _exec_plain(made: Rig, *command: str) -> list[str]:
    """The same command on a channel that is not compressed: exec has no such option."""
    return [sys.executable, "-m", "bench.compression", "plain", made.here, *command]


def _text_row(made: Rig, what: str, *command: str) -> Row:
    size, rate = _rate(_exec(made, *command), made)
    times = rate / LINE_BYTES_PER_SECOND
    return Row(
        f"{what} through exec at 115200",
        f"{times:.1f} x the line ({size / 1000:.0f} kB)",
        f">= {_WANTED:g} x",
        times >= _WANTED,
        "python -m bench.compression text",
    )


def text() -> list[Row]:
    rows = []
    with rig(baud=115200) as made:
        log = made.folder / "syslog"
        log.write_bytes(syslog(LOG_BYTES))
        rows.append(_text_row(made, "syslog (made: bench/syslog.py)", "cat", str(log)))
        if _DPKG_LOG.exists():
            rows.append(_text_row(made, "this machine's dpkg.log", "cat", str(_DPKG_LOG)))
        again = f"for i in $(seq {LISTINGS}); do ps auxww; done"
        rows.append(_text_row(made, f"ps auxww {LISTINGS} times", "sh", "-c", again))
    return rows


def listing() -> list[Row]:
    """One short output: compression must not make it wait."""
    seconds: dict[str, list[float]] = {"compressed": [], "plain": []}
    with rig(baud=115200) as made, made.forward("0:127.0.0.1:9"):  # which keeps the session
        for _ in range(3):
            for name, make in (("compressed", _exec), ("plain", _exec_plain)):
                begun = time.monotonic()
                words = make(made, "ps", "auxww")
                shown = subprocess.run(
                    words, env=made.environment, stdout=subprocess.PIPE, check=True
                ).stdout
                seconds[name].append(time.monotonic() - begun)
    compressed, plain = (statistics.median(each) for each in seconds.values())
    return [
        Row(
            f"one ps auxww ({len(shown) / 1000:.0f} kB) through exec at 115200, the whole command",
            f"{compressed:.2f} s; not compressed {plain:.2f} s",
            "",
            None,
            "python -m bench.compression listing",
        )
    ]


def noise() -> list[Row]:
    rates: dict[str, list[float]] = {"compressed": [], "plain": []}
    with rig(baud=115200) as made, made.forward("0:127.0.0.1:9"):
        file = made.folder / "noise"
        file.write_bytes(os.urandom(NOISE_BYTES))
        for _ in range(_NOISE_RUNS):
            rates["plain"].append(_rate(_exec_plain(made, "cat", str(file)), made)[1])
            rates["compressed"].append(_rate(_exec(made, "cat", str(file)), made)[1])
    compressed, plain = (statistics.mean(rates[name]) for name in ("compressed", "plain"))
    share = 100 * compressed / plain
    return [
        Row(
            "incompressible bytes on a compressed channel at 115200",
            f"{share:.1f} % of a plain channel's {100 * plain / LINE_BYTES_PER_SECOND:.1f} %",
            ">= 99 %",
            share >= 99,
            "python -m bench.compression noise",
        )
    ]


def keystroke() -> list[Row]:
    """Through a tunnel, while `cat` of a log fills the line on another channel."""
    figures: dict[str, tuple[float, float]] = {}
    with (
        rig(baud=115200) as made,
        server(echo) as port,
        made.forward(f"0:127.0.0.1:{port}") as (local,),
        connected(local) as tunnel,
    ):
        log = made.folder / "syslog"
        log.write_bytes(syslog(10 * LOG_BYTES))  # more than comes
        for name, make in (("compressed", _exec), ("plain", _exec_plain)):
            words = make(made, "cat", str(log))
            with subprocess.Popen(words, env=made.environment, stdout=subprocess.DEVNULL) as bulk:
                time.sleep(_SETTLED_SECONDS)
                times = press(tunnel, _TYPING_SECONDS)
                bulk.kill()
            figures[name] = percentile(times, 0.5), percentile(times, 0.95)
    (p50, p95), (plain_p50, plain_p95) = figures["compressed"], figures["plain"]
    return [
        Row(
            "keystroke in a tunnel while a log comes compressed at 115200, p50 / p95",
            f"{p50:.0f} / {p95:.0f} ms; not compressed {plain_p50:.0f} / {plain_p95:.0f} ms",
            "<= 50 / 80 ms",
            p50 <= 50 and p95 <= 80,
            "python -m bench.compression keystroke",
        )
    ]


ROWS = {"text": text, "keystroke": keystroke, "listing": listing, "noise": noise}


def _run_plain(target: str, *command: str) -> int:
    """What cmd_exec does, with compress=False."""
    from guardpost.cli import hosts, opening
    from guardpost.console import session
    from guardpost.console.line import ConnectOptions
    from guardpost.services import exec as service

    async def work() -> int:
        line = opening.line_of(hosts.resolve(target))
        options = ConnectOptions(trust_new=True)
        async with session.connect(line, options, opening.owner_command()) as opener:
            argv = [os.fsencode(word) for word in command]
            return await service.run(opener, argv, stdin=None, stdout=1, stderr=2, compress=False)

    return asyncio.run(work())


def main() -> None:
    from bench.table import markdown

    if sys.argv[1:2] == ["plain"]:
        raise SystemExit(_run_plain(*sys.argv[2:]))
    for name in sys.argv[1:] or ROWS:
        print(markdown(ROWS[name]()), flush=True)


if __name__ == "__main__":
    main()
