"""Job: a program that was started, and what it wrote, whoever reads that and whenever.

While somebody is attached nothing is dropped: the program waits for its reader, as it would on
a pipe. While nobody is, it goes on, and the last bytes are kept. A job knows no channel: `exec`
and `shell` attach their own to it, `jobs` attaches another one later.
"""

import asyncio
import contextlib
import sys
from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

from guardpost.host.descriptors import DescriptorReader

__all__ = ["AHEAD_BYTES", "KEPT_BYTES", "TERMINAL_AHEAD_BYTES", "Attachment", "Backlog", "Ended"]
__all__ += ["Job", "Piece", "Running", "Superseded"]

KEPT_BYTES: Final = 65536
"""Of output that is kept for who attaches later."""

AHEAD_BYTES: Final = 16384
"""How far a program may write ahead of its reader."""

TERMINAL_AHEAD_BYTES: Final = 2048
"""The same on a terminal: less, since Ctrl-C shall act at once. What the kernel has, it drops when
that is typed (termios(3), ISIG), but not what we have."""

LINGER_SECONDS: Final = 2.0
"""After the program's end, how long others may keep its output open before we stop waiting."""

_READ_BYTES: Final = 8192
# What a pipe holds (Linux: pipe(7)): more than this was not there when we stopped waiting.
_PIPE_BYTES: Final = 65536


class Running(Protocol):
    """A program on pipes (host.children.Child) or on a terminal."""

    pid: int

    @property
    def outputs(self) -> tuple[DescriptorReader, ...]:
        """Standard output, and standard error where it is apart."""
        ...

    async def wait(self) -> int:
        """The exit status; -N when signal N ended it."""
        ...

    def signal(self, number: int) -> None:
        """Signal all of it; a number unknown here is ignored."""
        ...

    async def terminate(self) -> int:
        """End all of it, and return as wait()."""
        ...

    def close(self) -> None: ...


class Ended(NamedTuple):
    """With a status, by a signal, or because its time was over."""

    status: int | None
    signal: int | None = None
    timed_out: bool = False


class Piece(NamedTuple):
    """What a program wrote: to output 0 or 1."""

    output: int
    data: bytes


class Superseded(Exception):
    """Somebody else has attached to the job."""


class Backlog:
    """The last `limit` bytes of what was written, in order; each byte has its number."""

    def __init__(self, limit: int) -> None:
        self.start = 0
        self.end = 0
        self._limit = limit
        self._pieces: deque[Piece] = deque()

    def append(self, piece: Piece, needed_from: int) -> None:
        """Take `piece`, and drop what is over the limit, but nothing from `needed_from` on."""
        self._pieces.append(piece)
        self.end += len(piece.data)
        self.drop(needed_from)

    def drop(self, needed_from: int) -> None:
        """Drop what is over the limit and before byte `needed_from`."""
        keep_from = min(self.end - self._limit, needed_from)
        while self.start < keep_from:
            output, data = self._pieces.popleft()
            surplus = keep_from - self.start
            if surplus < len(data):
                self._pieces.appendleft(Piece(output, data[surplus:]))
            self.start += min(surplus, len(data))

    def after(self, position: int) -> Iterator[Piece]:
        """What there is from byte `position` (or the first that is left) on."""
        at = self.start
        for output, data in self._pieces:
            if at + len(data) > position:
                yield Piece(output, data[max(position - at, 0) :])
            at += len(data)


class Job:
    """One running program, which run() reads until it has ended. Use inside one event loop.

    `kept` is how many bytes of output stay for who attaches later; 0 keeps only what the
    attached reader has not had yet. `ahead` is how many bytes it may write before that one
    reads. A timeout is in seconds.
    """

    def __init__(
        self,
        program: Running,
        *,
        kept: int = 0,
        ahead: int = AHEAD_BYTES,
        timeout: float | None = None,
    ) -> None:
        self.program = program
        self.ended: Ended | None = None
        self.is_out_of_time = False
        """Said by who cancels run() because it has run for too long."""
        self.backlog = Backlog(kept)
        self._ahead = ahead
        self._timeout = timeout
        self._reader: Attachment | None = None
        self._changed = asyncio.Event()

    @property
    def is_attached(self) -> bool:
        return self._reader is not None

    async def run(self) -> Ended:
        """Read the program's output to its end, and return how it ended.

        When this is cancelled, or fails, the program is ended first. It is closed afterwards.
        """
        pumps = [
            asyncio.ensure_future(self._pump(number, output))
            for number, output in enumerate(self.program.outputs)
        ]
        try:
            ended = await self._wait()
            await asyncio.wait(pumps, timeout=LINGER_SECONDS)
            for output in self.program.outputs:
                output.finish()
            await asyncio.gather(*pumps)
            self.ended = ended
            return ended
        except BaseException:
            code = await self.program.terminate()
            self.ended = self.ended or _ended(code, self.is_out_of_time)
            raise
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self.program.close()
            self._notify()

    def attach(self, *, replay: bool = False) -> "Attachment":
        """Read from now on; with `replay` first what was kept. Who was attached is superseded."""
        if self._reader is not None:
            self._reader.is_superseded = True
        position = self.backlog.start if replay else self.backlog.end
        self._reader = Attachment(self, position)
        self._notify()
        return self._reader

    def detach(self, reader: "Attachment") -> None:
        """`reader` reads no more. Nothing happens when it is not the one attached."""
        if self._reader is reader:
            self._reader = None
            self._notify()

    async def change(self) -> None:
        """Wait until there is more to read, or less, or somebody else who reads."""
        await self._changed.wait()

    def moved(self) -> None:
        """The reader has read on."""
        self.backlog.drop(self._needed_from)
        self._notify()

    @property
    def _needed_from(self) -> int:
        return self._reader.position if self._reader is not None else sys.maxsize

    def _notify(self) -> None:
        # Whoever waits is woken; who comes later waits for the next change.
        self._changed.set()
        self._changed = asyncio.Event()

    async def _wait(self) -> Ended:
        timed_out = False
        try:
            code = await asyncio.wait_for(self.program.wait(), self._timeout)
        except TimeoutError:
            timed_out = True
            code = await self.program.terminate()
        return _ended(code, timed_out)

    async def _pump(self, number: int, output: DescriptorReader) -> None:
        late = 0
        while late < _PIPE_BYTES:
            while self.backlog.end - self._needed_from >= self._ahead:
                await self.change()
            data = await output.read(min(_READ_BYTES, self._ahead))
            if not data:
                return
            late += len(data) if output.finishing else 0
            self.backlog.append(Piece(number, data), self._needed_from)
            self._notify()


def _ended(code: int, timed_out: bool = False) -> Ended:
    return Ended(None, -code, timed_out) if code < 0 else Ended(code, None, timed_out)


class Attachment:
    """One reader of a job: everything from where it began, in order, nothing twice."""

    def __init__(self, job: Job, position: int) -> None:
        self.position = position
        """The number of the next byte."""
        self.is_superseded = False
        self._job = job

    async def read(self) -> Piece | None:
        """The next piece, None when the job has ended and all of it was read.

        Raises Superseded when somebody else has attached.
        """
        while True:
            if self.is_superseded:
                raise Superseded
            piece = next(self._job.backlog.after(self.position), None)
            if piece is not None:
                self.position += len(piece.data)
                self._job.moved()
                return piece
            if self._job.ended is not None:
                return None
            await self._job.change()

    @contextlib.contextmanager
    def attached(self) -> "Iterator[Attachment]":
        """`with job.attach().attached() as reader:` detaches at the end."""
        try:
            yield self
        finally:
            self._job.detach(self)
