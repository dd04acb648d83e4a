"""What passes between a program on the agent's host and the console, whatever started it.

Console to agent: Stdin, StdinEof, Signal, Resize, Leave. Agent to console: Stdout, Stderr, and Exit
last.
"""

import asyncio
import re
from typing import Protocol

import msgspec

from guardpost.aio.channel import Channel
from guardpost.errors import RemoteProtocolError, ResetCode
from guardpost.host.descriptors import DescriptorReader, DescriptorWriter
from guardpost.services.job import Attachment, Ended, Job
from guardpost.services.records import RecordReader, write_record

__all__ = [
    "CHUNK_BYTES",
    "TIMED_OUT",
    "Exit",
    "Leave",
    "Resize",
    "Signal",
    "Stderr",
    "Stdin",
    "StdinEof",
    "Stdout",
    "ToAgent",
    "ToConsole",
    "Tty",
    "Typed",
    "exit_code",
    "exit_of",
    "follow",
    "relay",
    "to_agent",
    "to_console",
]

TIMED_OUT = 124
"""The exit code of a program that was killed for its time; timeout(1) has the same."""

CHUNK_BYTES = 32768
"""At most so much input in one record."""

# How long the console may take to half-close after Exit.
CLOSING_SECONDS = 30.0


class Tty(msgspec.Struct):
    """The terminal that a program is to have: `term` is its kind, terminfo(5)'s name."""

    term: bytes = b"dumb"
    rows: int = 24
    columns: int = 80

    def check(self) -> None:
        """Raises RemoteProtocolError for a kind that is no name: programs look for it as a file."""
        if re.fullmatch(rb"[A-Za-z0-9][A-Za-z0-9+._-]{0,63}", self.term) is None:
            raise RemoteProtocolError("the terminal's kind is no name of terminfo")


class Stdin(msgspec.Struct, tag=0, array_like=True):
    data: bytes


class StdinEof(msgspec.Struct, tag=1, array_like=True):
    pass


class Signal(msgspec.Struct, tag=2, array_like=True):
    """Send this signal to the program's group; unknown numbers are ignored."""

    number: int


class Resize(msgspec.Struct, tag=3, array_like=True):
    """The console's screen has this size now; for a program on a terminal."""

    rows: int
    columns: int


class Leave(msgspec.Struct, tag=4, array_like=True):
    """The console goes. The agent ends the channel once the program has what came before this:
    a reset overtakes what was typed, and drops it."""


class Stdout(msgspec.Struct, tag=0, array_like=True):
    data: bytes


class Stderr(msgspec.Struct, tag=1, array_like=True):
    data: bytes


class Exit(msgspec.Struct, tag=2, array_like=True):
    """The program ended: with a status, by a signal, or killed for its timeout."""

    status: int | None
    signal: int | None = None
    timed_out: bool = False


ToAgent = Stdin | StdinEof | Signal | Resize | Leave
ToConsole = Stdout | Stderr | Exit
to_agent: msgspec.msgpack.Decoder[ToAgent] = msgspec.msgpack.Decoder(ToAgent)
to_console: msgspec.msgpack.Decoder[ToConsole] = msgspec.msgpack.Decoder(ToConsole)


class Typed(Protocol):
    """What may be done to a program from afar: host.children.Child, terminal_pty.TerminalChild."""

    async def write_stdin(self, data: bytes) -> None: ...

    def close_stdin(self) -> None: ...

    def signal(self, number: int) -> None: ...

    def resize(self, rows: int, columns: int) -> None: ...


class _Left(Exception):
    """The console has said Leave."""


def exit_of(ended: Ended) -> Exit:
    return Exit(ended.status, ended.signal, ended.timed_out)


# --- the agent's half ---


async def relay(channel: Channel, job: Job, reader: Attachment, program: Typed) -> None:
    """Carry input and signals to `program`, and what `reader` has of its job back, to the end, or
    until the console leaves.

    Raises ChannelReset when the console goes away, Superseded when another reader attaches, and
    RemoteProtocolError. What then becomes of the job, and of the channel, is the caller's.
    """
    obeying = asyncio.ensure_future(_obey(channel, program))
    reporting = asyncio.ensure_future(_report(channel, job, reader))
    # Obeying may be waiting for the program to read, and reporting for it to write.
    broken = asyncio.ensure_future(channel.wait_reset())
    tasks = (obeying, reporting, broken)
    both = asyncio.gather(obeying, reporting)
    try:
        await asyncio.wait((both, reporting, broken), return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
        # Closing while the console still sends input could cost it our last records.
        await channel.write_eof()
        ends = (obeying, broken)
        await asyncio.wait(ends, timeout=CLOSING_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        await channel.close()
    except _Left:
        reporting.cancel()
        await asyncio.wait((reporting,))
        await channel.close()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(both, *tasks, return_exceptions=True)


async def _obey(channel: Channel, program: Typed) -> None:
    records = RecordReader(channel)
    while (record := await records.read(to_agent)) is not None:
        match record:
            case Stdin():
                await program.write_stdin(record.data)
            case StdinEof():
                program.close_stdin()
            case Signal(number):
                program.signal(number)
            case Resize(rows, columns):
                program.resize(rows, columns)
            case Leave():
                raise _Left
        del record  # the next one may take a day, and this one 32 kB
    program.close_stdin()


async def _report(channel: Channel, job: Job, reader: Attachment) -> None:
    while (piece := await reader.read()) is not None:
        kind = Stderr if piece.output else Stdout
        await write_record(channel, kind(piece.data))
        del piece  # as in _obey()
    if job.ended is not None:
        await write_record(channel, exit_of(job.ended))


# --- the console's half ---


async def follow(channel: Channel, *, stdin: int | None, stdout: int, stderr: int) -> Exit | None:
    """Give the program our descriptors until it has ended; None when only the channel has.

    `stdin` None is an end at once. Raises ChannelReset, RemoteProtocolError, and OSError when
    our descriptors cannot be read or written. Whenever it raises, or is cancelled, the channel is
    reset.
    """
    feeding = asyncio.ensure_future(_feed(channel, stdin))
    printing = asyncio.ensure_future(_print(channel, stdout, stderr))
    try:
        await asyncio.wait((feeding, printing), return_when=asyncio.FIRST_COMPLETED)
        if feeding.done() and not printing.done():
            feeding.result()
        ended = await printing
        await channel.close()
        return ended
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


async def _print(channel: Channel, stdout: int, stderr: int) -> Exit | None:
    out, err = DescriptorWriter(stdout), DescriptorWriter(stderr)
    records = RecordReader(channel)
    while (record := await records.read(to_console)) is not None:
        match record:
            case Stdout():
                await out.write(record.data)
            case Stderr():
                await err.write(record.data)
            case Exit():
                return record
        del record  # as in _obey()
    return None


def exit_code(ended: Exit | None) -> int:
    """What a command ends with that shows a program's end.

    128+N for signal N, 124 when its time was over. Raises RemoteProtocolError for None: an agent
    that ended the channel without saying how the program did.
    """
    if ended is None:
        raise RemoteProtocolError("the agent ended the command's channel without its exit status")
    if ended.timed_out:
        return TIMED_OUT
    if ended.signal is not None:
        return 128 + ended.signal
    return ended.status if ended.status is not None else 255
