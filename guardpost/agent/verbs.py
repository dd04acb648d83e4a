"""The commands of the text prompt: one table, from which help is made too."""

import asyncio
import contextlib
import logging
import shlex
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from guardpost.agent.child import exit_words, run_child
from guardpost.agent.pager import Pager, PagerQuit
from guardpost.errors import GuardpostError, UsageError
from guardpost.services.info import Info, local_info
from guardpost.services.processes import Process, local_processes, signal_local

__all__ = [
    "GUEST_HELP",
    "USER_HELP",
    "VERBS",
    "Context",
    "Host",
    "Verb",
    "parse_line",
    "perform",
    "this_host",
]

# The last column stays free: a full row wraps on some terminals, and not on others.
_WIDTH: Final = 79

_log = logging.getLogger("guardpost.prompt")


@dataclass(frozen=True, slots=True)
class Host:
    """What the prompt asks of the host it runs on. `info` and `processes` may block a while."""

    version: str
    name: Callable[[], str]
    info: Callable[[], Info]
    processes: Callable[[], list[Process]]
    signal: Callable[[int, str], None]


def this_host(version: str) -> Host:
    """The host we run on; `version` is the agent's."""
    return Host(version, socket.gethostname, partial(local_info, version), local_processes, _signal)


def _signal(pid: int, name: str) -> None:
    signal_local(pid, name)


@dataclass(frozen=True, slots=True)
class Context:
    """What a command works with."""

    host: Host
    pager: Pager
    user: str


@dataclass(frozen=True, slots=True)
class Verb:
    """A command: how it is called, what it does, how many arguments, and the work."""

    usage: str
    does: str
    least: int
    most: int
    run: Callable[[Context, list[str]], Awaitable[None]]


async def _ps(context: Context, args: list[str]) -> None:
    table = await asyncio.to_thread(context.host.processes)
    wanted = args[0].lower() if args else ""
    await context.pager.line("    PID USER     S      CPU    RSS COMMAND")
    for process in table:
        command = _command_line(process)
        if wanted in (process.name or "").lower() or wanted in command.lower():
            await context.pager.line(_row(process, command)[:_WIDTH])


def _command_line(process: Process) -> str:
    if not process.argv:
        return f"[{process.name or '?'}]"
    return " ".join([part.decode("utf-8", "backslashreplace") for part in process.argv])


_STATE_LETTERS: Final = {"disk-sleep": "D", "stopped": "T", "tracing-stop": "t"}


def _row(process: Process, command: str) -> str:
    state = process.state or "?"
    letter = _STATE_LETTERS.get(state, state[0].upper())
    user = (process.user or "?")[:8]
    cpu = _clock(process.cpu_seconds)
    return f"{process.pid:7} {user:8} {letter} {cpu:>8} {_size(process.rss_bytes):>6} {command}"


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _size(size: int | None) -> str:
    """Bytes in at most six characters, in powers of 1024."""
    if size is None:
        return "?"
    amount = float(size)
    for unit in "BKMGT":
        if amount < 999.5:
            return (
                f"{amount:.0f}{unit}" if unit == "B" or amount >= 99.95 else f"{amount:.1f}{unit}"
            )
        amount /= 1024
    return f"{amount:.0f}P"


async def _kill(context: Context, args: list[str]) -> None:
    if not args[0].isdecimal():
        raise UsageError(f"{args[0]!r} is no process number; see ps")
    name = args[1].upper().removeprefix("SIG") if len(args) > 1 else "TERM"
    context.host.signal(int(args[0][:20]), name)
    await context.pager.line(f"sent {name} to process {args[0]}")


async def _run(context: Context, args: list[str]) -> None:
    env = {"GUARDPOST_USER": context.user, "TERM": "dumb"}
    status = await run_child(args, env, context.pager.raw)
    await context.pager.end_line()
    await context.pager.line(f"[{exit_words(status)}]")


async def _uptime(context: Context, args: list[str]) -> None:
    info = await asyncio.to_thread(context.host.info)
    words = ["up unknown"]
    if info.uptime is not None:
        days, rest = divmod(int(info.uptime), 86400)
        words = [f"up {days} days, {_clock(rest)}"]
    if info.cpus is not None:
        words.append(f"{info.cpus} CPUs")
    if info.load is not None:
        words.append("load " + " ".join([f"{each:.2f}" for each in info.load]))
    await context.pager.line("; ".join(words))
    await context.pager.line(f"{info.name or '?'}: {info.system or '?'}, {info.kernel or '?'}")


async def _mem(context: Context, args: list[str]) -> None:
    memory = (await asyncio.to_thread(context.host.info)).memory
    if memory is None:
        await context.pager.line("the system does not say how much memory there is")
        return
    await context.pager.line("         TOTAL   FREE")
    await context.pager.line(f"memory  {_size(memory.total):>6} {_size(memory.available):>6}")
    await context.pager.line(f"swap    {_size(memory.swap_total):>6} {_size(memory.swap_free):>6}")


async def _disk(context: Context, args: list[str]) -> None:
    info = await asyncio.to_thread(context.host.info)
    await context.pager.line("  TOTAL   USED   FREE TYPE     MOUNTED AT")
    for disk in info.disks:
        sizes = f"{_size(disk.total):>7} {_size(disk.used):>6} {_size(disk.free):>6}"
        await context.pager.line(f"{sizes} {disk.kind[:8]:8} {disk.mount}"[:_WIDTH])


VERBS: Final = {
    "ps": Verb("ps [NAME]", "processes (whose name or command has NAME in it)", 0, 1, _ps),
    "kill": Verb("kill PID [SIGNAL]", "send a signal to a process (TERM)", 1, 2, _kill),
    "run": Verb("run CMD [ARG...]", "run a program, without a shell", 1, 1000, _run),
    "uptime": Verb("uptime", "since when the host runs, and its load", 0, 0, _uptime),
    "mem": Verb("mem", "memory and swap", 0, 0, _mem),
    "disk": Verb("disk", "local file systems", 0, 0, _disk),
}


def _help(rows: list[tuple[str, str]]) -> list[str]:
    return [f"  {usage:20} {does}" for usage, does in rows]


_COMMON = [("help", "this list"), ("version", "what this agent is")]

GUEST_HELP: Final = _help([*_COMMON, ("login NAME", "log in; asks for the password")])
USER_HELP: Final = [
    *_help(
        [
            *[(verb.usage, verb.does) for verb in VERBS.values()],
            ("page on|off", "stop after each screenful, or do not"),
            ("lock, exit", "log out"),
            *_COMMON,
        ]
    ),
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
