"""What a session costs the processors: agent, owner and command, each as a share of one core.

Real processes on a simulated line; the line's own process is not counted.

python -m bench.cpu [idle] [line] [fast] [text]
"""

import os
import socket
import sys
import threading
import time
from typing import IO

from support.rig import Rig, rig

from bench.costs import cpu_seconds, pids
from bench.syslog import syslog
from bench.table import Row
from bench.traffic import Traffic

IDLE_SECONDS = 20.0
BUSY_SECONDS = 12.0
_SETTLED_SECONDS = 4.0  # by then the rate is known and the frames have their size


def _shares(made: Rig, seconds: float) -> dict[str, float]:
    """Per cent of a core of each process, over the next `seconds`."""
    found = pids(made)
    before = {name: cpu_seconds(pid) for name, pid in found.items()}
    begun = time.monotonic()
    time.sleep(seconds)
    over = time.monotonic() - begun
    return {name: 100 * (cpu_seconds(pid) - before[name]) / over for name, pid in found.items()}


def _in_words(shares: dict[str, float]) -> str:
    each = ", ".join(f"{name} {share:.2f} %" for name, share in shares.items())
    return f"{each}; together {sum(shares.values()):.2f} %"


def _row(what: str, shares: dict[str, float], limit: float, extra: str, name: str) -> Row:
    """`limit` is what each process may use."""
    return Row(
        what,
        _in_words(shares) + extra,
        f"<= {limit:g} % each",
        max(shares.values()) <= limit,
        f"python -m bench.cpu {name}",
    )


def idle() -> list[Row]:
    """With a channel open: without one, nothing at all goes over the line."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    with (
        listener,
        rig(baud=115200) as made,
        made.forward(f"0:127.0.0.1:{port}") as (local,),
        socket.create_connection(("127.0.0.1", local)),
        listener.accept()[0],
    ):
        time.sleep(_SETTLED_SECONDS)
        shares = _shares(made, IDLE_SECONDS)
    return [_row("CPU of an idle session with a tunnel open", shares, 1.0, "", "idle")]


def _busy(made: Rig, *, up: bool, baud: int) -> tuple[dict[str, float], str]:
    traffic = Traffic(up=up)
    with made.forward(f"0:127.0.0.1:{traffic.port}") as (local,), traffic.start(local):
        time.sleep(_SETTLED_SECONDS)
        before, begun = traffic.received, time.monotonic()
        shares = _shares(made, BUSY_SECONDS)
        rate = (traffic.received - before) / (time.monotonic() - begun)
    return shares, f" (at {100 * rate / (baud / 10):.0f} % of the line)"


def _under_bulk(name: str, words: str, baud: int, limit: float) -> list[Row]:
    rows = []
    with rig(baud=baud) as made:
        for up in (True, False):
            shares, extra = _busy(made, up=up, baud=baud)
            what = f"CPU under bulk {'to' if up else 'from'} the host at {words}"
            rows.append(_row(what, shares, limit, extra, name))
    return rows


def line() -> list[Row]:
    return _under_bulk("line", "115200", 115200, 5.0)


def fast() -> list[Row]:
    return _under_bulk("fast", "4 Mbit/s", 4_000_000, 15.0)


def text() -> list[Row]:
    """What deflating costs, on the line that lets it do most."""
    baud = 4_000_000
    received = 0

    def swallow(output: IO[bytes]) -> None:
        nonlocal received
        while data := os.read(output.fileno(), 1 << 20):
            received += len(data)

    with rig(baud=baud) as made:
        log = made.folder / "syslog"
        log.write_bytes(syslog(1_000_000))
        with made.background(
            *("exec", "--trust-new", made.here, "sh", "-c", f"while cat {log}; do :; done")
        ) as command:
            assert command.stdout is not None
            threading.Thread(target=swallow, args=(command.stdout,), daemon=True).start()
            time.sleep(_SETTLED_SECONDS)
            before, begun = received, time.monotonic()
            shares = _shares(made, BUSY_SECONDS)
            rate = (received - before) / (time.monotonic() - begun)
    extra = f" (at {rate / (baud / 10):.1f} x the line)"
    return [_row("CPU while a log comes compressed at 4 Mbit/s", shares, 15.0, extra, "text")]


ROWS = {"idle": idle, "line": line, "fast": fast, "text": text}


def main() -> None:
    from bench.table import markdown

    for name in sys.argv[1:] or ROWS:
        print(markdown(ROWS[name]()), flush=True)


if __name__ == "__main__":
    main()
