"""`guardpost watch TARGET`: what begins, ends or takes too much on the host, line by line."""

import argparse
import contextlib
import math
import sys
import time
from typing import TYPE_CHECKING

from guardpost.cli import lasting, opening
from guardpost.cli.json_text import json_text
from guardpost.cli.options import add_console_options
from guardpost.cli.process_columns import os_text
from guardpost.cli.process_targets import pid
from guardpost.cli.quantities import bytes_text
from guardpost.cli.sizes import size
from guardpost.errors import UsageError
from guardpost.termsafe import safe_text

if TYPE_CHECKING:
    from guardpost.console.line import Session
    from guardpost.services.watch import WatchEvent, WatchRequest

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    add_console_options(parser, json=True)
    parser.add_argument(
        *("--filter",),
        action="append",
        default=[],
        metavar="TEXT",
        help="only who has TEXT in command, name or user; may be given often",
    )
    parser.add_argument(
        *("--pid",),
        action="append",
        default=[],
        type=pid,
        metavar="PID",
        help="only this process; may be given often",
    )
    parser.add_argument(
        "--cpu", type=float, metavar="PERCENT", help="tell who takes more of one processor"
    )
    parser.add_argument(
        "--rss", type=size, metavar="SIZE", help="tell who takes more memory (500M, 2G)"
    )
    parser.add_argument(
        "--load", type=float, metavar="N", help="tell when the host's load is above N"
    )
    parser.add_argument(
        *("--for",),
        dest="seconds",
        type=float,
        default=0.0,
        metavar="S",
        help="and only after it has been so for S seconds",
    )
    parser.add_argument(
        "-n", dest="count", type=int, default=0, metavar="N", help="end after N events"
    )
    parser.add_argument("target", metavar="TARGET")


def run(args: argparse.Namespace) -> int:
    from guardpost.services.watch import WatchRequest

    if min(args.count, args.seconds, args.cpu or 0, args.load or 0) < 0:
        raise UsageError("watch: a limit or a count below zero means nothing")
    wanted = WatchRequest(args.filter, args.pid, args.cpu, args.rss, args.load, float(args.seconds))
    return opening.run(args, Watcher(args, wanted).run())


class Watcher:
    """Prints events in whatever session there is, and what was missed between two."""

    def __init__(self, args: argparse.Namespace, wanted: "WatchRequest") -> None:
        self._args = args
        self._wanted = wanted
        self._left = args.count
        self._lost: tuple[float, str] | None = None
        self._heard_at = time.time()

    async def run(self) -> int:
        return await lasting.keep_on(self._args, self._follow, self._on_lost)

    def _on_lost(self, why: str) -> None:
        if self._lost is None:
            self._lost = (self._heard_at, why)
        self._tell(f"{why}; watching again when the agent answers")

    async def _follow(self, session: "Session") -> int:
        from guardpost.services import watch

        async with contextlib.aclosing(
            watch.watch(session, self._wanted, self._on_begun)
        ) as events:
            async for event in events:
                self._heard_at = time.time()
                self._print(as_object(event) if self._args.json else as_line(event))
                if self._args.count and (left := self._left - 1) <= 0:
                    return 0
                self._left = left if self._args.count else 0
        return 0

    def _on_begun(self, by_kernel: bool) -> None:
        if self._lost is not None:
            since, why = self._lost
            self._lost = None
            missed = {"event": "missed", "time": time.time(), "since": since, "reason": why}
            text = f"{clock(time.time())}  missed    everything since {clock(since)}: {why}"
            self._print(missed if self._args.json else safe_text(text))
        if by_kernel:
            self._tell("the kernel tells of every process, and how it ended")
        else:
            self._tell(
                "the agent looks once a second: what lives shorter is missed, and how a process "
                "ended is mostly unknown (the kernel tells that to root, and not in a container)"
            )

    def _print(self, shown: "dict[str, object] | str") -> None:
        text = json_text({"schema": 1, **shown}) if isinstance(shown, dict) else shown
        print(text, flush=True)

    def _tell(self, line: str) -> None:
        if not self._args.quiet:
            print(f"guardpost: {safe_text(line)}", file=sys.stderr, flush=True)


def as_object(event: "WatchEvent") -> dict[str, object]:
    """The fields that say something of this kind of event."""
    found: dict[str, object] = {"event": event.event, "time": event.time}
    if event.event == "dropped":
        return {**found, "dropped": event.dropped}
    if event.pid is not None:
        argv = None if event.argv is None else [os_text(word) for word in event.argv]
        found |= {"pid": event.pid, "ppid": event.ppid, "started": event.started}
        found |= {"user": event.user, "name": event.name, "argv": argv}
    if event.event == "ended":
        found |= {"status": event.status, "signal": event.signal, "source": event.source}
    if event.metric:
        found |= {"metric": event.metric, "value": event.value, "limit": event.limit}
    return found


def as_line(event: "WatchEvent") -> str:
    return safe_text(f"{clock(event.time)}  {event.event:<8}  {_said(event)}".rstrip())


def _said(event: "WatchEvent") -> str:
    if event.event == "dropped":
        counts = [f"{count} {_DROPPED.get(kind, kind)}" for kind, count in event.dropped.items()]
        return "too many at once; not shown: " + ", ".join(counts)
    who = "the host" if event.pid is None else _who(event)
    if event.event == "ended":
        return f"{who}: {ending(event)}"
    if event.metric:
        value, limit = (_amount(event, each) for each in (event.value, event.limit))
        return f"{who}: {event.metric} {value}, limit {limit}"
    return who


_DROPPED = {"kernel": "gaps in what the kernel told"}


def _who(event: "WatchEvent") -> str:
    if event.argv:
        command = " ".join(os_text(word) for word in event.argv)
    else:
        command = f"[{event.name}]" if event.name else "-"
    return f"{event.pid} {event.user or '-'} {command}"


def ending(event: "WatchEvent") -> str:
    if event.signal is not None:
        return f"signal {event.signal}"
    return "status unknown" if event.status is None else f"status {event.status}"


def _amount(event: "WatchEvent", value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "-"
    if event.metric == "rss":
        return bytes_text(max(0, int(value)))
    return f"{value:g}%" if event.metric == "cpu" else f"{value:g}"


def clock(then: float) -> str:
    try:
        return time.strftime("%H:%M:%S", time.localtime(then))
    except (OverflowError, OSError, ValueError):
        return "--:--:--"
