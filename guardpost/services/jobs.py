"""The services "jobs" and "job": the programs that go on without a channel, and one of them.

A console sees and touches those that its own key started; for all others it needs `admin`.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

import msgspec

from guardpost.aio.channel import Channel, Opener
from guardpost.errors import ChannelReset, RemoteProtocolError, ResetCode
from guardpost.services.action import Action
from guardpost.services.asker import Asker
from guardpost.services.job import Superseded
from guardpost.services.kept import KeptJob
from guardpost.services.program import (
    Exit,
    Stderr,
    Stdout,
    exit_of,
    follow,
    relay,
)
from guardpost.services.records import decode_value, read_record, write_record

__all__ = [
    "JOB",
    "JOBS",
    "Deed",
    "JobInfo",
    "JobReply",
    "JobRequest",
    "action",
    "attach",
    "end",
    "job_action",
    "list_jobs",
    "output",
    "serve_job",
    "serve_jobs",
]

JOBS: Final = "jobs"
JOB: Final = "job"

OWN: Final = Action("jobs")
OTHERS: Final = Action("admin")

# Of a command, in the list: enough to know it by.
_SHOWN_WORDS = 64
_SHOWN_BYTES = 1024


class JobInfo(msgspec.Struct):
    """Times are seconds since the epoch, on the agent's clock; `now` is that clock.

    `written` counts bytes of output, of which the last `kept` can be had. `is_own`: the asking key
    started it.
    """

    job: int
    kind: str
    argv: list[bytes]
    user: str
    is_own: bool
    pid: int
    started: float
    now: float
    written: int
    kept: int
    is_attached: bool
    ended: float | None = None
    exit: Exit | None = None


class Deed(StrEnum):
    """What to do with a job: follow it, have its kept output, signal it, end and forget it."""

    ATTACH = "attach"
    OUTPUT = "output"
    SIGNAL = "signal"
    FORGET = "forget"


class JobRequest(msgspec.Struct):
    """`signal` as kill(1) names it."""

    job: int
    do: Deed
    signal: str = "TERM"


class JobReply(msgspec.Struct):
    """How many bytes of output are not kept any more."""

    dropped: int = 0


class _Jobs(msgspec.Struct):
    jobs: list[JobInfo]


def action(request: bytes) -> Action:
    """What a list wants, for the policy. Raises RemoteProtocolError when malformed."""
    decode_value(request, dict[str, msgspec.Raw])
    return OWN


def job_action(request: bytes) -> Action:
    """What `request` wants, for the policy. Raises RemoteProtocolError when malformed."""
    decode_value(request, JobRequest)
    return OWN


# --- the agent's half ---


async def serve_jobs(channel: Channel, asker: Asker) -> None:
    """One record with all that the key may see."""
    jobs = asker.jobs()
    own = [each for each in jobs.all() if each.key == asker.key]
    others = [each for each in jobs.all() if each.key != asker.key]
    if others and not asker.consider(OTHERS).allowed:
        others = []
    shown = sorted([*own, *others], key=lambda each: each.number)
    channel.accept(msgspec.msgpack.encode({}))
    await write_record(channel, _Jobs([_info(each, asker, jobs.now()) for each in shown]))


def _info(kept: KeptJob, asker: Asker, now: float) -> JobInfo:
    job = kept.job
    return JobInfo(
        job=kept.number,
        kind=kept.kind,
        argv=_shortened(kept.argv),
        user=kept.user,
        is_own=kept.key == asker.key,
        pid=job.program.pid,
        started=kept.started,
        now=now,
        written=job.backlog.end,
        kept=job.backlog.end - job.backlog.start,
        is_attached=job.is_attached,
        ended=kept.ended_at,
        exit=exit_of(job.ended) if job.ended is not None else None,
    )


def _shortened(argv: tuple[bytes, ...]) -> list[bytes]:
    words: list[bytes] = []
    left = _SHOWN_BYTES
    for word in argv[:_SHOWN_WORDS]:
        words.append(word[: max(left, 0)])
        left -= len(word)
    return words


async def serve_job(channel: Channel, request: bytes, asker: Asker) -> None:
    """Do one deed to one job; what is refused, and what goes wrong, resets `channel`."""
    wanted = decode_value(request, JobRequest)
    try:
        kept = _found(wanted.job, asker)
        asker.note(job=kept.number, do=str(wanted.do))
        await _do(channel, kept, wanted, asker)
    except ChannelReset as refusal:
        channel.reset(refusal.code, refusal.text)
    except Superseded:
        channel.reset(ResetCode.CANCELLED, "another console has attached to this job")
    except RemoteProtocolError as error:
        channel.reset(ResetCode.PROTOCOL, str(error))


async def _do(channel: Channel, kept: KeptJob, wanted: JobRequest, asker: Asker) -> None:
    """Raises ChannelReset, Superseded, RemoteProtocolError."""
    match wanted.do:
        case Deed.ATTACH:
            try:
                with kept.job.attach(replay=True).attached() as reader:
                    channel.accept(msgspec.msgpack.encode(JobReply(reader.position)))
                    await relay(channel, kept.job, reader, _Watched(kept))
            finally:
                asker.jobs().leave(kept)
        case Deed.OUTPUT:
            await _output(channel, kept)
        case Deed.SIGNAL:
            _signal(kept, wanted.signal)
            channel.accept(msgspec.msgpack.encode(JobReply()))
        case Deed.FORGET:
            asker.jobs().forget(kept.number)
            channel.accept(msgspec.msgpack.encode(JobReply()))


def _found(number: int, asker: Asker) -> KeptJob:
    """Raises ChannelReset; what belongs to others is not there, as far as who asks can tell."""
    kept = asker.jobs().find(number)
    if kept is None or (kept.key != asker.key and not asker.decide(OTHERS).allowed):
        raise ChannelReset(ResetCode.NOT_FOUND, f"there is no job {number} of yours")
    return kept


class _Watched:
    """A job's program for who attaches: it may be signalled, and has no input."""

    def __init__(self, kept: KeptJob) -> None:
        self._kept = kept

    async def write_stdin(self, data: bytes) -> None:
        pass

    def close_stdin(self) -> None:
        pass

    def resize(self, rows: int, columns: int) -> None:
        pass

    def signal(self, number: int) -> None:
        self._kept.job.program.signal(number)


async def _output(channel: Channel, kept: KeptJob) -> None:
    backlog = kept.job.backlog
    pieces = list(backlog.after(backlog.start))
    ended = kept.job.ended
    channel.accept(msgspec.msgpack.encode(JobReply(backlog.start)))
    for number, data in pieces:
        await write_record(channel, (Stderr if number else Stdout)(data))
    if ended is not None:
        await write_record(channel, exit_of(ended))


def _signal(kept: KeptJob, name: str) -> None:
    """Raises ChannelReset."""
    from guardpost.host.processes import UnknownSignal, signal_number

    if kept.job.ended is not None:
        raise ChannelReset(ResetCode.NOT_FOUND, f"job {kept.number} has ended already")
    try:
        kept.job.program.signal(signal_number(name))
    except UnknownSignal as error:
        raise ChannelReset(ResetCode.BAD_REQUEST, str(error)) from None


# --- the console's half ---


async def list_jobs(opener: Opener) -> list[JobInfo]:
    """Those this key may see. Raises ChannelReset, RemoteProtocolError."""
    channel = await opener.open(JOBS, msgspec.msgpack.encode({}), compress=True)
    record = await read_record(channel, _Jobs)
    await channel.close()
    if record is None:
        raise RemoteProtocolError("the agent ended the list of jobs before it began")
    return record.jobs


async def attach(
    opener: Opener, number: int, *, stdout: int, stderr: int, dropped: Callable[[int], None]
) -> Exit | None:
    """What is kept of its output, then what comes, to its end. To leave it, cancel this.

    `dropped` is told how many bytes came before. Raises as exec.run() does.
    """
    return await _shown(opener, JobRequest(number, Deed.ATTACH), stdout, stderr, dropped)


async def output(
    opener: Opener, number: int, *, stdout: int, stderr: int, dropped: Callable[[int], None]
) -> Exit | None:
    """What is kept of its output now; None while it runs. Otherwise as attach()."""
    return await _shown(opener, JobRequest(number, Deed.OUTPUT), stdout, stderr, dropped)


async def _shown(
    opener: Opener,
    wanted: JobRequest,
    stdout: int,
    stderr: int,
    dropped: Callable[[int], None],
) -> Exit | None:
    channel = await opener.open(JOB, msgspec.msgpack.encode(wanted), compress=True)
    reply = decode_value(channel.reply, JobReply)
    if reply.dropped:
        dropped(reply.dropped)
    return await follow(channel, stdin=None, stdout=stdout, stderr=stderr)


async def end(opener: Opener, number: int, do: Deed, signal_name: str = "TERM") -> None:
    """Signal a job or forget it. Raises ChannelReset."""
    request = msgspec.msgpack.encode(JobRequest(number, do, signal_name))
    channel = await opener.open(JOB, request)
    await channel.close()
