"""guardpost through a BMC: ipmi: and OpenIPMI's simulator, whose UART is a simulated line.

The raw bytes of the same rig, in the same run, are what the session is measured against.

python -m bench.counterparts goodput|keystroke|return
"""

import asyncio
import contextlib
import os
import sys
import time
import tty
from collections.abc import Iterator

from support import bmc
from support.rig import Rig, rig

from bench.ends import Sink, connected, echo, press, send, server
from bench.table import Row, percentile
from bench.transfer import Transfer
from guardpost.aio.stream import ByteStream
from guardpost.transports import open_target
from guardpost.transports.target import parse_target

__all__ = ["ROWS"]

BAUD = 115200
RAW_BYTES = 100_000
BULK_BYTES = 200_000
PIECE_BYTES = 512
AWAY_SECONDS = 8.0
DOWN = "host to console"
UP = "console to host"


@contextlib.contextmanager
def _behind_a_bmc(
    *, baud: int | str = BAUD, agent: bool = True
) -> Iterator[tuple[Rig, bmc.SimulatedBmc]]:
    found: list[bmc.SimulatedBmc] = []

    @contextlib.contextmanager
    def through(device: str) -> Iterator[str]:
        with bmc.simulated_bmc(device) as simulated:
            found.append(simulated)
            yield simulated.target

    os.environ["GUARDPOST_PASSWORD"] = bmc.PASSWORD
    with rig(baud=baud, through=through, agent=() if agent else None) as made:
        yield made, found[0]


def goodput() -> list[Row]:
    rows = []
    for baud in (BAUD, "unlimited"):
        with _behind_a_bmc(baud=baud, agent=False) as (made, _):
            raw_up, raw_down = asyncio.run(_raw(made))
            made.start_agent()
            up, down = _upload(made), _download(made)
        for way, raw, sealed in ((UP, raw_up, up), (DOWN, raw_down, down)):
            share = 100 * sealed / raw
            rows.append(
                Row(
                    f"bulk through ipmi: and ipmi_sim, UART {baud}, {way}",
                    f"{sealed / 1000:.1f} of {raw / 1000:.1f} kB/s raw: {share:.1f} %",
                    ">= 90 % of raw",
                    share >= 90,
                    "python -m bench.counterparts goodput",
                )
            )
    return rows


async def _raw(made: Rig) -> tuple[float, float]:
    """Bytes a second to the host and from it, with no guardpost but the transport."""

    async def password() -> str:
        return bmc.PASSWORD

    host = os.open(made.there, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    tty.setraw(host)
    line = await open_target(parse_target(made.here), password)
    try:
        data = os.urandom(RAW_BYTES)
        begun = time.monotonic()
        await asyncio.gather(_write(line, data), asyncio.to_thread(_read_all, host, data))
        there = time.monotonic()
        await asyncio.gather(_expect(line, data), asyncio.to_thread(_write_all, host, data))
        return RAW_BYTES / (there - begun), RAW_BYTES / (time.monotonic() - there)
    finally:
        await line.close()
        os.close(host)


async def _write(line: ByteStream, data: bytes) -> None:
    for at in range(0, len(data), PIECE_BYTES):
        await line.write(data[at : at + PIECE_BYTES])


async def _expect(line: ByteStream, data: bytes) -> None:
    came = b""
    while len(came) < len(data):
        came += await line.read()
    if came != data:
        raise AssertionError("the raw bytes are not intact")


def _read_all(host: int, data: bytes) -> None:
    came = b""
    while len(came) < len(data):
        try:
            came += os.read(host, 65536)
        except BlockingIOError:
            time.sleep(0.002)
    if came != data:
        raise AssertionError("the raw bytes are not intact")


def _write_all(host: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        try:
            left = left[os.write(host, left) :]
        except BlockingIOError:
            time.sleep(0.002)


def _upload(made: Rig) -> float:
    sink = Sink()
    with server(sink) as port, made.forward(f"0:127.0.0.1:{port}") as (local,):
        sink.transfer = Transfer(os.urandom(BULK_BYTES))
        send(connected(local), sink.transfer.data)
        return _rate(sink.transfer)


def _download(made: Rig) -> float:
    transfer = Transfer(os.urandom(BULK_BYTES))
    sink = Sink()
    sink.transfer = transfer
    with (
        server(lambda connection: send(connection, transfer.data)) as port,
        made.forward(f"0:127.0.0.1:{port}") as (local,),
    ):
        sink(connected(local))
        return _rate(transfer)


def _rate(transfer: Transfer) -> float:
    outcome = transfer.wait(seconds=120, patience=30)
    if not outcome.intact:
        raise AssertionError(f"not intact: {outcome}")
    return outcome.bytes_per_second


def keystroke() -> list[Row]:
    sink = Sink()
    with (
        _behind_a_bmc() as (made, _),
        server(sink) as sink_port,
        server(echo) as echo_port,
        made.forward(f"0:127.0.0.1:{sink_port}", f"0:127.0.0.1:{echo_port}") as (to_sink, to_echo),
        connected(to_echo) as key,
    ):
        idle = press(key, 3)
        sink.transfer = Transfer(os.urandom(BULK_BYTES))
        send(connected(to_sink), sink.transfer.data)
        sink.transfer.wait_first(10)
        press(key, 1)
        busy = press(key, 12)
        _rate(sink.transfer)
    return [
        Row(
            "keystroke through ipmi: and ipmi_sim, UART 115200, p50 / p95 idle, under bulk",
            f"{percentile(idle, 0.5):.0f} / {percentile(idle, 0.95):.0f} ms, "
            f"{percentile(busy, 0.5):.0f} / {percentile(busy, 0.95):.0f} ms",
            "",
            None,
            "python -m bench.counterparts keystroke",
        )
    ]


def line_returns() -> list[Row]:
    """From "line is back" to the first byte that goes there and back."""
    with (
        _behind_a_bmc() as (made, simulated),
        server(echo) as port,
        made.forward(f"0:127.0.0.1:{port}") as (local,),
        connected(local) as key,
    ):
        press(key, 3)
        simulated.deactivate()
        ended = time.monotonic()
        press(key, 0)
        deactivated = time.monotonic() - ended
        press(key, 3)
        simulated.stop()
        time.sleep(AWAY_SECONDS)
        simulated.start()
        back = time.monotonic()
        press(key, 0)
        restarted = time.monotonic() - back
    return [
        Row(f"through ipmi_sim: {what}", f"{seconds:.2f} s", "<= 3 s", seconds <= 3, command)
        for command in ["python -m bench.counterparts return"]
        for what, seconds in (
            ("SOL deactivated by another; until the session works", deactivated),
            (f"BMC away for {AWAY_SECONDS:.0f} s; from its start until it works", restarted),
        )
    ]


ROWS = {"goodput": goodput, "keystroke": keystroke, "return": line_returns}


def main() -> None:
    from bench.table import markdown

    for name in sys.argv[1:] or ROWS:
        print(markdown(ROWS[name]()), flush=True)


if __name__ == "__main__":
    main()
