"""The services `ps`, `kill` and `nice`: the process table of the host, and what to do to it.

ps: the reply is a row of records, each a list of at most CHUNK_PROCESSES
processes, so that a slow line shows progress; then the half-close.
kill, nice: the reply is one record, a list with one result per target, in their order.
"""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from guardpost.aio.channel import Channel, Opener
from guardpost.errors import GuardpostError, RemoteProtocolError, ResetCode
from guardpost.services.action import Action
from guardpost.services.records import RecordReader, decode_value, read_record, write_record

__all__ = [
    "ARGV_BYTES",
    "CHUNK_PROCESSES",
    "MAX_TARGETS",
    "KillRequest",
    "KillResult",
    "KillTarget",
    "NiceRequest",
    "Process",
    "kill",
    "kill_action",
    "list_processes",
    "nice",
    "nice_action",
    "nice_local",
    "local_processes",
    "ps_action",
    "serve_kill",
    "serve_nice",
    "serve_ps",
    "signal_local",
]

CHUNK_PROCESSES = 64
# A command line may have megabytes; this much of it tells what runs, and fits a record.
ARGV_BYTES = 2048
NAME_BYTES = 256
MAX_TARGETS = 1000


class Process(msgspec.Struct, omit_defaults=True):
    """One process, as guardpost.host.processes.ProcessInfo; None is what was withheld.

    Times in seconds (`started` since the epoch), memory in bytes. `argv` is cut
    at ARGV_BYTES.
    """

    pid: int
    ppid: int | None = None
    user: str | None = None
    state: str | None = None
    started: float | None = None
    cpu_seconds: float | None = None
    rss_bytes: int | None = None
    threads: int | None = None
    name: str | None = None
    argv: list[bytes] | None = None
    nice: int | None = None


class PsRequest(msgspec.Struct, omit_defaults=True):
    """Nothing yet."""


class KillTarget(msgspec.Struct, omit_defaults=True):
    """A process; with `started`, only the one that started then (the pid may be used again)."""

    pid: int
    started: float | None = None


class KillRequest(msgspec.Struct, omit_defaults=True):
    targets: list[KillTarget]
    signal: str = "TERM"


class NiceRequest(msgspec.Struct, omit_defaults=True):
    targets: list[KillTarget]
    nice: int


class KillResult(msgspec.Struct, omit_defaults=True):
    """What became of one target: `word` is empty when it was signalled, else the error's."""

    pid: int
    word: str = ""
    text: str = ""


def local_processes() -> list[Process]:
    """The processes of this host, by rising pid. Blocks for up to a tenth of a second."""
    from guardpost.host import processes

    return [
        Process(
            pid=each.pid,
            ppid=each.ppid,
            user=each.user[:NAME_BYTES] if each.user else each.user,
            state=each.state,
            started=each.started,
            cpu_seconds=each.cpu_seconds,
            rss_bytes=each.rss_bytes,
            threads=each.threads,
            name=each.name[:NAME_BYTES] if each.name else each.name,
            argv=None if each.argv is None else _cut(each.argv),
            nice=each.nice,
        )
        for each in processes.list_processes()
    ]


def _cut(argv: list[bytes]) -> list[bytes]:
    kept: list[bytes] = []
    room = ARGV_BYTES
    for argument in argv:
        if room <= 0:
            break
        kept.append(argument[:room])
        # Empty arguments take room too: a million of them are no small record.
        room -= len(argument) + 1
    return kept


def signal_local(pid: int, signal: str = "TERM", started: float | None = None) -> None:
    """Signal a process of this host.

    Raises a ServiceError whose word is no-such-process, signal-denied, signal-refused
    or unknown-signal.
    """
    from guardpost.host import processes

    processes.kill(pid, signal, started=started)


def nice_local(pid: int, nice: int, started: float | None = None) -> None:
    """Give a process of this host a nice value.

    Raises a ServiceError whose word is no-such-process, nice-denied or nice-refused.
    """
    from guardpost.host import priority

    priority.set_nice(pid, nice, started=started)


def ps_action(request: bytes) -> Action:
    """What `request` wants, for the policy."""
    return Action("monitor")


async def serve_ps(channel: Channel, request: bytes) -> None:
    """The agent's half of `ps`. Raises ChannelReset when the console went away."""
    try:
        decode_value(request or b"\x80", PsRequest)
    except RemoteProtocolError as error:
        channel.reset(ResetCode.BAD_REQUEST, str(error))
        return
    channel.accept()
    table = await asyncio.to_thread(local_processes)
    for start in range(0, len(table), CHUNK_PROCESSES):
        await write_record(channel, table[start : start + CHUNK_PROCESSES])
    await channel.write_eof()


async def list_processes(
    opener: Opener, arrived: Callable[[int], None] | None = None
) -> list[Process]:
    """The processes of the agent's host, by rising pid; `arrived` hears how many came so far.

    Raises ChannelReset, and RemoteProtocolError when the agent's reply makes no sense.
    """
    channel = await opener.open("ps", msgspec.msgpack.encode(PsRequest()), compress=True)
    table: list[Process] = []
    try:
        reader = RecordReader(channel)
        while (chunk := await reader.read(list[Process])) is not None:
            table += chunk
            if arrived is not None:
                arrived(len(table))
    finally:
        await channel.close()
    return table


def kill_action(request: bytes) -> Action:
    """What `request` wants, for the policy."""
    return Action("admin")


async def serve_kill(
    channel: Channel, request: bytes, note: Callable[..., None] = lambda **facts: None
) -> None:
    """The agent's half of `kill`. Every target is tried, whatever became of the others.

    `note` is told the signal and what became of each.
    """
    try:
        wanted = decode_value(request, KillRequest)
    except RemoteProtocolError as error:
        channel.reset(ResetCode.BAD_REQUEST, str(error))
        return

    def signal(target: KillTarget) -> None:
        signal_local(target.pid, wanted.signal, target.started)

    pids = await _do_to_each(channel, wanted.targets, signal)
    if pids is not None:
        note(signal=wanted.signal[:NAME_BYTES], pids=pids)


async def serve_nice(
    channel: Channel, request: bytes, note: Callable[..., None] = lambda **facts: None
) -> None:
    """The agent's half of `nice`, as serve_kill()."""
    try:
        wanted = decode_value(request, NiceRequest)
    except RemoteProtocolError as error:
        channel.reset(ResetCode.BAD_REQUEST, str(error))
        return

    def set_nice(target: KillTarget) -> None:
        nice_local(target.pid, wanted.nice, target.started)

    pids = await _do_to_each(channel, wanted.targets, set_nice)
    if pids is not None:
        note(nice=wanted.nice, pids=pids)


async def _do_to_each(
    channel: Channel, targets: Sequence[KillTarget], do: Callable[[KillTarget], None]
) -> str | None:
    """Answer with what became of each; the same in one word for the audit, None when refused."""
    if len(targets) > MAX_TARGETS:
        channel.reset(ResetCode.LIMIT, f"at most {MAX_TARGETS} processes at once")
        return None
    channel.accept()
    results = []
    for target in targets:
        try:
            do(target)
        except GuardpostError as error:
            results.append(KillResult(target.pid, error.word, str(error)[:NAME_BYTES]))
        else:
            results.append(KillResult(target.pid))
    await write_record(channel, results)
    await channel.write_eof()
    return ",".join(f"{each.pid}:{each.word}" if each.word else str(each.pid) for each in results)


def nice_action(request: bytes) -> Action:
    """What `request` wants, for the policy."""
    return Action("admin")


async def kill(
    opener: Opener, targets: Sequence[KillTarget], signal: str = "TERM"
) -> list[KillResult]:
    """Signal processes of the agent's host; one result per target, in their order.

    Partly done is no exception: look at each result's `word`. Raises ChannelReset,
    and RemoteProtocolError when the agent's reply makes no sense.
    """
    request = msgspec.msgpack.encode(KillRequest(list(targets), signal))
    return await _ask_for_each(opener, "kill", request, targets)


async def nice(opener: Opener, targets: Sequence[KillTarget], value: int) -> list[KillResult]:
    """Give processes of the agent's host the nice value `value`; otherwise as kill()."""
    request = msgspec.msgpack.encode(NiceRequest(list(targets), value))
    return await _ask_for_each(opener, "nice", request, targets)


async def _ask_for_each(
    opener: Opener, service: str, request: bytes, targets: Sequence[KillTarget]
) -> list[KillResult]:
    channel = await opener.open(service, request)
    try:
        results = await read_record(channel, list[KillResult])
    finally:
        await channel.close()
    if results is None or [each.pid for each in results] != [each.pid for each in targets]:
        raise RemoteProtocolError("the agent did not say what became of each process")
    return results
