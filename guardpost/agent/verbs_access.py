"""The prompt's commands about who may come in, and a shell for who is in."""

import asyncio
import os
import sys
from typing import TYPE_CHECKING

from guardpost.agent.authorized import parse_line
from guardpost.agent.keyboard import Typed
from guardpost.agent.verb import Context, NotHere
from guardpost.errors import UsageError
from guardpost.identity import keyfile
from guardpost.services.job import Job

if TYPE_CHECKING:
    from guardpost.host.terminal_pty import TerminalChild

__all__ = ["allow", "shell", "users"]


async def users(context: Context, args: list[str]) -> None:
    for name in context.users:
        await context.pager.line(f"{name}{'  (you)' if name == context.user else ''}")


async def allow(context: Context, args: list[str]) -> None:
    """A line more in the file of keys; it counts at once."""
    permit = f'permit="{args[1]}" ' if len(args) > 1 else ""
    line = f"{permit}{args[0]} allowed at the prompt by {context.user}"
    if "\n" in line or '"' in "".join(args):
        raise UsageError("no quotes; write: allow KEY [monitor,exec,...]")
    entry = parse_line(line, "the prompt")
    if entry is None:
        raise UsageError("there is no key")
    path = context.host.authorized_file()
    if path is None:
        raise NotHere("this agent reads no file of keys")
    try:
        known = keyfile.read_unforged(path)
    except FileNotFoundError:
        known = ""
        keyfile.make_folder(path.parent)
    for number, each in enumerate(known.splitlines(), start=1):
        if args[0] in each.split():
            raise UsageError(f"this key stands in {path}:{number} already")
    if known and not known.endswith("\n"):
        known += "\n"
    keyfile.replace(path, f"{known}{line}\n")
    await context.pager.line(f"{path}: allowed to do {entry.permits or 'nothing'}")


async def shell(context: Context, args: list[str]) -> None:
    """The login shell of the agent's user, on a terminal of its own; all keys are the shell's."""
    if sys.platform == "win32":
        raise NotHere("on Windows there is no shell here; see: run")
    from guardpost.host.login import argv_of_shell, login_environment
    from guardpost.host.passwd import own_account
    from guardpost.host.terminal_pty import spawn_on_terminal

    account = own_account()
    program, name = map(os.fsencode, argv_of_shell(account))
    more = {b"TERM": b"vt100", b"GUARDPOST_USER": os.fsencode(context.user)}
    env = login_environment(account, {**more, b"SHELL": program})
    with context.keyboard.lent(raw=True) as typed:
        await context.pager.line("exit ends it; a BREAK, or 5 minutes without a key, hang it up")
        child = await spawn_on_terminal([name], program=program, env=env, is_login=True)
        await _show(context, typed, child)
    await context.pager.line("")


async def _show(context: Context, typed: Typed, child: "TerminalChild") -> None:
    """Until it ends; when we end first it is hung up."""
    job = Job(child)
    running = asyncio.ensure_future(job.run())
    typing = asyncio.ensure_future(_type(typed, child))
    try:
        with job.attach().attached() as reader:
            while (piece := await reader.read()) is not None:
                context.speak(piece.data)
                await context.drain()
    finally:
        typing.cancel()
        running.cancel()
        await asyncio.gather(typing, running, return_exceptions=True)


async def _type(typed: Typed, child: "TerminalChild") -> None:
    while True:
        await child.write_stdin(await typed.read())
