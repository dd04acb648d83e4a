"""The simulated line keeps its word in real time: never faster than 115200 baud, hardly slower.

Everybody who measures guardpost over this line relies on it.
"""

import os
import select
import signal
import threading
import time
from dataclasses import dataclass

from support.ptyline import Control, pty_line

RATE = 11520
COUNT = 2 * RATE


@dataclass
class Read:
    """So many bytes came after `earliest`, when there were none, and before `latest`."""

    earliest: float
    latest: float
    count: int


def write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def carry(a: str, b: str, data: bytes) -> tuple[float, list[Read]]:
    """Send `data` from a to b: the seconds from the first write to the last byte, and the reads."""
    sender = os.open(a, os.O_RDWR | os.O_NOCTTY)
    receiver = os.open(b, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    writer = threading.Thread(target=write_all, args=(sender, data))
    start = empty_at = time.monotonic()
    writer.start()
    reads: list[Read] = []
    arrived = b""
    while len(arrived) < len(data):
        asked = time.monotonic()
        try:
            piece = os.read(receiver, 65536)
        except BlockingIOError:
            empty_at = asked
            assert select.select([receiver], [], [], 10)[0], "the line stands still"
            continue
        arrived += piece
        reads.append(Read(empty_at, time.monotonic(), len(piece)))
    writer.join()
    os.close(sender)
    os.close(receiver)
    assert arrived == data
    return reads[-1].latest - start, reads


def most_in_100_ms(reads: list[Read]) -> int:
    """The most bytes that are certain to have come within 100 ms."""
    most = first = total = 0
    for read in reads:
        total += read.count
        while read.latest - reads[first].earliest > 0.1:
            total -= reads[first].count
            first += 1
        most = max(most, total)
    return most


def test_raw_bytes_come_at_the_line_rate() -> None:
    slowest_allowed = COUNT / RATE * 1.005
    with pty_line() as (a, b, _):
        for _attempt in range(5):
            seconds, reads = carry(a, b, os.urandom(COUNT))
            assert seconds >= COUNT / RATE * 0.9999, "faster than the line"
            assert most_in_100_ms(reads) <= 1152 + 16
            if seconds <= slowest_allowed:
                return
    raise AssertionError(f"five times slower than the line, lastly {seconds:.3f} s")


def hold_up_now_and_then(line: Control) -> None:
    for _ in range(5):
        time.sleep(0.1)
        os.kill(line.pid, signal.SIGSTOP)
        time.sleep(0.05)
        os.kill(line.pid, signal.SIGCONT)


def test_a_line_that_was_not_woken_does_not_make_up_for_it_in_a_burst() -> None:
    with pty_line() as (a, b, control):
        disturber = threading.Thread(target=hold_up_now_and_then, args=(control,))
        disturber.start()
        seconds, reads = carry(a, b, os.urandom(RATE))
        disturber.join()
    assert seconds >= 0.9999
    assert most_in_100_ms(reads) <= 1152 + 16


def test_an_end_that_is_not_read_does_not_hold_up_the_other_direction() -> None:
    with pty_line(baud=921600) as (a, b, _):
        idle = os.open(b, os.O_RDWR | os.O_NOCTTY)
        write_all(idle, bytes(20_000))
        seconds, _ = carry(a, b, os.urandom(50_000))
        os.close(idle)
    assert seconds < 2


def test_a_mute_line_carries_nothing_meanwhile() -> None:
    with pty_line() as (a, b, control):
        carry(a, b, b"before")
        control("mute 0.5")
        sender = os.open(a, os.O_RDWR | os.O_NOCTTY)
        write_all(sender, bytes(100))
        while control.stats()["ab"]["muted"] < 100:
            pass
        os.close(sender)
        control("mute 0")
        carry(a, b, b"after")
