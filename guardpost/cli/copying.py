"""What `put` and `get` have in common: their options, their messages, their exit code."""

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING

from guardpost.cli.options import add_console_options
from guardpost.errors import UsageError
from guardpost.termsafe import safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from guardpost.cli.progress import Progress
    from guardpost.services.files.console import CopyOptions
    from guardpost.services.files.events import Event

__all__ = ["Report", "add_copy_options", "check_paths", "copy_options"]

EXIT_PARTLY = 1
EXIT_NONE = 255


def add_copy_options(parser: argparse.ArgumentParser) -> None:
    add_console_options(parser, json=True)
    links = parser.add_mutually_exclusive_group()
    links.add_argument(
        *("-l", "--links"),
        dest="links",
        action="store_const",
        const="copy",
        default="skip",
        help="copy links in folders as links (they are skipped, and that is told)",
    )
    links.add_argument(
        *("-L", "--follow"),
        dest="links",
        action="store_const",
        const="follow",
        help="copy what links in folders point to",
    )
    parser.add_argument(
        "--no-preserve",
        action="store_true",
        help="permissions as for a new file (of the file that is replaced), the time of now",
    )
    parser.add_argument(
        "--special-bits", action="store_true", help="setuid, setgid and sticky bits as well"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="take files of the same size and time for equal, unread, as rsync does",
    )
    parser.add_argument(
        "--live", action="store_true", help="copy files that change meanwhile as they were read"
    )


def check_paths(sources: "Sequence[str]", to: str) -> None:
    """Raises UsageError, before anything is opened."""
    from guardpost.services.files.named import top_names

    if not all(sources) or not to:
        # A variable of a script that was not set, most likely.
        raise UsageError("a path is empty; write . for this folder, or for the host's home folder")
    if to != "-":
        top_names([os.fsencode(each) for each in sources])


def copy_options(args: argparse.Namespace) -> "CopyOptions":
    from guardpost.services.files.console import CopyOptions

    return CopyOptions(
        preserve=not args.no_preserve,
        special=args.special_bits,
        quick=args.quick,
        links=args.links,
        outward_links=getattr(args, "unsafe_links", False),
        live=args.live,
        patterns=not getattr(args, "no_glob", True),
    )


class Report:
    """Hears the events of a copy: a line on standard error for what failed, JSON if asked for."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._json = args.json
        self._verbose = args.verbose
        self._done = self._failed = 0
        self._progress: Progress | None = None
        self._has_bar = not (args.quiet or args.json) and sys.stderr.isatty()

    def close(self) -> None:
        """The bar goes; must be called."""
        if self._progress is not None:
            self._progress.close()
            self._progress = None
        self._has_bar = False

    def tell(self, event: "Event") -> None:
        from guardpost.services.files import events

        if self._has_bar and self._progress is None:
            # Not before: until the session is there, questions may stand on the terminal.
            from guardpost.cli import progress

            self._progress = progress.Progress(sys.stderr)
        if self._progress is not None:
            self._progress.tell(event)
        match event:
            case events.Done() | events.Skipped():
                self._done += 1
                if self._verbose:
                    verb = "equal" if isinstance(event, events.Skipped) else "copied"
                    self._say(f"guardpost: {verb}: {_text(event.name)}")
            case events.Failed(name, word, text):
                self._failed += 1
                word = word or "failed"
                self._say(f"guardpost: {word}: {_text(name)}: {safe_text(text)}")
        if self._json and not isinstance(event, events.Advanced):
            print(as_json(event), flush=True)

    def _say(self, line: str) -> None:
        if self._progress is not None:
            self._progress.say(line)
        else:
            print(line, file=sys.stderr)

    @property
    def exit_code(self) -> int:
        if not self._failed:
            return 0
        return EXIT_PARTLY if self._done else EXIT_NONE


def _text(name: bytes) -> str:
    return safe_text(name.decode("utf-8", "surrogateescape"))


def as_json(event: "Event") -> str:
    """Names that are not UTF-8 have the escapes U+DC80 to U+DCFF (surrogateescape)."""
    fields: dict[str, object] = {"schema": 1, "event": type(event).__name__.lower()}
    for field in event.__slots__:
        value = getattr(event, field)
        if field == "digest":
            value = value.hex()
        elif isinstance(value, bytes):
            value = value.decode("utf-8", "surrogateescape")
        fields[field] = value
    return json.dumps(fields)
