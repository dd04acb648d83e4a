"""guardpost alone on a simulated line: real agent, owner and tunnels.

Application bytes are counted, first to last, and compared.

python -m bench.line bulk|keystroke|both|contact|loss|frames|mute|far
"""

import asyncio
import os
import socket
import statistics
import sys
import threading
import time
from pathlib import Path

import psutil
from support.rig import Rig, rig

from bench.ends import Sink, connected, echo, press, send, server
from bench.table import Row, percentile
from bench.transfer import Outcome, Transfer

LINE_BYTES_PER_SECOND = 11520
BULK_BYTES = 300_000
_RUNS = 3

FAR_BAUD = 4_000_000
FAR_BYTES = 6_000_000

MUTE_SECONDS = 6.0


def _upload(made: Rig, size: int = BULK_BYTES) -> Outcome:
    """Console to host, alone. Raises AssertionError when it does not arrive intact."""
    sink = Sink()
    with server(sink) as port, made.forward(f"0:127.0.0.1:{port}") as (local,):
        sink.transfer = Transfer(os.urandom(size))
        send(connected(local), sink.transfer.data)
        return _intact(sink.transfer)


def _intact(transfer: Transfer) -> Outcome:
    outcome = transfer.wait(seconds=600, patience=60)
    if not outcome.intact:
        raise AssertionError(f"not intact: {outcome}")
    return outcome


def _share(outcome: Outcome, line: float = LINE_BYTES_PER_SECOND) -> float:
    """Of the line, in per cent."""
    return 100 * outcome.bytes_per_second / line


def bulk() -> list[Row]:
    with rig(baud=115200) as made:
        shares = [_share(_upload(made)) for _ in range(_RUNS)]
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
            "<= 28 MB",
            memory <= 28e6,
            "python -m bench.line bulk",
        ),
    ]


def _resident_bytes(made: Rig) -> int:
    assert made.agent_process is not None
    size: int = psutil.Process(made.agent_process.pid).memory_info().rss
    return size


def keystroke() -> list[Row]:
    sink = Sink()
    with (
        rig(baud=115200) as made,
        server(sink) as sink_port,
        server(echo) as echo_port,
        made.forward(f"0:127.0.0.1:{sink_port}", f"0:127.0.0.1:{echo_port}") as (to_sink, to_echo),
        connected(to_echo) as key,
    ):
        press(key, 0.5)
        idle = press(key, 4)
        sink.transfer = Transfer(os.urandom(BULK_BYTES))
        send(connected(to_sink), sink.transfer.data)
        sink.transfer.wait_first(10)
        press(key, 1)
        busy = press(key, 20)
        share = _share(_intact(sink.transfer))
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
            f"{p50:.0f} / {p95:.0f} ms at {share:.1f} %",
            "<= 50 / 80 ms at >= 90 %",
            p50 <= 50 and p95 <= 80 and share >= 90,
            command,
        ),
    ]


def both() -> list[Row]:
    up, down = Sink(), Sink()
    upward, downward = (Transfer(os.urandom(BULK_BYTES)) for _ in range(2))
    up.transfer, down.transfer = upward, downward

    def source(connection: socket.socket) -> None:
        send(connection, downward.data)

    with (
        rig(baud=115200) as made,
        server(up) as up_port,
        server(source) as source_port,
        made.forward(f"0:127.0.0.1:{up_port}", f"0:127.0.0.1:{source_port}") as (to_up, to_source),
    ):
        send(connected(to_up), upward.data)
        threading.Thread(target=down, args=(connected(to_source),), daemon=True).start()
        shares = [_share(_intact(each)) for each in (upward, downward)]
    return [
        Row(
            "bulk both ways at once at 115200",
            f"{shares[0]:.1f} % up, {shares[1]:.1f} % down",
            ">= 92 % each",
            min(shares) >= 92,
            "python -m bench.line both",
        )
    ]


def loss() -> list[Row]:
    """Bytes that vanish, each with the same probability, both ways."""
    rows = []
    for probability, wanted, size in (("1e-4", 86, BULK_BYTES), ("1e-3", 50, BULK_BYTES // 2)):
        with rig("--loss", probability, baud=115200) as made:
            share = _share(_upload(made, size))
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


def frames() -> list[Row]:
    """Frames that vanish whole, beside a line that loses none."""
    shares = []
    for options in ((), ("--frame-loss", "0.01")):
        with rig(*options, baud=115200) as made:
            shares.append(_share(_upload(made)))
    clean, share = shares
    return [
        Row(
            "bulk with 1 % of the frames lost at 115200",
            f"{share:.1f} % of the line: {100 * share / clean:.0f} % of a clean one",
            ">= 90 % of clean",
            share >= 0.9 * clean,
            "python -m bench.line frames",
        )
    ]


def mute() -> list[Row]:
    """The line says nothing for a while, in the middle of bulk."""
    sink = Sink()
    with (
        rig(baud=115200) as made,
        server(sink) as port,
        made.forward(f"0:127.0.0.1:{port}") as (local,),
    ):
        sink.transfer = Transfer(os.urandom(60_000))
        send(connected(local), sink.transfer.data)
        sink.transfer.wait_first(10)
        time.sleep(1.5)
        made.control(f"mute {MUTE_SECONDS:.0f}")
        back = time.monotonic() + MUTE_SECONDS
        again = sink.transfer.wait_after(back, 60)
        _intact(sink.transfer)
    assert again is not None
    return [
        Row(
            f"a line that is silent for {MUTE_SECONDS:.0f} s under bulk: goes on after its return",
            f"in {again - back:.2f} s, intact",
            "<= 1 s",
            again - back <= 1,
            "python -m bench.line mute",
        )
    ]


def far() -> list[Row]:
    """A fast line, a long way off."""
    with rig("--delay", "0.1", baud=FAR_BAUD) as made:
        share = _share(_upload(made, FAR_BYTES), FAR_BAUD / 10)
    return [
        Row(
            "bulk at 4 Mbit/s and 200 ms there and back",
            f"{share:.1f} % of the line",
            ">= 93 %",
            share >= 93,
            "python -m bench.line far",
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
    "frames": frames,
    "mute": mute,
    "far": far,
}


def main() -> None:
    from bench.table import markdown

    for name in sys.argv[1:] or ROWS:
        print(markdown(ROWS[name]()), flush=True)


if __name__ == "__main__":
    main()
