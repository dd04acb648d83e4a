"""The service "exec": a program on the agent's host, without a shell.

It has its streams apart, or a terminal if one is asked for; and its own session, and what runs in
that is ended when the channel breaks; unless it is started detached, and then becomes a job
(jobs.py).
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from guardpost.aio.channel import Channel, Opener
from guardpost.errors import (
    ChannelReset,
    RemoteProtocolError,
    ResetCode,
    UsageError,
)
from guardpost.services.action import Action
from guardpost.services.argv import check_argv, check_environment, check_words
from guardpost.services.asker import Asker
from guardpost.services.job import AHEAD_BYTES, KEPT_BYTES, TERMINAL_AHEAD_BYTES, Job
from guardpost.services.program import Tty, exit_code, follow, relay
from guardpost.services.records import decode_value

if TYPE_CHECKING:
    from guardpost.host.children import Child
    from guardpost.host.terminal_pty import TerminalChild

__all__ = ["SERVICE", "ExecReply", "ExecRequest"]
__all__ += ["action", "open_on_terminal", "run", "serve", "start"]

SERVICE = "exec"

MAX_REQUEST_BYTES = 65536  # docs/protocol.md, "Limits"

NO_PAGERS: Mapping[bytes, bytes] = {
    b"PAGER": b"cat",
    b"SYSTEMD_PAGER": b"cat",
    b"GIT_PAGER": b"cat",
    b"LESSSECURE": b"1",
}
"""On a terminal many programs page, and a pager starts others: not for who may run only listed."""


class ExecRequest(msgspec.Struct):
    """What to run. `env` is added to the agent's own; `timeout` is in seconds; `user` is empty
    for the agent's own; what is detached goes on without the channel, and has no input."""

    argv: list[bytes]
    cwd: bytes | None = None
    env: dict[bytes, bytes] = {}
    timeout: float | None = None
    user: str = ""
    detach: bool = False
    tty: Tty | None = None


class ExecReply(msgspec.Struct):
    pid: int
    job: int | None = None
    """Its number among the jobs, if it was started detached."""


def _parse(request: bytes) -> ExecRequest:
    """Raise RemoteProtocolError when no operating system could run `request`."""
    wanted = decode_value(request, ExecRequest)
    check_argv(wanted.argv)
    check_environment(wanted.env)
    check_words(wanted.cwd or b"", wanted.user.encode())
    if wanted.timeout is not None and not wanted.timeout > 0:
        raise RemoteProtocolError("the timeout must be more than 0 s")
    if wanted.tty is not None:
        wanted.tty.check()
        if wanted.detach:
            raise RemoteProtocolError("what is detached has no terminal")
    return wanted


def action(request: bytes) -> Action:
    """What `request` wants, for the policy. Raises RemoteProtocolError when malformed."""
    from guardpost.host.programs import find_program

    wanted = _parse(request)
    program = find_program(wanted.argv[0], wanted.env.get(b"PATH"))
    argv = (program, *wanted.argv[1:])
    return Action("exec", argv=argv, env=tuple(wanted.env), user=wanted.user)


async def serve(channel: Channel, request: bytes, asker: Asker) -> None:
    """The agent's half. The file that is run is what action() found: asker.action has it.

    Raises nothing: whatever goes wrong ends `channel` with a reset. When the channel breaks,
    or the task is cancelled, the program's group is terminated, and killed 2 s later.
    """
    from guardpost.host.spawning import SpawnError

    try:
        wanted = _parse(request)
        env = wanted.env | ({b"GUARDPOST_USER": os.fsencode(asker.user)} if asker.user else {})
        program = next(iter(asker.action.argv), None)
        child = await _spawn(wanted, program, env, is_listed=asker.verdict.is_listed)
    except RemoteProtocolError as error:
        channel.reset(ResetCode.BAD_REQUEST, str(error))
        return
    except SpawnError as error:
        channel.reset(error.code, error.text)
        return
    asker.note(pid=child.pid)
    if wanted.detach:
        await _detach(channel, child, wanted, asker)
    else:
        await _attached(channel, child, wanted, asker)


async def _spawn(
    wanted: ExecRequest, program: bytes | None, env: dict[bytes, bytes], *, is_listed: bool
) -> "Child | TerminalChild":
    """Raises SpawnError."""
    if wanted.tty is None:
        from guardpost.host.children import spawn

        return await spawn(wanted.argv, program=program, cwd=wanted.cwd, env=env, user=wanted.user)
    from guardpost.host.passwd import account_for, login_variables
    from guardpost.host.terminal_pty import spawn_on_terminal

    account = account_for(wanted.user)
    pagers = NO_PAGERS if is_listed else {}
    return await spawn_on_terminal(
        wanted.argv,
        program=program,
        cwd=wanted.cwd,
        env={**login_variables(account), b"TERM": wanted.tty.term, **env, **pagers},
        account=account,
        size=(wanted.tty.rows, wanted.tty.columns),
    )


async def _attached(
    channel: Channel, child: "Child | TerminalChild", wanted: ExecRequest, asker: Asker
) -> None:
    ahead = AHEAD_BYTES if wanted.tty is None else TERMINAL_AHEAD_BYTES
    job = Job(child, ahead=ahead, timeout=wanted.timeout)
    running = asyncio.ensure_future(job.run())
    try:
        channel.accept(msgspec.msgpack.encode(ExecReply(child.pid)))
        with job.attach().attached() as reader:
            await relay(channel, job, reader, child)
    except RemoteProtocolError as error:
        channel.reset(ResetCode.PROTOCOL, str(error))
    except ChannelReset:
        pass  # the console has gone away
    except asyncio.CancelledError:
        channel.reset(ResetCode.CANCELLED)
        raise
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        asker.note(**_ending(job))


async def _detach(
    channel: Channel, child: "Child | TerminalChild", wanted: ExecRequest, asker: Asker
) -> None:
    """Let it go on; it has no input."""
    child.close_stdin()
    job = Job(child, kept=KEPT_BYTES, timeout=wanted.timeout)
    try:
        number = asker.jobs().keep(job, SERVICE, tuple(wanted.argv), key=asker.key, user=asker.user)
    except ChannelReset as refusal:
        channel.reset(refusal.code, refusal.text)
        try:
            await child.terminate()
        finally:  # also when the session ends meanwhile
            child.close()
        return
    asker.note(job=number)
    channel.accept(msgspec.msgpack.encode(ExecReply(child.pid, number)))


def _ending(job: Job) -> dict[str, int | str]:
    """How it ended, for the audit."""
    if job.ended is None:
        return {}
    status, signal, timed_out = job.ended
    facts: dict[str, int | str] = {"timed_out": "yes"} if timed_out else {}
    if signal is not None:
        return {**facts, "signal": signal}
    return {**facts, "status": status or 0}


# --- the console's half ---


async def run(
    opener: Opener,
    argv: Sequence[bytes],
    *,
    stdin: int | None,
    stdout: int,
    stderr: int,
    cwd: bytes | None = None,
    env: Mapping[bytes, bytes] | None = None,
    timeout: float | None = None,
    user: str = "",
    compress: bool = True,
) -> int:
    """Run `argv` over there with our descriptors; return the exit code.

    128+N for signal N, 124 (program.TIMED_OUT) when `timeout` seconds were over. `stdin` None is
    an end at once. Raises UsageError, ChannelReset (refused: NOT_FOUND, FAILED, …; or
    broken), OSError when our descriptors cannot be read or written (BrokenPipeError).
    Whenever it raises, or is cancelled, the program over there is killed.
    """
    request = _encoded(ExecRequest(list(argv), cwd, dict(env or {}), timeout, user))
    channel = await opener.open(SERVICE, request, compress=compress)
    return exit_code(await follow(channel, stdin=stdin, stdout=stdout, stderr=stderr))


async def open_on_terminal(
    opener: Opener,
    argv: Sequence[bytes],
    tty: Tty,
    *,
    cwd: bytes | None = None,
    env: Mapping[bytes, bytes] | None = None,
    timeout: float | None = None,
    user: str = "",
) -> Channel:
    """`argv` on a terminal over there: a channel for program.py's records.

    Raises UsageError, ChannelReset.
    """
    wanted = ExecRequest(list(argv), cwd, dict(env or {}), timeout, user, tty=tty)
    return await opener.open(SERVICE, _encoded(wanted), interactive=True, compress=True)


async def start(
    opener: Opener,
    argv: Sequence[bytes],
    *,
    cwd: bytes | None = None,
    env: Mapping[bytes, bytes] | None = None,
    timeout: float | None = None,
    user: str = "",
) -> ExecReply:
    """Start `argv` over there, detached; returns its pid and its number among the jobs.

    Raises UsageError, ChannelReset, RemoteProtocolError.
    """
    wanted = ExecRequest(list(argv), cwd, dict(env or {}), timeout, user, detach=True)
    channel = await opener.open(SERVICE, _encoded(wanted))
    await channel.close()
    return decode_value(channel.reply, ExecReply)


def _encoded(wanted: ExecRequest) -> bytes:
    request = msgspec.msgpack.encode(wanted)
    if len(request) > MAX_REQUEST_BYTES:
        raise UsageError(f"the command and its environment exceed {MAX_REQUEST_BYTES} bytes")
    try:
        _parse(request)
    except RemoteProtocolError as error:
        raise UsageError(f"the command cannot be run: {error}") from None
    return request
