"""Goodput and keystrokes on a simulated 115200 line: real agent, owner and tunnels.

Application bytes are counted, first to last.

python -m bench.line bulk|keystroke|both|contact|loss|unlimited
"""

import asyncio
import contextlib
import os
import socket
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from support.rig import Rig, rig

from bench.table import Row, percentile

LINE_BYTES_PER_SECOND = 11520
BULK_BYTES = 300_000
_RUNS = 3


@contextlib.contextmanager
def _server(serve: object) -> Iterator[int]:
    """A TCP server on the loopback, a thread for each connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()


def _echo(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection, contextlib.suppress(OSError):
        while data := connection.recv(65536):
            connection.sendall(data)


def _source(connection: socket.socket) -> None:
    with connection, contextlib.suppress(OSError):
        connection.sendall(os.urandom(BULK_BYTES))


class _Sink:
    """Counts what arrives; `seconds` from the first byte to the last."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.size = 0
        self.begun = self.ended = 0.0

    def __call__(self, connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(65536):
                self.ended = time.monotonic()
                if not self.size:
                    self.begun = self.ended
                self.size += len(data)
        self.done.set()

    @property
    def share(self) -> float:
        """Of the line, in per cent."""
        return 100 * self.size / (self.ended - self.begun) / LINE_BYTES_PER_SECOND


def _send(port: int, data: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(data)


def _receive(port: int, into: _Sink) -> None:
    into(socket.create_connection(("127.0.0.1", port)))


def _upload(made: Rig, size: int = BULK_BYTES) -> _Sink:
    """Console to host, alone."""
    sink = _Sink()
    with _server(sink) as port, made.forward(f"0:127.0.0.1:{port}") as (local,):
        _send(local, os.urandom(size))
        sink.done.wait()
    return sink


def _keystrokes(local: int, until: threading.Event) -> list[float]:
    """Round trips of one byte through a tunnel, in ms, five a second."""
    times: list[float] = []
    with socket.create_connection(("127.0.0.1", local)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while not until.is_set():
            begun = time.monotonic()
            connection.sendall(b"k")
            connection.recv(1)
            times.append(1000 * (time.monotonic() - begun))
            until.wait(0.2)
    return times


def bulk() -> list[Row]:
    with rig(baud=115200) as made:
        shares = [_upload(made).share for _ in range(_RUNS)]
        memory = _resident_bytes(made)
    share = statistics.median(shares)
    spread = f"{min(shares):.1f} to {max(shares):.1f}"
    return [
        Row(
            "incompressible bulk at 115200, sealed, through -L",
            f"{share:.1f} % of the line ({spread})",
            ">= 95.5 %",
            share >= 95.5,
            "python -m bench.line bulk",
        ),
        Row(
            "agent RSS while serving",
            f"{memory / 1e6:.1f} MB",
            "<= 30 MB",
            memory <= 30e6,
            "python -m bench.line bulk",
        ),
    ]


def _resident_bytes(made: Rig) -> int:
    import psutil

    assert made.agent_process is not None
    return psutil.Process(made.agent_process.pid).memory_info().rss


def keystroke() -> list[Row]:
    sink = _Sink()
    with (
        rig(baud=115200) as made,
        _server(sink) as sink_port,
        _server(_echo) as echo_port,
        made.forward(f"0:127.0.0.1:{sink_port}", f"0:127.0.0.1:{echo_port}") as (to_sink, to_echo),
    ):
        idle_over = threading.Event()
        threading.Timer(4, idle_over.set).start()
        idle = _keystrokes(to_echo, idle_over)
        sender = threading.Thread(target=_send, args=(to_sink, os.urandom(BULK_BYTES)))
        sender.start()
        busy = _keystrokes(to_echo, sink.done)[2:]
        sender.join()
    p50, p95 = percentile(busy, 0.5), percentile(busy, 0.95)
    command = "python -m bench.line keystroke"
    return [
        Row(
            "keystroke on an idle line, p50 / p95",
            f"{percentile(idle, 0.5):.0f} / {percentile(idle, 0.95):.0f} ms",
            "",
            None,
            command,
        ),
        Row(
            "keystroke under bulk at 115200, p50 / p95, and the bulk's goodput",
            f"{p50:.0f} / {p95:.0f} ms at {sink.share:.1f} %",
            "<= 50 / 80 ms at >= 90 %",
            p50 <= 50 and p95 <= 80 and sink.share >= 90,
            command,
        ),
    ]


def both() -> list[Row]:
    up, down = _Sink(), _Sink()
    with (
        rig(baud=115200) as made,
        _server(up) as up_port,
        _server(_source) as source_port,
        made.forward(f"0:127.0.0.1:{up_port}", f"0:127.0.0.1:{source_port}") as (to_up, to_source),
    ):
        threads = [
            threading.Thread(target=_send, args=(to_up, os.urandom(BULK_BYTES))),
            threading.Thread(target=_receive, args=(to_source, down)),
        ]
        for thread in threads:
            thread.start()
        up.done.wait()
        down.done.wait()
    return [
        Row(
            "bulk both ways at once at 115200",
            f"{up.share:.1f} % up, {down.share:.1f} % down",
            ">= 92 % each",
            min(up.share, down.share) >= 92,
            "python -m bench.line both",
        )
    ]


def loss() -> list[Row]:
    """Bytes that vanish, each with the same probability, both ways."""
    rows = []
    for probability, wanted, size in (("1e-4", 86, BULK_BYTES), ("1e-3", 50, BULK_BYTES // 2)):
        with rig("--loss", probability, baud=115200) as made:
            share = _upload(made, size).share
        rows.append(
            Row(
                f"bulk with {probability} of the bytes lost at 115200",
                f"{share:.1f} % of the line, intact",
                f">= {wanted} %",
                share >= wanted,
                "python -m bench.line loss",
            )
        )
    return rows


def unlimited() -> list[Row]:
    """Two ptys and no baud rate: what the processors give."""
    size = 60_000_000
    with rig(baud="unlimited") as made:
        sink = _upload(made, size)
    return [
        Row(
            "unlimited pty, one -L tunnel, sealed",
            f"{size / (sink.ended - sink.begun) / 1e6:.1f} MB/s",
            "",
            None,
            "python -m bench.line unlimited",
        )
    ]


def contact() -> list[Row]:
    """From the end of listening to a usable session, in this process."""
    with rig(baud=115200) as made:
        key = made.folder / "config" / "guardpost" / "identity.key"
        seconds = [asyncio.run(_contact(made.here, key)) for _ in range(5)]
    median = statistics.median(seconds)
    return [
        Row(
            "hello to usable session at 115200, after the listening time",
            f"{median:.3f} s",
            "<= 0.3 s",
            median <= 0.3,
            "python -m bench.line contact",
        )
    ]


async def _contact(here: str, key: Path) -> float:
    from guardpost.aio.driver import Driver
    from guardpost.errors import GoAwayCode
    from guardpost.identity import load_or_make
    from guardpost.protocol import events
    from guardpost.protocol.console_connection import ConsoleConnection
    from guardpost.protocol.framing import Profile
    from guardpost.protocol.limits import LISTEN_SECONDS
    from guardpost.transports import open_url

    stream = await open_url(here)
    live = asyncio.Event()
    connection = ConsoleConnection(
        static_private=load_or_make(key, os.urandom).private,
        message_3_payload=b"\x80",
        random_bytes=os.urandom,
    )

    def on_event(event: events.Event) -> None:
        if isinstance(event, events.AgentKeyOffered):
            connection.accept_agent(driver.now())
            driver.wake()
        elif isinstance(event, events.SessionEstablished):
            live.set()

    driver = Driver(connection, on_event)
    running = asyncio.ensure_future(driver.run(stream))
    begun = time.monotonic()
    connection.begin(driver.now(), (Profile.CLEAN,))
    driver.wake()
    await live.wait()
    seconds = time.monotonic() - begun - LISTEN_SECONDS
    connection.close(GoAwayCode.DONE, "", driver.now())
    driver.wake()
    await driver.flush(1.0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    driver.stop()
    await stream.close()
    return seconds


ROWS = {
    "bulk": bulk,
    "keystroke": keystroke,
    "both": both,
    "contact": contact,
    "loss": loss,
    "unlimited": unlimited,
}


def main() -> None:
    from bench.table import markdown

    for name in sys.argv[1:] or ROWS:
        print(markdown(ROWS[name]()), flush=True)


if __name__ == "__main__":
    main()
