"""The framing codec against what a Python program would compose: ratios in one run.

python -m bench.codec
"""

import os
import statistics
import struct
import time
from collections.abc import Callable

import cobs.cobs
import crc32c

from bench.table import Row
from guardpost.protocol.framing import Decoder, Encoder, Profile

__all__ = ["codec"]

_FRAME_BYTES = 256
_FRAMES = 256
_ROUNDS = 15
_CRC_STATE = 0xFFFFFFFF
_crc = struct.Struct("<I")


def _peer_encode(bodies: list[bytes]) -> bytes:
    return b"".join(
        cobs.cobs.encode(body + _crc.pack(crc32c.crc32c(body))) + b"\0" for body in bodies
    )


def _peer_decode(line: bytes) -> list[bytes]:
    out: list[bytes] = []
    for segment in line.split(b"\0")[:-1]:
        body = cobs.cobs.decode(segment)
        if _crc.unpack(body[-4:])[0] == crc32c.crc32c(body[:-4]):
            out.append(body[:-4])
    return out


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    for _ in range(20):
        work()
    return (time.perf_counter() - begun) / 20


def codec() -> list[Row]:
    bodies = [os.urandom(_FRAME_BYTES) for _ in range(_FRAMES)]
    encoder = Encoder(Profile.CLEAN, _CRC_STATE)
    decoder = Decoder(Profile.CLEAN, (_CRC_STATE,))
    line = encoder.encode_many(bodies)
    if line != _peer_encode(bodies):
        raise AssertionError("for one forbidden byte both must make the same bytes")
    work: dict[str, Callable[[], object]] = {
        "encode": lambda: encoder.encode_many(bodies),
        "peer encode": lambda: _peer_encode(bodies),
        "decode": lambda: decoder.feed(line),
        "peer decode": lambda: _peer_decode(line),
    }
    rounds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(_ROUNDS):
        for name, once in work.items():
            rounds[name].append(_seconds(once))
    size = _FRAME_BYTES * _FRAMES
    rows = []
    for name in ("encode", "decode"):
        ours = statistics.median(rounds[name])
        ratio = statistics.median(
            peer / own for peer, own in zip(rounds[f"peer {name}"], rounds[name], strict=True)
        )
        rows.append(
            Row(
                f"{name} + CRC, 256-byte frames, one bytes object each",
                f"{size / ours / 1e6:.0f} MB/s, {ratio:.1f} x `cobs` + `crc32c`",
                "",
                None,
                "python -m bench.codec",
            )
        )
    return rows


if __name__ == "__main__":
    from bench.table import markdown

    print(markdown(codec()))
