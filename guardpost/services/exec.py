"""The service "exec": a program on the agent's host, without a terminal and without a shell.

Console to agent: Stdin, StdinEof, Signal. Agent to console: Stdout, Stderr, and Exit last.
The program has its own session, and what runs in that is killed when the channel breaks.
"""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from guardpost.aio.channel import Channel, Opener
from guardpost.errors import (
    ChannelReset,
    RemoteProtocolError,
    ResetCode,
    UsageError,
)
from guardpost.host.descriptors import DescriptorReader, DescriptorWriter
from guardpost.services.action import Action
from guardpost.services.records import RecordReader, decode_value, write_record

if TYPE_CHECKING:
    from guardpost.host.children import Child

__all__ = [
    "SERVICE",
    "TIMED_OUT",
    "ExecReply",
    "ExecRequest",
    "Exit",
    "Signal",
    "Stderr",
    "Stdin",
    "StdinEof",
    "Stdout",
    "action",
    "run",
    "serve",
]

SERVICE = "exec"

TIMED_OUT = 124
"""run() returns this when the program was killed for its time; as timeout(1) does."""

MAX_REQUEST_BYTES = 65536  # docs/protocol.md, "Limits"
CHUNK_BYTES = 32768
# Of output in one record, which is shown when all of it is there: less than a second at 115200.
OUTPUT_BYTES = 8192
# After the program's end, how long others may keep its output open before we stop waiting.
LINGER_SECONDS = 2.0
# How long the console may take to half-close after Exit.
CLOSING_SECONDS = 30.0
# What a pipe holds (Linux: pipe(7)): more than this was not there when we stopped waiting.
_PIPE_BYTES = 65536


class ExecRequest(msgspec.Struct):
    """What to run. `env` is added to the agent's own; `timeout` is in seconds."""

    argv: list[bytes]
    cwd: bytes | None = None
    env: dict[bytes, bytes] = {}
    timeout: float | None = None


class ExecReply(msgspec.Struct):
    pid: int


class Stdin(msgspec.Struct, tag=0, array_like=True):
    data: bytes


class StdinEof(msgspec.Struct, tag=1, array_like=True):
    pass


class Signal(msgspec.Struct, tag=2, array_like=True):
    """Send this signal to the program's group; unknown numbers are ignored."""

    number: int


class Stdout(msgspec.Struct, tag=0, array_like=True):
    data: bytes


class Stderr(msgspec.Struct, tag=1, array_like=True):
    data: bytes


class Exit(msgspec.Struct, tag=2, array_like=True):
    """The program ended: with a status, by a signal, or killed for its timeout."""

    status: int | None
    signal: int | None = None
    timed_out: bool = False


ToAgent = Stdin | StdinEof | Signal
ToConsole = Stdout | Stderr | Exit
_to_agent: msgspec.msgpack.Decoder[ToAgent] = msgspec.msgpack.Decoder(ToAgent)
_to_console: msgspec.msgpack.Decoder[ToConsole] = msgspec.msgpack.Decoder(ToConsole)


def _parse(request: bytes) -> ExecRequest:
    """Raise RemoteProtocolError when no operating system could run `request`."""
    wanted = decode_value(request, ExecRequest)
    words = [*wanted.argv, *wanted.env, *wanted.env.values(), wanted.cwd or b""]
    if not wanted.argv or not wanted.argv[0]:
        raise RemoteProtocolError("the request names no program")
    if any(b"\0" in word for word in words):
        raise RemoteProtocolError("a NUL in the request")
    if any(not name or b"=" in name for name in wanted.env):
        raise RemoteProtocolError("a variable's name is empty or holds =")
    if wanted.timeout is not None and not wanted.timeout > 0:
        raise RemoteProtocolError("the timeout must be more than 0 s")
    return wanted


def action(request: bytes) -> Action:
    """What `request` wants, for the policy. Raises RemoteProtocolError when malformed."""
    from guardpost.host.programs import find_program

    wanted = _parse(request)
    program = find_program(wanted.argv[0], wanted.env.get(b"PATH"))
    return Action("exec", argv=(program, *wanted.argv[1:]), env=tuple(wanted.env))


async def serve(
    channel: Channel,
    request: bytes,
    *,
    user: str = "",
    program: bytes | None = None,
    note: Callable[..., None] = lambda **facts: None,
) -> None:
    """The agent's half; `user` (who asked) becomes GUARDPOST_USER.

    `program` is the file to run, as action() found it; None is what argv[0] leads to. `note` is
    told the pid and how the program ended.

    Raises nothing: whatever goes wrong ends `channel` with a reset. When the channel breaks,
    or the task is cancelled, the program's group is terminated, and killed 2 s later.
    """
    from guardpost.host.children import SpawnError, spawn

    try:
        wanted = _parse(request)
    except RemoteProtocolError as error:
        channel.reset(ResetCode.BAD_REQUEST, str(error))
        return
    environment = {**wanted.env, b"GUARDPOST_USER": os.fsencode(user)} if user else wanted.env
    try:
        child = await spawn(wanted.argv, program=program, cwd=wanted.cwd, env=environment)
    except SpawnError as error:
        channel.reset(error.code, error.text)
        return
    try:
        note(pid=child.pid)
        channel.accept(msgspec.msgpack.encode(ExecReply(child.pid)))
        await _Execution(channel, child, note).run(wanted.timeout)
    except RemoteProtocolError as error:
        channel.reset(ResetCode.PROTOCOL, str(error))
        await child.terminate()
    except ChannelReset:
        await child.terminate()
    except asyncio.CancelledError:
        channel.reset(ResetCode.CANCELLED)
        await child.terminate()
        raise
    finally:
        child.close()


class _Execution:
    """The agent's side of one running program. It finishes when Exit is written."""

    def __init__(self, channel: Channel, child: "Child", note: Callable[..., None]) -> None:
        self._channel = channel
        self._note = note
        self._child = child
        self._writing = asyncio.Lock()  # stdout and stderr share the channel

    async def run(self, timeout: float | None) -> None:
        """Raises ChannelReset, RemoteProtocolError."""
        obeying = asyncio.ensure_future(self._obey())
        reporting = asyncio.ensure_future(self._report(timeout))
        # Obeying may be waiting for the program to read, and reporting for it to write.
        broken = asyncio.ensure_future(self._channel.wait_reset())
        tasks = (obeying, reporting, broken)
        both = asyncio.gather(obeying, reporting)
        try:
            await asyncio.wait((both, reporting, broken), return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
            await self._let_go(obeying, broken)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(both, *tasks, return_exceptions=True)

    async def _let_go(self, *ends: asyncio.Task[object]) -> None:
        """Closing while the console still sends input could cost it our last records."""
        await self._channel.write_eof()
        await asyncio.wait(ends, timeout=CLOSING_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        await self._channel.close()

    async def _obey(self) -> None:
        records = RecordReader(self._channel)
        while (record := await records.read(_to_agent)) is not None:
            match record:
                case Stdin():
                    await self._child.write_stdin(record.data)
                case StdinEof():
                    self._child.close_stdin()
                case Signal(number):
                    self._child.signal(number)
            del record  # the next one may take a day, and this one 32 kB
        self._child.close_stdin()

    async def _report(self, timeout: float | None) -> None:
        pumps = [
            asyncio.ensure_future(self._pump(self._child.stdout, Stdout)),
            asyncio.ensure_future(self._pump(self._child.stderr, Stderr)),
        ]
        try:
            exit_record = await self._wait(timeout)
            await asyncio.wait(pumps, timeout=LINGER_SECONDS)
            self._child.stdout.finish()
            self._child.stderr.finish()
            await asyncio.gather(*pumps)
            await self._send(exit_record)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _wait(self, timeout: float | None) -> Exit:
        timed_out = False
        try:
            code = await asyncio.wait_for(self._child.wait(), timeout)
        except TimeoutError:
            timed_out = True
            code = await self._child.terminate()
        if timed_out:
            self._note(timed_out="yes")
        if code < 0:
            self._note(signal=-code)
            return Exit(None, -code, timed_out)
        self._note(status=code)
        return Exit(code, None, timed_out)

    async def _pump(self, pipe: DescriptorReader, kind: type[Stdout] | type[Stderr]) -> None:
        late = 0
        while late < _PIPE_BYTES and (data := await pipe.read(OUTPUT_BYTES)):
            late += len(data) if pipe.finishing else 0
            await self._send(kind(data))
            del data  # as in _obey()

    async def _send(self, record: ToConsole) -> None:
        async with self._writing:
            await write_record(self._channel, record)


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
    compress: bool = True,
) -> int:
    """The console's half: run `argv` over there with our descriptors; return the exit code.

    128+N for signal N, 124 (TIMED_OUT) when `timeout` seconds were over. `stdin` None is an
    end at once. Raises UsageError (too long), ChannelReset (refused: NOT_FOUND, FAILED, …; or
    broken), OSError when our descriptors cannot be read or written (BrokenPipeError).
    Whenever it raises, or is cancelled, the program over there is killed.
    """
    request = msgspec.msgpack.encode(ExecRequest(list(argv), cwd, dict(env or {}), timeout))
    if len(request) > MAX_REQUEST_BYTES:
        raise UsageError(f"the command and its environment exceed {MAX_REQUEST_BYTES} bytes")
    channel = await opener.open(SERVICE, request, compress=compress)
    feeding = asyncio.ensure_future(_feed(channel, stdin))
    printing = asyncio.ensure_future(_print(channel, stdout, stderr))
    try:
        await asyncio.wait((feeding, printing), return_when=asyncio.FIRST_COMPLETED)
        if feeding.done() and not printing.done():
            feeding.result()
        code = await printing
        await channel.close()
        return code
    except BaseException:
        channel.reset(ResetCode.CANCELLED)
        raise
    finally:
        feeding.cancel()
        printing.cancel()
        await asyncio.gather(feeding, printing, return_exceptions=True)


async def _feed(channel: Channel, stdin: int | None) -> None:
    if stdin is not None:
        reader = DescriptorReader(stdin)
        while data := await reader.read(CHUNK_BYTES):
            await write_record(channel, Stdin(data))
    await write_record(channel, StdinEof())


async def _print(channel: Channel, stdout: int, stderr: int) -> int:
    out, err = DescriptorWriter(stdout), DescriptorWriter(stderr)
    records = RecordReader(channel)
    while (record := await records.read(_to_console)) is not None:
        match record:
            case Stdout():
                await out.write(record.data)
            case Stderr():
                await err.write(record.data)
            case Exit():
                return _exit_code(record)
        del record  # as in _obey()
    raise RemoteProtocolError("the agent ended the command's channel without its exit status")


def _exit_code(record: Exit) -> int:
    if record.timed_out:
        return TIMED_OUT
    if record.signal is not None:
        return 128 + record.signal
    return record.status if record.status is not None else 255
