"""What `shell` and `exec --tty` share: this terminal, raw, is the far program's terminal."""

import argparse
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from guardpost.cli import opening
from guardpost.errors import UsageError

if TYPE_CHECKING:
    from guardpost.aio.channel import Channel
    from guardpost.console.line import Session
    from guardpost.console.remote_terminal import RemoteTerminal
    from guardpost.services.program import Exit, Tty

__all__ = ["Opened", "add_escape_option", "language", "language_and_colours", "run"]


class Opened:
    """A channel, and what to say: `greeting` at first, `farewell` when it was left running."""

    def __init__(
        self, channel: "Channel", *, greeting: str, farewell: str = "", is_kept: bool = False
    ) -> None:
        self.channel = channel
        self.greeting = greeting
        self.farewell = farewell
        self.is_kept = is_kept


def add_escape_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        *("--escape",),
        default="^]",
        metavar="KEY",
        help="the escape key, as in ^T (^]); 'none' for none",
    )


def language() -> Mapping[bytes, bytes]:
    """What of our environment says in which language, and in which letters."""
    return _of_environment(lambda name: name == "LANG" or name.startswith("LC_"))


def language_and_colours() -> Mapping[bytes, bytes]:
    """And what colours this terminal has."""
    more = _of_environment(lambda name: name in ("LANGUAGE", "COLORTERM", "NO_COLOR"))
    return {**language(), **more}


def _of_environment(is_wanted: Callable[[str], bool]) -> dict[bytes, bytes]:
    return {
        os.fsencode(name): os.fsencode(value)
        for name, value in os.environ.items()
        if is_wanted(name)
    }


def run(
    args: argparse.Namespace, open_program: "Callable[[Session, Tty], Awaitable[Opened]]"
) -> int:
    """Connect, and be the terminal of what `open_program` opens; returns its exit status.

    255 when the person has disconnected, 0 when he has left it running. Raises UsageError.
    """
    from guardpost.console.escape import parse_key

    if sys.platform == "win32":
        raise UsageError("a terminal of Windows cannot be used for this yet; use 'guardpost exec'")
    escape = b"" if args.escape == "none" or not os.isatty(0) else parse_key(args.escape)
    local = _Local(args, escape)

    async def work(session: "Session") -> int:
        from guardpost.services.program import Tty

        rows, columns = local.size()
        term = os.fsencode(os.environ.get("TERM") or "dumb")
        return await local.follow(session, await open_program(session, Tty(term, rows, columns)))

    return opening.run_with(args, work, local.tell)


class _Local:
    """This process's terminal."""

    def __init__(self, args: argparse.Namespace, escape: bytes) -> None:
        from guardpost.cli.hosts import resolve
        from guardpost.console.session import teller

        self._args = args
        self._escape = escape
        self._plainly = teller(opening.connect_options(args, resolve(args.target)))
        self._view: RemoteTerminal | None = None

    def tell(self, sentence: str) -> None:
        if self._view is None:
            self._plainly(sentence)
        elif not self._args.quiet:
            self._view.tell(sentence)

    def size(self) -> tuple[int, int]:
        from guardpost.console.remote_terminal import screen_size

        return screen_size(1) or screen_size(0) or (24, 80)

    async def follow(self, session: "Session", opened: Opened) -> int:
        from guardpost.console.escape import Wish
        from guardpost.console.remote_terminal import RemoteTerminal, winch_calls
        from guardpost.console.terminal import raw_terminal
        from guardpost.services.program import exit_code
        from guardpost.services.relay import DescriptorEnd

        self._greet(opened)
        view = RemoteTerminal(
            opened.channel,
            DescriptorEnd(0, 1),
            escape=self._escape,
            status=lambda: self._status(session),
            is_kept=opened.is_kept,
        )
        with raw_terminal(0), winch_calls(lambda: view.resize(*self.size())):
            view.resize(*self.size())  # it may have changed since
            self._view = view
            try:
                ended: Exit | None = await view.run()
            finally:
                self._view = None
        if view.left is None or ended is not None:
            return exit_code(ended)
        if view.is_cut:
            self._plainly("what was typed last may not have arrived: the agent has not answered")
        self._plainly(opened.farewell or "disconnected")
        return 0 if view.left is Wish.DETACH else 255

    def _greet(self, opened: Opened) -> None:
        from guardpost.console.escape import key_name

        if not self._args.quiet and os.isatty(0):
            key = key_name(self._escape) if self._escape else ""
            keys = f"; {key} . disconnects, {key} ? tells more" if key else ""
            print(f"guardpost: {opened.greeting}{keys}", file=sys.stderr, flush=True)

    async def _status(self, session: "Session") -> list[str]:
        from guardpost.cli.cmd_info import line_lines

        figures = await session.figures()
        return [self._args.target, *(line_lines(figures) if figures else ["no session"])]
