"""Fuzzing guided by coverage, of Python code, in Python: an input that reaches a new line is kept
and changed further. An interpreter's own line events are the coverage (sys.settrace), so that it
runs wherever the tests do."""

import hashlib
import sys
from collections.abc import Callable, Sequence
from random import Random
from types import FrameType
from typing import Any

from support.tools import ROOT

__all__ = ["REGRESSIONS", "fuzz", "regressions"]

REGRESSIONS = ROOT / "tests/fuzz/regressions"

_PACKAGE = str(ROOT / "guardpost")
_LARGEST_BYTES = 4096
_NUMBERS = (b"\0", b"\x7f", b"\x80", b"\xff", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xdd", b"\xc1")


def regressions(name: str) -> list[bytes]:
    """Inputs that broke decoder `name` once."""
    return [path.read_bytes() for path in sorted((REGRESSIONS / name).glob("*.bin"))]


def fuzz(
    name: str, target: Callable[[bytes], object], seeds: Sequence[bytes], rounds: int, seed: int = 1
) -> int:
    """Run `target` on `rounds` inputs grown from `seeds`; returns how many lines were reached.

    `target` raises only for a defect: its input is kept among the regressions, and this raises.
    """
    random = Random(seed)
    corpus: list[bytes] = []
    seen: set[tuple[str, int]] = set()
    for data in [*regressions(name), *seeds, b""]:
        _grow(name, target, data, corpus, seen)
    for _ in range(rounds):
        _grow(name, target, _changed(random, corpus), corpus, seen)
    return len(seen)


def _grow(
    name: str,
    target: Callable[[bytes], object],
    data: bytes,
    corpus: list[bytes],
    seen: set[tuple[str, int]],
) -> None:
    reached = _lines(name, target, data)
    if not reached <= seen or not corpus:
        seen |= reached
        corpus.append(data)


def _lines(name: str, target: Callable[[bytes], object], data: bytes) -> set[tuple[str, int]]:
    lines: set[tuple[str, int]] = set()

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        file = frame.f_code.co_filename
        if not file.startswith(_PACKAGE):
            return None
        if event == "line":
            lines.add((file, frame.f_lineno))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        target(data)
    except BaseException as error:
        sys.settrace(before)
        path = REGRESSIONS / name / f"{hashlib.sha256(data).hexdigest()[:16]}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        raise AssertionError(f"{name} broke on {data!r}, kept in {path.name}: {error!r}") from error
    finally:
        sys.settrace(before)
    return lines


def _changed(random: Random, corpus: Sequence[bytes]) -> bytes:
    data = bytearray(random.choice(corpus))
    for _ in range(random.randrange(1, 5)):
        at = random.randrange(len(data) + 1)
        match random.randrange(7):
            case 0 if data:
                data[at % len(data)] ^= 1 << random.randrange(8)
            case 1 if data:
                data[at % len(data)] = random.randrange(256)
            case 2:
                data[at:at] = random.randbytes(random.randrange(1, 9))
            case 3:
                del data[at : at + random.randrange(1, 9)]
            case 4:
                data[at : at + 4] = random.choice(_NUMBERS)
            case 5:
                other = random.choice(corpus)
                data[at:] = other[random.randrange(len(other) + 1) :]
            case _:
                del data[at:]
    return bytes(data[:_LARGEST_BYTES])
