"""The service "shell": a login shell on a terminal of the agent's host.

It has a session of its own, and what has its terminal is hung up when the channel breaks; unless
it is to be kept, and then goes on as a job (jobs.py), to which a later channel attaches.
"""

import asyncio
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from guardpost.aio.channel import Channel, Opener
from guardpost.errors import ChannelReset, RemoteProtocolError, ResetCode, UsageError
from guardpost.services.action import Action
from guardpost.services.argv import check_environment, check_words
from guardpost.services.asker import Asker
from guardpost.services.job import KEPT_BYTES, TERMINAL_AHEAD_BYTES, Job, Superseded
from guardpost.services.program import Tty, relay
from guardpost.services.records import decode_value

if TYPE_CHECKING:
    from guardpost.host.login_records import LoginRecord
    from guardpost.host.terminal_pty import TerminalChild
    from guardpost.services.kept import KeptJob

__all__ = ["SERVICE", "ShellReply", "ShellRequest", "action", "open_shell", "serve"]

SERVICE = "shell"

ENV_MAX: Final = 64
ENV_VALUE_MAX_BYTES: Final = 1024
OTHERS: Final = Action("admin")


class ShellRequest(msgspec.Struct):
    """`env` is what the console may set (host/login.py), the rest of it is passed over; `user` is
    empty for the agent's own.

    With `keep` it goes on when the channel ends. Then `attach` is the number of the one to go on
    with; nil is the key's only one, if it has one, and else a new one; 0 is always a new one.
    """

    tty: Tty
    env: dict[bytes, bytes] = {}
    user: str = ""
    keep: bool = False
    attach: int | None = None


class ShellReply(msgspec.Struct):
    """`terminal` is its name over there; `job` its number, if it is kept; `is_back`: it was there
    already, and `dropped` bytes of what it wrote meanwhile are not kept."""

    pid: int
    terminal: str
    job: int | None = None
    is_back: bool = False
    dropped: int = 0


def _parse(request: bytes) -> ShellRequest:
    """Raises RemoteProtocolError."""
    wanted = decode_value(request, ShellRequest)
    wanted.tty.check()
    words = [*wanted.env, *wanted.env.values()]
    if len(wanted.env) > ENV_MAX or any(len(word) > ENV_VALUE_MAX_BYTES for word in words):
        raise RemoteProtocolError("too many variables, or too long ones")
    check_environment(wanted.env)
    check_words(wanted.user.encode())
    return wanted


def action(request: bytes) -> Action:
    """What `request` wants, for the policy. Raises RemoteProtocolError when malformed."""
    wanted = _parse(request)
    return Action("shell", user=wanted.user, env=tuple(wanted.env))


# --- the agent's half ---


async def serve(channel: Channel, request: bytes, asker: Asker) -> None:
    """Raises nothing but CancelledError: whatever goes wrong ends `channel` with a reset."""
    from guardpost.host.spawning import SpawnError

    try:
        wanted = _parse(request)
        kept = _kept_one(wanted, asker)
        if kept is not None:
            await _follow(channel, kept, wanted, asker)
        elif wanted.keep:
            await _serve_kept(channel, wanted, asker)
        else:
            await _serve_attached(channel, wanted, asker)
    except RemoteProtocolError as error:
        channel.reset(ResetCode.PROTOCOL, str(error))
    except SpawnError as error:
        channel.reset(error.code, error.text)
    except Superseded:
        channel.reset(ResetCode.CANCELLED, "superseded: this shell is attached elsewhere now")
    except ChannelReset as refusal:
        channel.reset(refusal.code, refusal.text)


def _kept_one(wanted: ShellRequest, asker: Asker) -> "KeptJob | None":
    """The one to go on with, if any. Raises ChannelReset when it is not there, or not clear."""
    if wanted.attach:
        found = asker.jobs().find(wanted.attach)
        if not (
            found is not None
            and found.kind == SERVICE
            and found.job.ended is None
            and (found.key == asker.key or asker.decide(OTHERS).allowed)
        ):
            text = f"there is no shell {wanted.attach} of yours"
            raise ChannelReset(ResetCode.NOT_FOUND, text)
        return found
    if not wanted.keep or wanted.attach == 0:
        return None
    own = [
        each
        for each in asker.jobs().all()
        if each.kind == SERVICE and each.key == asker.key and each.job.ended is None
    ]
    if len(own) > 1:
        numbers = ", ".join(str(each.number) for each in own)
        raise ChannelReset(ResetCode.FAILED, f"shells {numbers} are kept: --attach ID, or --new")
    return own[0] if own else None


async def _serve_attached(channel: Channel, wanted: ShellRequest, asker: Asker) -> None:
    """The shell ends with its channel. Raises SpawnError, ChannelReset, RemoteProtocolError."""
    child, record = await _start(wanted, asker)
    job = Job(child, ahead=TERMINAL_AHEAD_BYTES)
    running = asyncio.ensure_future(job.run())
    running.add_done_callback(lambda _: _log_out(record))
    try:
        channel.accept(msgspec.msgpack.encode(ShellReply(child.pid, child.name)))
        with job.attach().attached() as reader:
            await relay(channel, job, reader, child)
    except asyncio.CancelledError:
        channel.reset(ResetCode.CANCELLED)
        raise
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        _note_end(job, asker)


async def _serve_kept(channel: Channel, wanted: ShellRequest, asker: Asker) -> None:
    """The shell outlives its channel. Raises as _serve_attached()."""
    child, record = await _start(wanted, asker)
    job = Job(child, kept=KEPT_BYTES, ahead=TERMINAL_AHEAD_BYTES)
    jobs = asker.jobs()
    try:
        number = jobs.keep(
            job,
            SERVICE,
            (child.argv0,),
            key=asker.key,
            user=asker.user,
            ends_alone=True,
            ended=lambda: _log_out(record),
        )
    except ChannelReset:
        try:
            await child.terminate()
        finally:  # also when the session ends meanwhile
            child.close()
            _log_out(record)
        raise
    kept = jobs.find(number)
    assert kept is not None
    await _follow(channel, kept, wanted, asker, is_back=False)


async def _follow(
    channel: Channel, kept: "KeptJob", wanted: ShellRequest, asker: Asker, *, is_back: bool = True
) -> None:
    """Attach to one that is kept, until it ends or the channel does. Raises Superseded,
    ChannelReset, RemoteProtocolError."""
    from guardpost.host.terminal_pty import TerminalChild

    child, job = kept.job.program, kept.job
    assert isinstance(child, TerminalChild)
    asker.note(job=kept.number, pid=child.pid, terminal=child.name)
    try:
        with job.attach(replay=True).attached() as reader:
            reply = ShellReply(child.pid, child.name, kept.number, is_back, reader.position)
            channel.accept(msgspec.msgpack.encode(reply))
            if is_back:
                child.resize(wanted.tty.rows, wanted.tty.columns)
            await relay(channel, job, reader, child)
    finally:
        if job.ended is not None:
            asker.jobs().forget(kept.number)
            _note_end(job, asker)
        else:
            asker.jobs().leave(kept)


async def _start(wanted: ShellRequest, asker: Asker) -> "tuple[TerminalChild, LoginRecord]":
    """Raises SpawnError."""
    from guardpost.host.login import argv_of_shell, is_carried, login_environment
    from guardpost.host.login_records import LoginRecord, LoginRecords
    from guardpost.host.passwd import account_for, own_account
    from guardpost.host.terminal_pty import spawn_on_terminal

    other = account_for(wanted.user)
    account = other or own_account()
    shell, argv0 = argv_of_shell(account)
    more = {name: value for name, value in wanted.env.items() if is_carried(name)}
    more[b"TERM"] = wanted.tty.term
    if asker.user:
        more[b"GUARDPOST_USER"] = os.fsencode(asker.user)
    child = await spawn_on_terminal(
        [os.fsencode(argv0)],
        program=os.fsencode(shell),
        env=login_environment(account, {**more, b"SHELL": os.fsencode(shell)}),
        is_login=True,
        account=other,
        size=(wanted.tty.rows, wanted.tty.columns),
    )
    line = child.name.removeprefix("/dev/")
    record = LoginRecord(line, child.pid, account.name, asker.user or "guardpost")
    asker.note(pid=child.pid, terminal=child.name, as_user=account.name)
    if failure := LoginRecords().login(record):
        asker.note(record=failure)
    return child, record


def _log_out(record: "LoginRecord") -> None:
    from guardpost.host.login_records import LoginRecords

    LoginRecords().logout(record)


def _note_end(job: Job, asker: Asker) -> None:
    if job.ended is not None:
        status, signal, _ = job.ended
        asker.note(**({"signal": signal} if signal is not None else {"status": status or 0}))


# --- the console's half ---


async def open_shell(
    opener: Opener,
    tty: Tty,
    *,
    env: Mapping[bytes, bytes],
    user: str = "",
    keep: bool = False,
    attach: int | None = None,
) -> tuple[Channel, ShellReply]:
    """The channel of a shell, for program.py's records. Raises ChannelReset, UsageError."""
    request = msgspec.msgpack.encode(ShellRequest(tty, dict(env), user, keep, attach))
    try:
        _parse(request)
    except RemoteProtocolError as error:
        raise UsageError(f"TERM, LANG or LC_*: {error}") from None
    channel = await opener.open(SERVICE, request, interactive=True, compress=True)
    return channel, decode_value(channel.reply, ShellReply)
