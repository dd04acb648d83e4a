"""What a command of the text prompt is, and what it has to work with."""

import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from guardpost.agent.child import exit_words, run_child
from guardpost.agent.introduction import introduction
from guardpost.agent.keyboard import Keyboard
from guardpost.agent.pager import Pager
from guardpost.errors import ServiceError
from guardpost.host.programs import find_program
from guardpost.identity import Identity
from guardpost.services.info import Info, local_info
from guardpost.services.processes import Process, local_processes, signal_local

__all__ = ["WIDTH", "Context", "Host", "NotHere", "Verb", "has_program", "run_program", "this_host"]

# The last column stays free: a full row wraps on some terminals, and not on others.
WIDTH = 79


class NotHere(ServiceError):
    """This host has not what the command needs."""

    word = "not-here"


@dataclass(frozen=True, slots=True)
class Host:
    """What the prompt asks of the host it runs on. `info` and `processes` may block a while."""

    version: str
    name: Callable[[], str]
    info: Callable[[], Info]
    processes: Callable[[], list[Process]]
    signal: Callable[[int, str], None]
    authorized_file: Callable[[], Path | None] = lambda: None
    """Where a key is allowed for good; None when no file is read."""
    identity: Callable[[], Identity | None] = lambda: None
    """The agent's, as far as it has one yet."""
    obstacle: Callable[[], str] = lambda: ""
    """Why nobody can have a session or log in at this moment; "" if nothing is in the way."""

    def introduction(self, *, in_full: bool) -> list[str]:
        """Lines about the agent. A key that nobody can know yet is told to whoever comes."""
        lines = [self.obstacle()] if self.obstacle() else []
        identity = self.identity()
        if identity is not None and (in_full or identity.is_ephemeral):
            lines += introduction(identity)
        return lines


def this_host(
    version: str,
    authorized_file: Path | None = None,
    *,
    identity: Callable[[], Identity | None] = lambda: None,
    obstacle: Callable[[], str] = lambda: "",
) -> Host:
    """The host we run on; `version` is the agent's."""
    facts = partial(local_info, version)
    return Host(
        *(version, socket.gethostname, facts, local_processes, _signal),
        authorized_file=lambda: authorized_file,
        identity=identity,
        obstacle=obstacle,
    )


def _signal(pid: int, name: str) -> None:
    signal_local(pid, name)


@dataclass(frozen=True, slots=True)
class Context:
    """What a command works with."""

    host: Host
    pager: Pager
    user: str
    keyboard: Keyboard
    speak: Callable[[bytes], None]
    """Write bytes as they are, past the pager: a terminal's own."""
    drain: Callable[[], Awaitable[None]]
    """Until few of them wait for the line."""
    users: list[str]
    """Who may log in here."""


@dataclass(frozen=True, slots=True)
class Verb:
    """A command: how it is called, what it does, how many arguments, and the work."""

    usage: str
    does: str
    least: int
    most: int
    run: Callable[[Context, list[str]], Awaitable[None]]


async def run_program(context: Context, *argv: str, quiet: bool = False) -> int:
    """Run the first program of that name that the agent finds, with its output shown.

    Its status is told unless it is 0 or `quiet`. Raises NotHere, PagerQuit.
    """
    program = os.fsdecode(find_program(os.fsencode(argv[0])))
    if not os.path.isabs(program):
        raise NotHere(f"this host has no program {argv[0]}")
    env = {"GUARDPOST_USER": context.user, "TERM": "dumb", "PAGER": "cat", "SYSTEMD_COLORS": "0"}
    status = await run_child([program, *argv[1:]], env, context.pager.raw)
    await context.pager.end_line()
    if status and not quiet:
        await context.pager.line(f"[{exit_words(status)}]")
    return status


def has_program(name: str) -> bool:
    """Whether run_program() would find it."""
    return os.path.isabs(find_program(os.fsencode(name)))
