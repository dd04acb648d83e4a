"""`guardpost line A B`: a simulated serial line between two names, until it is interrupted.

Both names become symbolic links to ptys: open them as you would /dev/ttyUSB0. Speed,
delay and faults are chosen here, and changed later over --control.
"""

import argparse
import json
import signal
import sys
from collections.abc import Callable

from guardpost.errors import UsageError
from guardpost.linefaults import Faults
from guardpost.linepaths import PATHS

__all__ = ["configure", "run"]

BITS_PER_BYTE = 10
"""8N1: a start bit, eight of data, a stop bit."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", metavar="A", help="name of one end, e.g. /tmp/ttyA")
    parser.add_argument("b", metavar="B", help="name of the other end")
    add = parser.add_argument
    add("--baud", type=_rate, default="115200", metavar="N", help="bit/s (115200), or unlimited")
    add(
        "--baud-back",
        type=_rate,
        default=argparse.SUPPRESS,
        metavar="N",
        help="from B to A, if it differs",
    )
    add("--delay", type=_seconds, default=0.0, metavar="S", help="one way, in seconds")
    add("--coalesce", type=_seconds, default=0.0, metavar="S", help="a USB adapter's latency timer")
    for name, text in (
        ("loss", "chance of each byte to vanish"),
        ("flip", "chance of each byte to get one wrong bit"),
        ("burst", "chance of each byte to begin a burst of garbage or loss, 30 bytes in the mean"),
        ("dup", "chance of each block of 28 bytes to come twice"),
        ("hole", "chance of each byte to begin a hole of 4"),
        ("frame-loss", "chance of each frame, up to a NUL, to vanish whole"),
    ):
        add(f"--{name}", type=_chance, default=0.0, metavar="P", help=text)
    add("--mute", type=_mute, action="append", default=[], metavar="START,DUR", help="seconds")
    add("--rate-at", type=_rate_at, action="append", default=[], metavar="T=BAUD", help="then on")
    add("--eat", type=_values, default=frozenset(), metavar="HEX,..", help="bytes that vanish")
    add("--path", type=_paths, default=(), metavar="NAME,..", help=", ".join(PATHS))
    add("--drop-buffer", type=int, default=0, metavar="N", help="a buffer that drops what is over")
    add("--buffer", type=int, default=4096, metavar="N", help="the sender's buffer, in bytes")
    add(
        "--real-speeds",
        action="store_true",
        help="those set on the ptys count, and must match",
    )
    add("--echo", action="store_true", help="what arrives at B comes back to A")
    add("--seed", type=int, default=1, metavar="N", help="another seed, other faults (1)")
    add("--control", metavar="PATH", help="a unix socket that takes commands: stats, mute S, ...")
    add("--stats", action="store_true", help="print counts as JSON at the end")


def run(args: argparse.Namespace) -> int:
    """Raises UsageError when a name is taken, and on Windows."""
    if sys.platform == "win32":
        raise UsageError("line needs ptys, which Windows does not have; use com0com")
    from guardpost.ptyline import LineOptions, PtyLine

    if args.real_speeds and not args.baud:
        raise UsageError("--real-speeds needs a speed: an unlimited line has none")
    if args.buffer < 1 or args.drop_buffer < 0:
        raise UsageError("a buffer has at least one byte")
    options = LineOptions(
        rate=args.baud,
        back_rate=getattr(args, "baud_back", args.baud),
        seed=args.seed,
        faults=_faults(args),
        buffer_bytes=args.buffer,
        echo=args.echo,
        real_speeds=args.real_speeds,
    )
    line = PtyLine(args.a, args.b, options, control=args.control)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: line.stop())
    _go_first()
    print(f"{args.a} {args.b}", flush=True)
    line.run()
    if args.stats:
        print(json.dumps(line.stats()))
    return 0


def _go_first() -> None:
    """A real line waits for no processor; woken late, ours would be up to 2 % slow."""
    if sys.platform != "win32":
        import os

        try:
            os.setpriority(os.PRIO_PROCESS, 0, -10)
        except OSError:
            pass  # only root may; everybody else's line is as punctual as the machine is idle


def _faults(args: argparse.Namespace) -> Faults:
    return Faults(
        loss=args.loss,
        flip=args.flip,
        burst=args.burst,
        hole=args.hole,
        frame_loss=args.frame_loss,
        dup=args.dup,
        eat=args.eat,
        paths=args.path,
        delay=args.delay,
        coalesce=args.coalesce,
        mutes=tuple(args.mute),
        rate_changes=tuple(args.rate_at),
        drop_buffer=args.drop_buffer,
    )


# -- what argparse calls for each value; its error names the option


def _number(text: str, valid: Callable[[float], bool], meaning: str) -> float:
    try:
        value = float(text)
        if valid(value):
            return value
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is not {meaning}")


def _chance(text: str) -> float:
    return _number(text, lambda value: 0 <= value <= 1, "a chance (0 to 1)")


def _seconds(text: str) -> float:
    return _number(text, lambda value: 0 <= value < 1e6, "a time in seconds")


def _rate(text: str) -> float | None:
    """Bytes per second; None is unlimited."""
    if text == "unlimited":
        return None
    bits = _number(text, lambda value: 10 <= value <= 1e9, "a speed in bit/s, or unlimited")
    return bits / BITS_PER_BYTE


def _mute(text: str) -> tuple[float, float]:
    start, comma, duration = text.partition(",")
    if not comma:
        raise argparse.ArgumentTypeError(f"{text!r} is not START,DURATION")
    return _seconds(start), _seconds(duration)


def _rate_at(text: str) -> tuple[float, float]:
    when, equals, baud = text.partition("=")
    rate = _rate(baud) if equals else None
    if rate is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not TIME=BAUD")
    return _seconds(when), rate


def _values(text: str) -> frozenset[int]:
    try:
        return frozenset(bytes.fromhex("".join(text.split(","))))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not HEX,HEX,... (00,11,13)") from None


def _paths(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := [name for name in names if name not in PATHS]:
        raise argparse.ArgumentTypeError(f"no path {unknown[0]!r}; there are {', '.join(PATHS)}")
    return names
