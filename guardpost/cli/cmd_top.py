"""`guardpost top TARGET`: the host's processes, live on a terminal, or as text or JSON lines."""

import argparse
import asyncio
import sys
import time
from typing import TYPE_CHECKING

from guardpost.cli import lasting, opening
from guardpost.cli.json_text import json_text
from guardpost.cli.options import add_console_options
from guardpost.cli.process_columns import os_text
from guardpost.cli.screen import can_paint
from guardpost.errors import UsageError
from guardpost.termsafe import safe_text

if TYPE_CHECKING:
    from guardpost.cli.top_model import TopModel
    from guardpost.cli.top_view import TopView
    from guardpost.console.line import Session

__all__ = ["configure", "run"]

SORTS = ("cpu", "rss", "time", "pid", "user", "command")
DELAY_MIN = 0.2


def configure(parser: argparse.ArgumentParser) -> None:
    add_console_options(parser, json=True)
    parser.add_argument(
        *("-d", "--delay"),
        type=float,
        default=2.0,
        metavar="S",
        help="seconds between refreshes (2)",
    )
    parser.add_argument(
        *("-n",), dest="count", type=int, default=0, metavar="N", help="end after N refreshes"
    )
    parser.add_argument("--once", action="store_true", help="one refresh, as text: -b -n 1")
    parser.add_argument(
        *("-b", "--batch"),
        action="store_true",
        help="print instead of painting, as in a pipe or on a dumb terminal",
    )
    parser.add_argument("--sort", choices=SORTS, default="cpu", help="by this column (cpu)")
    parser.add_argument(
        "--filter",
        default="",
        metavar="TEXT",
        help="only with TEXT in command or user, or this pid",
    )
    parser.add_argument("--tree", action="store_true", help="children under their parents")
    parser.add_argument("target", metavar="TARGET")


def run(args: argparse.Namespace) -> int:
    if args.count < 0 or not DELAY_MIN <= args.delay <= 86400:
        raise UsageError(f"top: -n takes a number from 1 on, -d seconds from {DELAY_MIN} on")
    if args.once:
        args.count = 1
    return opening.run(args, _top(args))


async def _top(args: argparse.Namespace) -> int:
    from guardpost.cli.process_tree import branches_for
    from guardpost.cli.top_view import TopView

    view = TopView(branches_for(sys.stdout.encoding))
    view.sort, view.filter, view.as_tree = args.sort, args.filter, args.tree
    if args.batch or args.json or args.count or not can_paint():
        return await Batch(args, view).run()
    from guardpost.cli.top_live import LiveTop

    return await LiveTop(args, view).run()


class Batch:
    """Prints refresh after refresh; what the processors did needs one more before the first."""

    def __init__(self, args: argparse.Namespace, view: "TopView") -> None:
        from guardpost.cli.top_model import TopModel
        from guardpost.cli.top_pace import Pace

        self._args = args
        self._view = view
        self._model = TopModel()
        self._pace = Pace(args.delay)
        self._printed = 0

    async def run(self) -> int:
        return await lasting.keep_on(self._args, self._follow, self._on_lost)

    def _on_lost(self, why: str) -> None:
        print(f"guardpost: {safe_text(why)}; waiting for the agent", file=sys.stderr, flush=True)

    async def _follow(self, session: "Session") -> int:
        from guardpost.services.top import Follower

        follower = await Follower.open(session)
        loop = asyncio.get_running_loop()
        try:
            await follower.refresh()
            while True:
                await asyncio.sleep(min(1.0, self._pace.interval) if not self._printed else 0)
                asked_at = loop.time()
                await follower.refresh()
                self._pace.figures = await session.figures()
                self._pace.took(follower.received, loop.time() - asked_at, first=False)
                self._model.update(follower)
                self._print()
                if self._args.count and self._printed >= self._args.count:
                    return 0
                await self._pace.wait()
        finally:
            await follower.close()

    def _print(self) -> None:
        from guardpost.cli.top_page import as_text

        self._printed += 1
        if self._args.json:
            self._view.arrange(self._model.shown)
            print(json_text(as_object(self._model, self._view)), flush=True)
            return
        columns = None
        if sys.stdout.isatty():
            import shutil

            columns = shutil.get_terminal_size().columns
        print(as_text(self._args.target, self._model, self._view, columns), flush=True)


def as_object(model: "TopModel", view: "TopView") -> dict[str, object]:
    """One refresh; what is not known is null. Words as in `ps --json`."""
    host = model.host
    return {
        "schema": 1,
        "time": time.time(),
        "host": {
            "load": [*host.loads],
            "cpu_share": host.cpu,
            "cpus": host.cpus,
            "memory_total": host.memory_total,
            "memory_used": host.memory_used,
            "swap_total": host.swap_total,
            "swap_used": host.swap_used,
            "uptime": host.uptime,
        },
        "processes": [
            {
                "pid": each.process.pid,
                "ppid": each.process.ppid,
                "user": each.process.user,
                "state": each.process.state,
                "started": each.process.started,
                "cpu_percent": None if each.percent is None else round(each.percent, 1),
                "cpu_seconds": each.process.cpu_seconds,
                "rss_bytes": each.process.rss_bytes,
                "threads": each.process.threads,
                "nice": each.process.nice,
                "name": each.process.name,
                "argv": None
                if each.process.argv is None
                else [os_text(word) for word in each.process.argv],
            }
            for _, each in view.rows
        ],
    }
