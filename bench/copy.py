"""Files copied over a line at 115200: guardpost and its peers, in turns, a fresh line for each.

The whole command counts, from its start to its end; what it copied is compared.

python -m bench.copy [put|get|keystroke]
"""

import contextlib
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.copiers import COPIERS, Copier, Session
from bench.ends import press
from bench.peers.peer import Place
from bench.peers.visit import place_on_a_line
from bench.syslog import syslog
from bench.table import Row, percentile

__all__ = ["CASES", "ROWS", "Case", "Copied", "copied"]

LINE_BYTES_PER_SECOND = 11520
BULK_BYTES = 1_000_000
SAME_BYTES = 100_000_000
OLD_BYTES = 10_000_000
RUN_BYTES = 10_000


@dataclass(frozen=True)
class Copied:
    """`up` and `down` are bytes on the line from the console and to it."""

    size: int
    seconds: float
    up: int
    down: int

    @property
    def rate(self) -> float:
        """Of the file's bytes, as a share of the line's."""
        return self.size / self.seconds / LINE_BYTES_PER_SECOND

    @property
    def share(self) -> float:
        """What crossed the line, both ways, of the file's size."""
        return (self.up + self.down) / self.size


@dataclass(frozen=True)
class Case:
    """`make` gives the new version, and what stands there before it."""

    what: str
    make: Callable[[], tuple[bytes, bytes | None]]
    figure: Callable[[Copied], str]
    wanted: str
    is_reached: Callable[[Copied], bool]
    shrink: bool = False


def _random() -> tuple[bytes, None]:
    return os.urandom(BULK_BYTES), None


def _logs() -> tuple[bytes, None]:
    return syslog(BULK_BYTES), None


def _same() -> tuple[bytes, bytes]:
    contents = random.Random(1).randbytes(SAME_BYTES)
    return contents, contents


def _runs() -> tuple[bytes, bytes]:
    """10 runs overwritten, at places that are no multiple of anything."""
    chance = random.Random(2)
    old = chance.randbytes(OLD_BYTES)
    new = bytearray(old)
    for part in range(10):
        at = part * OLD_BYTES // 10 + chance.randrange(OLD_BYTES // 10 - RUN_BYTES)
        new[at : at + RUN_BYTES] = chance.randbytes(RUN_BYTES)
    return bytes(new), old


def _shifted() -> tuple[bytes, bytes]:
    """5 runs inserted and 5 taken out, by turns."""
    chance = random.Random(3)
    old = chance.randbytes(OLD_BYTES)
    new = bytearray()
    for part in range(10):
        piece = old[part * OLD_BYTES // 10 : (part + 1) * OLD_BYTES // 10]
        at = chance.randrange(len(piece) - RUN_BYTES)
        inserted, skipped = (chance.randbytes(RUN_BYTES), 0) if part % 2 else (b"", RUN_BYTES)
        new += piece[:at] + inserted + piece[at + skipped :]
    return bytes(new), old


def _as_rate(found: Copied) -> str:
    return f"{100 * found.rate:.1f} % of the line"


def _as_factor(found: Copied) -> str:
    return f"{found.rate:.1f} x the line"


def _as_time(found: Copied) -> str:
    on_the_line = max(found.up, found.down) / LINE_BYTES_PER_SECOND
    return f"{found.seconds:.1f} s, of line {on_the_line:.2f} s"


def _as_share(found: Copied) -> str:
    return f"{100 * found.share:.2f} % of its bytes in {found.seconds:.0f} s"


def _is_small(found: Copied) -> bool:
    return found.share <= 0.03


CASES = {
    "random": Case(
        "1 MB of random bytes", _random, _as_rate, ">= 95 % of the line", lambda c: c.rate >= 0.95
    ),
    "logs": Case("1 MB of logs", _logs, _as_factor, ">= 5 x", lambda c: c.rate >= 5, shrink=True),
    "same": Case("100 MB that are there", _same, _as_time, "<= 3 s", lambda c: c.seconds <= 3),
    "runs": Case(
        "10 MB of which 10 x 10 kB were overwritten", _runs, _as_share, "<= 3 %", _is_small
    ),
    "shifted": Case(
        "10 MB with 5 x 10 kB inserted and 5 x 10 kB taken out",
        _shifted,
        _as_share,
        "<= 3 %",
        _is_small,
    ),
}


def copied(
    copier: Copier, contents: tuple[bytes, bytes | None], *, put: bool, shrink: bool, baud: int
) -> Copied:
    """One copy on a fresh line. Raises AssertionError when it fails, or is not what it was."""
    with place_on_a_line(baud=baud) as place, copier.open(place, shrink) as session:
        return _copy(place, session, *contents, put=put)


def _copy(place: Place, session: Session, new: bytes, old: bytes | None, *, put: bool) -> Copied:
    source, to = _files(place.folder, new, old)
    assert place.control is not None
    before, begun = place.control.stats(), time.monotonic()
    session.copy(source, to, put)
    seconds, after = time.monotonic() - begun, place.control.stats()
    assert to.read_bytes() == new, "it is not what was copied"
    up, down = (after[way]["sent"] - before[way]["sent"] for way in ("ab", "ba"))
    return Copied(len(new), seconds, up, down)


def _files(folder: Path, new: bytes, old: bytes | None) -> tuple[Path, Path]:
    source, to = folder / "source" / "file", folder / "to" / "file"
    for each in (source, to):
        each.parent.mkdir(exist_ok=True)
    source.write_bytes(new)
    if old is not None:
        to.write_bytes(old)
        os.utime(to, (1e9, 1e9))  # that times differ is what makes them look
    return source, to


def _row(name: str, *, put: bool, rounds: int = 1) -> Row:
    case, verb = CASES[name], "put" if put else "get"
    contents = case.make()
    able = [each for each in COPIERS if not (each.sends_all and contents[1] is not None)]
    found: dict[str, list[Copied]] = {each.name: [] for each in able}
    said = {each.name: f"needs {' '.join(each.missing())}" for each in able if each.missing()}
    for _ in range(rounds):
        for copier in random.sample(able, len(able)):
            if copier.name in said:
                continue
            print(f"{verb} {name}: {copier.name}", file=sys.stderr, flush=True)
            try:
                found[copier.name].append(
                    copied(copier, contents, put=put, shrink=case.shrink, baud=115200)
                )
            except (OSError, AssertionError) as error:
                said[copier.name] = f"fails: {error}"
    figures = [f"{each.name} {_figure(case, each, found, said)}" for each in able]
    if len(able) < len(COPIERS):
        seconds = len(contents[0]) / LINE_BYTES_PER_SECOND
        rest = " and ".join(each.name for each in COPIERS if each.sends_all)
        figures.append(f"{rest} not run: they send it all, {seconds:.0f} s of line")
    ours = _middle(found["guardpost"])
    reached = ours is not None and case.is_reached(ours)
    command = f"python -m bench.copy {verb} {name}"
    return Row(f"{verb} of {case.what}", "; ".join(figures), case.wanted, reached, command)


def _figure(
    case: Case, copier: Copier, found: dict[str, list[Copied]], said: dict[str, str]
) -> str:
    middle = _middle(found[copier.name])
    return said.get(copier.name, "") if middle is None else case.figure(middle)


def _middle(found: list[Copied]) -> Copied | None:
    """The one whose time is the median."""
    if not found:
        return None
    wanted = median(each.seconds for each in found)
    return min(found, key=lambda each: abs(each.seconds - wanted))


def put(*names: str) -> list[Row]:
    return [_row(name, put=True) for name in names or CASES]


def get(*names: str) -> list[Row]:
    return [_row(name, put=False) for name in names or CASES]


def keystroke() -> list[Row]:
    """An echo through the same session, while 1 MB of random bytes is put."""
    figures, reached = [], None
    for copier in COPIERS:
        if copier.name == "sz" or copier.missing():
            continue
        print(f"keystroke: {copier.name}", file=sys.stderr, flush=True)
        busy = _keys_meanwhile(copier)
        p50, p95 = percentile(busy, 0.5), percentile(busy, 0.95)
        figures.append(f"{copier.name} {p50:.0f} / {p95:.0f} ms")
        if copier.name == "guardpost":
            reached = p50 <= 50 and p95 <= 80
    return [
        Row(
            "keystroke, through -L, while 1 MB is put: p50 / p95",
            "; ".join(figures),
            "<= 50 / 80 ms",
            reached,
            "python -m bench.copy keystroke",
        )
    ]


def _keys_meanwhile(copier: Copier) -> list[float]:
    with place_on_a_line() as place, copier.open(place, False) as session:
        assert session.key is not None
        source, to = _files(place.folder, os.urandom(BULK_BYTES), None)

        def run() -> None:
            with contextlib.suppress(AssertionError, OSError):  # it is ended with the place
                session.copy(source, to, True)

        threading.Thread(target=run, daemon=True).start()
        with contextlib.closing(session.key()) as key:
            press(key, 5)  # until queues are full
            return press(key, 20)


ROWS = {"put": put, "get": get, "keystroke": keystroke}


def main() -> None:
    from bench.table import markdown

    name, *rest = sys.argv[1:] or [""]
    if name in ("put", "get"):
        print(markdown({"put": put, "get": get}[name](*rest)), flush=True)
        return
    for each in [name] if name else ROWS:
        print(markdown(ROWS[each]()), flush=True)


if __name__ == "__main__":
    main()
