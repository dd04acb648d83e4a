"""The framing codec against what a Python program would compose: ratios in one run.

python -m bench.codec

All work on the same 64 KiB, in 256-byte payloads behind 8-byte headers, and each round does all of
it once, in another order; a ratio is the median of the ratios of the rounds.
"""

import os
import random
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.codec_peers import PEERS
from bench.table import Row
from guardpost.protocol import codec_paths
from guardpost.protocol.framing import Decoder, Encoder, Profile

__all__ = ["Work", "codec", "works"]

_BYTES = 65536
_PAYLOAD_BYTES = 256
_LONG_PAYLOAD_BYTES = 4096
_FRAMES = _BYTES // _PAYLOAD_BYTES
_HEADER, _COUNTER_AT = b"\x01\x02\x00\x00\x05\x06\x07\x08", 2
_CRC_STATE = 0xFFFFFFFF
_ROUNDS = 21
_ROUND_SECONDS = 0.004  # of each work: long against a timer, short against the machine's moods
_COMMAND = "python -m bench.codec"


@dataclass(frozen=True)
class Work:
    """One thing to measure: `run` handles so many bytes of payload in so many frames."""

    run: Callable[[], object]
    payload: int
    frames: int
    path: str


def _half_zeros(rng: random.Random, n: int) -> bytes:
    return bytes(rng.choice((0, rng.randrange(1, 256))) for _ in range(n))


def _segmented(data: bytes, longest: int) -> list[bytes]:
    """The bodies of the frames that `data` becomes: a numbered header and a piece each."""
    front, back = _HEADER[:_COUNTER_AT], _HEADER[_COUNTER_AT + 2 :]
    step = min(_PAYLOAD_BYTES, longest - len(_HEADER))
    return [
        front + (at // step).to_bytes(2, "little") + back + data[at : at + step]
        for at in range(0, len(data), step)
    ]


def _our_works(path: str, random_data: bytes, half_zeros: bytes) -> dict[str, Work]:
    encoder, decoder = Encoder(Profile.CLEAN, _CRC_STATE), Decoder(Profile.CLEAN, (_CRC_STATE,))
    bodies = _segmented(random_data, _BYTES)

    def cut(data: bytes, size: int) -> Callable[[], bytes]:
        return lambda: encoder.encode_segments(_HEADER, _COUNTER_AT, data, size)

    line = cut(random_data, _PAYLOAD_BYTES)()
    dense = cut(half_zeros, _PAYLOAD_BYTES)()
    dense_long = cut(half_zeros, _LONG_PAYLOAD_BYTES)()

    def joined(line: bytes) -> Callable[[], object]:
        return lambda: decoder.feed_runs(line, len(_HEADER), _COUNTER_AT)

    runs: dict[str, Callable[[], object]] = {
        "encode segments": cut(random_data, _PAYLOAD_BYTES),
        "encode a list": lambda: encoder.encode_many(bodies),
        "encode each": lambda: [encoder.encode(body) for body in bodies],
        "decode objects": lambda: decoder.feed(line),
        "decode runs": joined(line),
        "encode half zeros": cut(half_zeros, _PAYLOAD_BYTES),
        "decode half zeros": joined(dense),
        "encode half zeros, long": cut(half_zeros, _LONG_PAYLOAD_BYTES),
        "decode half zeros, long": joined(dense_long),
    }
    return {f"{path} {name}": Work(run, _BYTES, _FRAMES, path) for name, run in runs.items()}


def _peer_works(path: str, random_data: bytes) -> dict[str, Work]:
    found: dict[str, Work] = {}
    for name, peer in PEERS.items():
        data = random_data[: _BYTES // 32 if peer.slow else _BYTES]
        bodies = _segmented(data, peer.longest)
        line = peer.encode(bodies)
        if peer.decode(line) != bodies:
            raise AssertionError(f"{name} must give back what it was given")

        def segments(peer=peer, data=data) -> bytes:
            return peer.encode(_segmented(data, peer.longest))

        for what, run in {
            "encode segments": segments,
            "encode": lambda peer=peer, bodies=bodies: peer.encode(bodies),
            "decode": lambda peer=peer, line=line: peer.decode(line),
        }.items():
            found[f"{name} {what}"] = Work(run, len(data), len(bodies), path)
    return found


def works() -> dict[str, Work]:
    """Everything that is measured, by name; all of it on every path of this machine."""
    rng = random.Random(os.urandom(8))
    random_data, half_zeros = rng.randbytes(_BYTES), _half_zeros(rng, _BYTES)
    best = codec_paths.path()
    found: dict[str, Work] = {}
    for path in codec_paths.paths():
        found |= _our_works(path, random_data, half_zeros)
    return found | _peer_works(best, random_data)


def _seconds(work: Work, repeats: int) -> float:
    """A frame."""
    codec_paths.use_path(work.path)
    begun = time.perf_counter()
    for _ in range(repeats):
        work.run()
    return (time.perf_counter() - begun) / repeats / work.frames


class _Measured:
    """The seconds a frame of every work in every round."""

    def __init__(self, found: Mapping[str, Work]) -> None:
        best = codec_paths.path()
        self._works = found
        once = {name: max(_seconds(work, 1), 1e-9) * work.frames for name, work in found.items()}
        repeats = {name: max(1, round(_ROUND_SECONDS / took)) for name, took in once.items()}
        self._rounds: dict[str, list[float]] = {name: [] for name in found}
        for _ in range(_ROUNDS):
            for name in random.sample(list(found), len(found)):
                self._rounds[name].append(_seconds(found[name], repeats[name]))
        codec_paths.use_path(best)

    def nanoseconds(self, name: str) -> float:
        """A frame."""
        return statistics.median(self._rounds[name]) * 1e9

    def megabytes(self, name: str) -> float:
        """Of payload, a second."""
        work = self._works[name]
        return work.payload / work.frames / statistics.median(self._rounds[name]) / 1e6

    def ratio(self, name: str, peer: str) -> float:
        """How many times the payload of the peer in the same time."""
        ours, theirs = self._works[name], self._works[peer]
        each = (ours.payload / ours.frames) / (theirs.payload / theirs.frames)
        pairs = zip(self._rounds[name], self._rounds[peer], strict=True)
        return statistics.median(each * their / our for our, their in pairs)


def _against(measured: _Measured, name: str, kind: str) -> tuple[str, dict[str, float]]:
    """The figure in words, and the ratio to each peer."""
    ratios = {peer: measured.ratio(name, f"{peer} {kind}") for peer in PEERS}
    words = ", ".join(f"{ratio:.1f} x {peer}" for peer, ratio in ratios.items())
    size = f"{measured.megabytes(name):.0f} MB/s ({measured.nanoseconds(name):.0f} ns a frame)"
    return f"{size}: {words}", ratios


# What is measured on the best path, in words; against what of a peer; what to reach, and with whom.
_ROWS = [
    ("encode segments", "segmenting + CRC", "encode segments", 9.0, "`cobs` + `fastcrc`"),
    ("encode a list", "encode + CRC, a list of bodies", "encode", 0.0, ""),
    ("encode each", "encode + CRC, a call and an object each", "encode", 1.7, "`cobs` + `fastcrc`"),
    ("decode objects", "decode + CRC, an object each", "decode", 2.5, "`corncobs` + `crc32c`"),
    ("decode runs", "decode + CRC, runs joined", "decode", 8.0, "`corncobs` + `crc32c`"),
]


def codec() -> list[Row]:
    measured = _Measured(works())
    best, rows = codec_paths.path(), []
    for name, words, kind, least, whom in _ROWS:
        figure, ratios = _against(measured, f"{best} {name}", kind)
        wanted = f">= {least:g} x {whom}" if whom else ""
        reached = ratios[whom] >= least if whom else None
        rows.append(Row(f"{words}, 256-byte frames", figure, wanted, reached, _COMMAND))
    for name in ("encode half zeros", "decode half zeros"):
        for long, size in (("", _PAYLOAD_BYTES), (", long", _LONG_PAYLOAD_BYTES)):
            speed = measured.megabytes(f"{best} {name}{long}")
            what = f"{name} at random places, {size}-byte frames"
            rows.append(Row(what, f"{speed:.0f} MB/s", ">= 900 MB/s", speed >= 900, _COMMAND))
    for path in codec_paths.paths():
        for name, words, kind, _, _ in _ROWS:
            figure, ratios = _against(measured, f"{path} {name}", kind)
            least = min(ratios.values())
            wanted = path == "portable" and name in ("encode segments", "decode objects")
            rows.append(
                Row(
                    f"{path}: {words}",
                    f"{measured.megabytes(f'{path} {name}'):.0f} MB/s, {least:.1f} x the best peer",
                    ">= 1.5 x" if wanted else "",
                    least >= 1.5 if wanted else None,
                    _COMMAND,
                )
            )
    return rows


if __name__ == "__main__":
    from bench.table import markdown

    print(markdown(codec()))
