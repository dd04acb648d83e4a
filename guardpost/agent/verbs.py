"""The commands of the text prompt: one table, from which help is made too."""

import contextlib
import logging
import shlex
from collections.abc import Callable
from itertools import zip_longest
from types import ModuleType
from typing import Final

from guardpost.agent.pager import PagerQuit
from guardpost.agent.verb import Context, Verb
from guardpost.errors import GuardpostError, UsageError

__all__ = ["GUEST_HELP", "USER_HELP", "VERBS", "parse_line", "perform"]

_log = logging.getLogger("guardpost.prompt")


def _monitor() -> ModuleType:
    from guardpost.agent import verbs_monitor

    return verbs_monitor


def _files() -> ModuleType:
    from guardpost.agent import verbs_files

    return verbs_files


def _network() -> ModuleType:
    from guardpost.agent import verbs_network

    return verbs_network


def _system() -> ModuleType:
    from guardpost.agent import verbs_system

    return verbs_system


def _access() -> ModuleType:
    from guardpost.agent import verbs_access

    return verbs_access


def _verb(usage: str, does: str, least: int, most: int, family: Callable[[], ModuleType]) -> Verb:
    """A command that is the function of its name in `family`, imported when it is first used."""
    name = usage.split()[0]

    async def run(context: Context, args: list[str]) -> None:
        await getattr(family(), f"{name}_" if name in ("env", "time") else name)(context, args)

    return Verb(usage, does, least, most, run)


_ROWS: Final = (
    ("ps [NAME]", "processes", 0, 1, _monitor),
    ("top", "the busiest, live", 0, 0, _monitor),
    ("kill PID [SIGNAL]", "signal one (TERM)", 1, 2, _monitor),
    ("nice N PID", "its priority", 2, 2, _monitor),
    ("run CMD [ARG...]", "a program, no shell", 1, 1000, _monitor),
    ("shell", "a shell on a pty", 0, 0, _access),
    ("uptime", "since when, load", 0, 0, _monitor),
    ("mem", "memory and swap", 0, 0, _monitor),
    ("disk", "file systems", 0, 0, _monitor),
    ("ls [DIR]", "what is in a folder", 0, 1, _files),
    ("cat FILE", "all of a file", 1, 1, _files),
    ("tail FILE [N]", "its last lines (20)", 1, 2, _files),
    ("log [N]", "the log's end (20)", 0, 1, _system),
    ("ip [...]", "addresses; ip help", 0, 20, _network),
    ("ping HOST [N]", "is it there (4)", 1, 2, _network),
    ("send FILE", "to you, as base64", 1, 1, _files),
    ("receive FILE", "from you, as base64", 1, 1, _files),
    ("service NAME [DO]", "status start stop", 1, 2, _system),
    ("time [set T]", "the clock", 0, 3, _system),
    ("env", "its variables", 0, 0, _system),
    ("users", "who may log in here", 0, 0, _access),
    ("allow KEY [PERMIT]", "let a console in", 1, 2, _access),
    ("reboot now", "start the host again", 0, 1, _system),
    ("poweroff now", "switch it off", 0, 1, _system),
    ("sleep now", "suspend it", 0, 1, _system),
)

VERBS: Final = {row[0].split()[0]: _verb(*row) for row in _ROWS}


def _help(rows: list[tuple[str, str]]) -> list[str]:
    return [f"  {usage:20} {does}" for usage, does in rows]


def _in_two_columns(rows: list[tuple[str, str]]) -> list[str]:
    cells = [f"{usage:18} {does}" for usage, does in rows]
    half = (len(cells) + 1) // 2
    columns = zip_longest(cells[:half], cells[half:], fillvalue="")
    return [f"{left:40}{right}".rstrip() for left, right in columns]


_COMMON = [("help", "this list"), ("version", "what this agent is")]

GUEST_HELP: Final = _help([*_COMMON, ("login NAME", "log in; asks for the password")])
USER_HELP: Final = [
    *_in_two_columns(
        [
            *[(verb.usage, verb.does) for verb in VERBS.values()],
            ("page on|off", "stop at each screen"),
            ("lock, exit", "log out"),
            *_COMMON,
        ]
    ),
    "",
    "Ctrl-C stops a command, Ctrl-U clears the line, arrows give earlier lines;",
    "at --More--: blank for a screenful, Enter for a line, q for no more.",
]


# The commands that change the prompt itself: usage and number of arguments.
_OWN_VERBS: Final = {
    "help": ("help", 0),
    "version": ("version", 0),
    "login": ("login NAME", 1),
    "page": ("page on|off", 1),
    "lock": ("lock", 0),
    "exit": ("exit", 0),
}


def parse_line(line: str) -> tuple[str, list[str]]:
    """The command and the arguments in `line`, quoted as in a shell (also by a backslash).

    Raises UsageError unless it is a command, called as it should be.
    """
    try:
        verb, *args = shlex.split(line) or [""]
    except ValueError as error:
        raise UsageError(f"{str(error).lower()}; quote as in a shell") from None
    if verb in VERBS:
        usage, least, most = VERBS[verb].usage, VERBS[verb].least, VERBS[verb].most
    elif verb in _OWN_VERBS:
        usage, least = _OWN_VERBS[verb]
        most = least
    else:
        raise UsageError(f"no command is called {verb[:40]!r}; type help")
    if not least <= len(args) <= most or (verb == "page" and args[0] not in ("on", "off")):
        raise UsageError(f"usage: {usage}")
    return verb, args


async def perform(verb: str, args: list[str], context: Context) -> None:
    """Do one of VERBS; what goes wrong is shown like everything else.

    Ends early, without a word, when the reader quits. Raises nothing but CancelledError.
    """
    with contextlib.suppress(PagerQuit):
        try:
            await VERBS[verb].run(context, args)
        except PagerQuit:
            raise
        except GuardpostError as error:
            await context.pager.line(f"{error.word}: {error}")
        except Exception:
            _log.exception("the command %s failed", verb)
            await context.pager.line("this command failed; the agent's log says how")
