"""`guardpost trace TARGET`: what crosses the line, live and decoded; or what a capture holds.

It puts no byte on the line and starts nothing: it watches the process that owns the line for
other commands, and waits for one.
"""

import argparse
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

from guardpost.cli import opening
from guardpost.errors import UsageError

if TYPE_CHECKING:
    from guardpost.console.trace_json import TraceJson
    from guardpost.console.trace_view import TraceView
    from guardpost.protocol.observer import Unit

__all__ = ["configure", "run"]

_LOOK_SECONDS = 0.05  # an owner listens for 0.3 s before its first byte


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-w", "--write", metavar="FILE", help="write a pcapng capture, - for standard output"
    )
    parser.add_argument(
        "--plaintext", action="store_true", help="also what the packets of the session contain"
    )
    parser.add_argument(
        "--json", action="store_true", help="JSON on standard output, a line for each unit"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="no word of our own")
    parser.add_argument("target", metavar="TARGET", help="a line, or a capture (FILE.pcapng)")


def run(args: argparse.Namespace) -> int:
    """Until Ctrl-C, or to the end of a capture. Raises UsageError."""
    if args.json and args.write == "-":
        raise UsageError("standard output takes one of --json and -w -; give -w a file")
    if is_capture(args.target):
        return read_back(args)
    if sys.platform == "win32":
        raise UsageError("there is no owner on Windows whose line could be watched")
    else:
        import asyncio

        name = opening.canonical_name(args.target)
        sink = open_sink(args.write, name) if args.write else None
        # A capture on standard output leaves no room for lines there.
        show = None if args.write == "-" else printer(args)

        def receive(when: float, payload: bytes) -> None:
            from guardpost.console.capture import decode_unit
            from guardpost.console.pcapng import packet

            unit = decode_unit(payload)
            if sink is not None:
                keep(sink, args.write, packet(when, payload, inbound=unit.from_agent))
            if show is not None:
                show(unit, when)

        asyncio.run(watch(name, args, receive))
        return 0


def is_capture(target: str) -> bool:
    from guardpost.console.pcapng import MAGIC

    if not os.path.isfile(target):
        return False
    with open(target, "rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def read_back(args: argparse.Namespace) -> int:
    from guardpost.console.capture import decode_unit
    from guardpost.console.pcapng import packets

    if args.write or args.plaintext:
        raise UsageError("a capture holds what it holds; -w and --plaintext are for a line")
    show = printer(args)
    try:
        with open(args.target, "rb") as file:
            for when, payload in packets(file):
                show(decode_unit(payload), when)
    except ValueError as error:
        raise UsageError(f"{args.target} is no capture of a line: {error}") from None
    return 0


def printer(args: argparse.Namespace) -> "Callable[[Unit, float], None]":
    view = viewer(args)

    def show(unit: "Unit", when: float) -> None:
        print(view.line(unit, when), flush=True)

    return show


def viewer(args: argparse.Namespace) -> "TraceJson | TraceView":
    if args.json:
        from guardpost.console.trace_json import TraceJson

        return TraceJson()
    from guardpost.console.trace_view import TraceView

    return TraceView(whole=bool(args.verbose))


def open_sink(path: str, name: str) -> BinaryIO:
    """The capture file, with its header, readable by its owner alone: it may hold secrets."""
    from guardpost import __version__
    from guardpost.console.pcapng import header

    if path == "-":
        sink: BinaryIO = sys.stdout.buffer
    else:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        try:
            sink = os.fdopen(os.open(os.path.expanduser(path), flags, 0o600), "wb")
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise UsageError(f"{path}: {reason}; give -w another file") from None
    keep(sink, path, header(name, f"guardpost {__version__}"))
    return sink


def keep(sink: BinaryIO, path: str, block: bytes) -> None:
    """Raises UsageError when the file takes no more, BrokenPipeError when a reader has gone."""
    try:
        sink.write(block)
        sink.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"{path}: {reason}; it holds what came before, so give another") from None


async def watch(
    name: str, args: argparse.Namespace, receive: "Callable[[float, bytes], None]"
) -> None:
    """Follow one owner after the other."""
    import asyncio

    from guardpost.console import owner_protocol as wire
    from guardpost.console.owner_client import connect_to_owner

    def say(sentence: str) -> None:
        if not args.quiet:
            print(f"guardpost: {sentence}", file=sys.stderr, flush=True)

    told = False
    while True:
        connection = await connect_to_owner(name)
        if connection is None:
            if not told:
                say(f"no command uses {args.target} now; waiting for one")
                told = True
            await asyncio.sleep(_LOOK_SECONDS)
            continue
        told = False
        connection.post(wire.TAP, wire.encode(plaintext=args.plaintext))
        while (record := await connection.receive()) is not None:
            kind, payload = record
            if kind == wire.STATUS:
                said = wire.decode(payload)
                say(f"watching {args.target}, owned by pid {said.get('pid')}")
            elif kind == wire.UNIT:
                receive(*wire.unpack_unit(payload))
        connection.close()
        await asyncio.sleep(_LOOK_SECONDS)  # one that hangs up at once is not asked without a pause
