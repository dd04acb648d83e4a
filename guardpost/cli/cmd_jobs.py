"""`guardpost jobs TARGET`: what `exec --detach` left running; attach to one, have its output."""

import argparse
import sys
from typing import TYPE_CHECKING

from guardpost.cli import opening
from guardpost.cli.json_text import json_text
from guardpost.cli.options import add_console_options
from guardpost.cli.quantities import bytes_text, duration_text
from guardpost.errors import UsageError
from guardpost.termsafe import safe_text

if TYPE_CHECKING:
    from guardpost.aio.channel import Opener
    from guardpost.services.jobs import JobInfo

__all__ = ["configure", "run"]

DEEDS = ("attach", "output", "kill", "forget")
HEADINGS = ("JOB", "STATE", "STARTED", "BY", "OUTPUT", "COMMAND")
USAGE = "write: guardpost jobs TARGET [attach ID | output ID | kill ID [SIGNAL] | forget ID]"


def configure(parser: argparse.ArgumentParser) -> None:
    add_console_options(parser, json=True)
    parser.add_argument("target", metavar="TARGET")
    parser.add_argument(
        "deed",
        nargs="?",
        choices=DEEDS,
        metavar="attach|output|kill|forget",
        help="follow a job to its end, with its exit status (Ctrl-C leaves it running); print what"
        " is kept of its output; signal it; end it and take it off the list",
    )
    parser.add_argument("job", nargs="?", metavar="ID", type=int)
    parser.add_argument("signal", nargs="?", metavar="SIGNAL", help="name or number (TERM)")


def run(args: argparse.Namespace) -> int:
    if (args.deed is None) != (args.job is None) or (args.signal and args.deed != "kill"):
        raise UsageError(USAGE)
    if args.deed == "attach" and args.exit_codes == "detailed":
        raise UsageError("attach ends with the program's own status; leave --exit-codes out")

    async def work(opener: "Opener") -> int:
        if args.deed is None:
            return await show(opener, as_json=args.json)
        return await do(opener, args)

    return opening.run_with(args, work)


async def do(opener: "Opener", args: argparse.Namespace) -> int:
    from guardpost.services import jobs
    from guardpost.services.program import exit_code

    if args.deed == "kill":
        await jobs.end(opener, args.job, jobs.Deed.SIGNAL, args.signal or "TERM")
        return 0
    if args.deed == "forget":
        await jobs.end(opener, args.job, jobs.Deed.FORGET)
        return 0
    if args.deed == "output":
        await jobs.output(opener, args.job, stdout=1, stderr=2, dropped=tell_dropped)
        return 0
    ended = await jobs.attach(opener, args.job, stdout=1, stderr=2, dropped=tell_dropped)
    return exit_code(ended)


def tell_dropped(count: int) -> None:
    print(f"guardpost: {bytes_text(count)} of output before this are not kept", file=sys.stderr)


async def show(opener: "Opener", *, as_json: bool) -> int:
    from guardpost.services import jobs

    found = await jobs.list_jobs(opener)
    if as_json:
        print(json_text({"schema": 1, "jobs": [as_object(each) for each in found]}))
    else:
        print("\n".join(as_lines(found)))
    return 0


def as_object(info: "JobInfo") -> dict[str, object]:
    ended = info.exit
    return {
        "job": info.job,
        "kind": info.kind,
        "argv": [word.decode("utf-8", "backslashreplace") for word in info.argv],
        "user": info.user,
        "own": info.is_own,
        "pid": info.pid,
        "started": info.started,
        "ended": info.ended,
        "status": ended.status if ended else None,
        "signal": ended.signal if ended else None,
        "timed_out": ended.timed_out if ended else False,
        "written_bytes": info.written,
        "kept_bytes": info.kept,
        "attached": info.is_attached,
    }


def as_lines(found: "list[JobInfo]") -> list[str]:
    rows = [HEADINGS, *map(row, found)]
    widths = [max(len(each[column]) for each in rows) for column in range(len(HEADINGS) - 1)]
    return [
        "  ".join(
            [*(cell.ljust(width) for cell, width in zip(each, widths, strict=False)), each[-1]]
        )
        for each in rows
    ]


def row(info: "JobInfo") -> tuple[str, ...]:
    command = " ".join(word.decode("utf-8", "backslashreplace") for word in info.argv)
    return (
        str(info.job),
        state(info),
        f"{duration_text(info.now - info.started)} ago",
        safe_text(info.user or "-"),
        bytes_text(info.written),
        safe_text(command),
    )


def state(info: "JobInfo") -> str:
    ended = info.exit
    if ended is None:
        return "attached" if info.is_attached else "running"
    if ended.timed_out:
        return "timed out"
    return f"exit {ended.status}" if ended.signal is None else f"signal {ended.signal}"
