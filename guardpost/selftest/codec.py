"""The codec, on every path that this processor has: frames as they must be, and found again."""

import hashlib
from collections.abc import Iterator
from functools import partial
from typing import Final

from guardpost.protocol import codec_paths
from guardpost.protocol.framing import Decoder, Encoder, Profile, crc32c
from guardpost.selftest.check import Check

__all__ = ["CRC_STATE", "DIGESTS", "bodies", "checks"]

CRC_STATE: Final = 0x01234567

# BLAKE2s of the frames of all bodies(), one behind the other, as native/framing.h describes them.
DIGESTS: Final = {
    Profile.CLEAN: "70ef5b0b6a09f87ea3215f9b38f584ef85ec260b97eaaecdf2b7a0a94a45e186",
    Profile.XONXOFF: "57f9bbe085c6f963c376867a9a7654f0ae09facf22f81c6b957d7e32492572fb",
    Profile.CONSOLE: "fdbef141adeab656e3a3cd0ee02928cfeb99ae8f1633108143b4108bd7f0bdfb",
    Profile.PRINTABLE: "16e22241a21f7de01759f6afaca2f732f8d85311c47537e35cfac6800476db62",
}

_SIZES: Final = (1, 2, 10, 11, 12, 82, 83, 84, 253, 254, 255, 256, 509, 600, 1024, 4000, 16000)
_HEADER: Final = b"\x10\x00\x00"
_SEGMENT: Final = 512


def bodies() -> Iterator[bytes]:
    """What the loops find hard: any bytes, zeros, and blocks without any that fill up."""
    for size in _SIZES:
        yield bytes(size)
        yield b"a" * size
        blocks = [hashlib.blake2s(bytes((size & 255, n & 255))).digest() for n in range(size // 32)]
        yield (b"".join(blocks) + bytes(range(256)))[:size]
    for value in range(256):
        yield b"\x00\x11" + bytes((value,)) * 3 + b"\xff}"


def checks() -> list[Check]:
    """One for each path."""
    return [Check(f"codec {path}", partial(_check, path)) for path in codec_paths.paths()]


def _check(path: str) -> str:
    before = codec_paths.path()
    codec_paths.use_path(path)
    try:
        if crc32c(b"123456789") != 0xE3069283:  # RFC 3720, appendix B.4, as CRC catalogues have it
            raise ValueError("CRC-32C is wrong")
        for profile in Profile:
            _check_profile(profile)
    finally:
        codec_paths.use_path(before)
    return f"{len(Profile)} profiles"


def _check_profile(profile: Profile) -> None:
    encoder, decoder = Encoder(profile, CRC_STATE), Decoder(profile, (CRC_STATE,))
    frames = [encoder.encode(body) for body in bodies()]
    line = b"".join(frames)
    if hashlib.blake2s(line).hexdigest() != DIGESTS[profile]:
        raise ValueError(f"{profile.name.lower()}: the frames are not as they must be")
    if encoder.encode_many([*bodies()]) != line:
        raise ValueError(f"{profile.name.lower()}: many frames differ from one by one")
    found = [item for at in range(0, len(line), 997) for item in decoder.feed(line[at : at + 997])]
    if found != [(0, body) for body in bodies()]:
        raise ValueError(f"{profile.name.lower()}: the frames are not found again")
    damaged = bytearray(frames[-1])
    damaged[1] ^= 1
    if any(which >= 0 for which, _ in decoder.feed(bytes(damaged))):
        raise ValueError(f"{profile.name.lower()}: damage is not seen")
    _check_segments(profile)


def _check_segments(profile: Profile) -> None:
    data = b"".join(bodies())[: 40 * _SEGMENT]
    line = Encoder(profile, CRC_STATE).encode_segments(_HEADER, 1, data, _SEGMENT)
    runs = Decoder(profile, (CRC_STATE,)).feed_runs(line, len(_HEADER), 1)
    if b"".join(run.payload for run in runs) != data or any(run.which for run in runs):
        raise ValueError(f"{profile.name.lower()}: segments are not put together again")
