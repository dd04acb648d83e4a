"""Noise of every kind, by the megabyte: what the agent keeps of it, and what it does after it.

64 MB in `make test`, 1 GB in `make test-all`: a line at 115200 takes a day for that.
"""

import zlib
from random import Random
from typing import Final

import pytest
from support.hostile import HostileConsole

from guardpost.protocol import events
from guardpost.protocol.connection import Connection
from guardpost.protocol.framing import Encoder, Profile
from guardpost.protocol.messages import Accept, Ack, Data, Open, Ping

CHUNK_BYTES: Final = 65536
MEGABYTES: Final = 64
A_DAY_MEGABYTES: Final = 1024

# What the process may have more afterwards: the allocator is ragged, but no more for more noise.
FLAT_BYTES: Final = 8 << 20


def resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def some_noise(random: Random) -> bytes:
    """One chunk of one kind, or of several."""
    kind = random.randrange(9)
    size = random.choice((100, 3000, CHUNK_BYTES))
    match kind:
        case 0:
            return random.randbytes(size)
        case 1:
            line = b"[%12.6f] usb 1-1: new device number %d\r\n"
            return b"".join(line % (random.random() * 1e4, n) for n in range(size // 40))
        case 2:  # frames of another session
            encoder = Encoder(Profile.CLEAN, random.getrandbits(32))
            return b"\0".join(encoder.encode(random.randbytes(512)) for _ in range(size // 512))
        case 3:  # and halves of such
            frame = Encoder(Profile.CLEAN, random.getrandbits(32)).encode(random.randbytes(2000))
            return b"".join(frame[: random.randrange(len(frame))] + b"\0" for _ in range(20))
        case 4:
            return b"\0" * size
        case 5:  # somebody's hello, whole and cut
            hello = HostileConsole(seed=random.randrange(1000)).hello
            return b"".join(hello[: random.randrange(len(hello) + 1)] for _ in range(20))
        case 6:
            return b"\x1b[2J\x1b]0;title\x07\x1b[6n\xff\xfe" * (size // 20)
        case 7:
            return b"\xff\xfb\x01\x11\x13" * (size // 5)
        case _:
            return zlib.compress(random.randbytes(size)) + b"{A" + b"QUJD" * (size // 4)


def swallow(connection: Connection, noise: bytes, now: float) -> int:
    """Returns how much the agent says to it."""
    connection.receive_data(noise, now)
    while connection.next_event() is not None:
        pass
    connection.handle_timeout(now)
    while connection.next_event() is not None:
        pass
    return sum(map(len, connection.data_to_send(now)))


def weather(megabytes: int) -> None:
    """A session, noise for so long with a sign of life in between, and the session works."""
    peer = HostileConsole()
    peer.enter()
    peer.send(Open(0, "test", 0))
    assert peer.heard(Accept)
    random = Random(20261125)
    said = fed = 0
    before = 0
    turns = 0
    while fed < megabytes << 20:
        noise = some_noise(random)
        fed += len(noise)
        turns += 1
        peer.now += 0.02
        said += swallow(peer.victim.connection, noise, peer.now)
        if turns % 200 == 0:
            # What stands before a frame is ended by a delimiter, as everywhere.
            peer.raw(b"\0")
            peer.said.clear()
            peer.send(Ping())
            peer.wait(0.1)
            assert peer.heard(Ack), f"no session after {fed} bytes"
            peer.victim.events.clear()
            peer.said.clear()
        if fed >> 20 >= megabytes // 4 and not before:
            before = resident_bytes()
    assert resident_bytes() - before < FLAT_BYTES
    # A hello of a stranger may be answered; nothing else is.
    assert said < fed / 100
    peer.raw(b"\0")
    peer.send(Data(0, 0, b"hello world"))
    peer.wait(1.0)
    assert bytes(peer.victim.received[0]).endswith(b"hello world")
    assert not peer.victim.of(events.SessionEnded)


def test_64_megabytes_of_noise_leave_the_session_and_the_memory_alone() -> None:
    weather(MEGABYTES)


@pytest.mark.slow
def test_a_day_of_noise_as_well() -> None:
    weather(A_DAY_MEGABYTES)
