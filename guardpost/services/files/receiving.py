"""Receiver: takes what the peer sends into a landing (the console in `get`, the agent in `put`).

Nothing the peer says is believed: names go through the landing, sizes are kept to, and contents
count when their digest does. Planning (what is there already?) runs beside the contents of what was
planned before, so that no file waits a round trip for the one before it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from guardpost.aio.channel import Channel
from guardpost.errors import GuardpostError, RemoteProtocolError
from guardpost.host.file_errors import FileFailure, failure_of
from guardpost.host.globs import matches
from guardpost.services.files import events
from guardpost.services.files.arrival import Arrival, FileArrival, StreamArrival, prepare
from guardpost.services.files.events import Tell
from guardpost.services.files.landing import Landing
from guardpost.services.files.messages import (
    FILE,
    FOLDER,
    OPEN_ENTRIES_MAX,
    Ask,
    Begin,
    Copy,
    Data,
    End,
    Entry,
    Fail,
    FromSender,
    Hole,
    Listed,
    Remark,
    Same,
    Settled,
    Trouble,
    Want,
    from_sender,
)
from guardpost.services.files.signing import send_signature
from guardpost.services.files.steps import in_thread, stepwise, together
from guardpost.services.records import RecordReader, encode_record

__all__ = ["ENTRIES_MAX", "Receiver"]

ENTRIES_MAX = 4_000_000
# Parts of earlier attempts that are held open until their turn comes.
KEPT_MAX = 16

Shown = Callable[[int, bytes], bytes]
"""(source, path) -> the name under which people know it."""


@dataclass(slots=True)
class _Wanted:
    """Contents that were asked for; the first of them is what the sender is sending."""

    index: int
    entry: Entry
    want: Want
    arrival: Arrival
    size: int | None
    begun: bool = False
    dead: bool = False
    again: bool = False
    travelled: int = 0


class Receiver:
    """`judge(path)` raises FileFailure for what may not be made (None: all may), and
    `may_show(path)` says whether the peer may learn anything of what is there now.

    `landing` None: the contents of files go to `stream`, one after the other. `patterns`: of the
    sources that are one, what the first component of a path must match.
    """

    def __init__(
        self,
        channel: Channel,
        landing: Landing | None,
        *,
        shown: Shown,
        tell: Tell,
        judge: Callable[[bytes], None] | None = None,
        may_show: Callable[[bytes], bool] | None = None,
        stream: int = -1,
        patterns: Mapping[int, bytes] = MappingProxyType({}),
    ) -> None:
        self._channel = channel
        self._landing = landing
        self._shown = shown
        self._tell = tell
        self._judge = judge
        self._may_show = may_show
        self._stream = stream
        self._writing = asyncio.Lock()
        self._plans: asyncio.Queue[tuple[int, Entry] | None] = asyncio.Queue()
        self._wanted: deque[_Wanted] = deque()
        self._patterns = patterns
        self._tops: dict[int, int] = dict.fromkeys(patterns, FOLDER)
        self._count = 0
        self._open = 0
        self._listed = False
        self._signing: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Until both sides have ended. Raises ChannelReset, RemoteProtocolError.

        What was received when it raises stays, for the next attempt.
        """
        try:
            await together(self._read(), self._plan())
            await self._settle()
            await self._channel.write_eof()
        finally:
            if self._signing is not None:
                self._signing.cancel()
                await asyncio.gather(self._signing, return_exceptions=True)
            for each in self._wanted:
                each.arrival.close()

    async def _send(self, record: object) -> None:
        async with self._writing:
            await self._channel.write(encode_record(record))

    # --- entries ---

    async def _read(self) -> None:
        records = RecordReader(self._channel)
        while (record := await records.read(from_sender)) is not None:
            match record:
                case Entry():
                    self._announced(record)
                case Trouble(source, path, word, text):
                    self._tell(events.Failed(self._shown(source, path), word, text))
                case Listed():
                    self._listed = True
                    self._tell(events.Listed())
                case _:
                    await self._content(record)
        self._plans.put_nowait(None)
        if not self._listed or self._open:
            raise RemoteProtocolError("the peer ended the copy before it was complete")

    def _announced(self, entry: Entry) -> None:
        if self._listed or self._open >= OPEN_ENTRIES_MAX or self._count >= ENTRIES_MAX:
            raise RemoteProtocolError("the peer announced more files than it may")
        index = self._count
        self._count += 1
        self._open += 1
        if entry.kind == FILE:
            self._tell(events.Found(self._name(entry), entry.size))
        self._plans.put_nowait((index, entry))

    def _name(self, entry: Entry) -> bytes:
        return self._shown(entry.source, entry.path)

    async def _plan(self) -> None:
        while (planned := await self._plans.get()) is not None:
            index, entry = planned
            try:
                self._check(entry)
                if self._landing is None:
                    await self._plan_stream(index, entry)
                elif entry.kind == FILE:
                    await self._plan_file(self._landing, index, entry)
                else:
                    await self._make(self._landing, index, entry)
            except (OSError, FileFailure, GuardpostError) as error:
                await self._failed(index, entry, error)

    def _check(self, entry: Entry) -> None:
        """Raises FileFailure and UnsafeName for what nobody asked for."""
        pattern = self._patterns.get(entry.source)
        below = entry.path
        if pattern is not None:
            name, _, below = entry.path.partition(b"/")
            if not matches(name, pattern):
                raise FileFailure("unsafe-name", "nobody asked for this")
        if self._landing is None and below:
            raise FileFailure("is-a-folder", "only files can go to a stream")
        where = self._landing.where(entry.source, entry.path) if self._landing else ()
        if entry.path and self._tops.get(entry.source) != FOLDER:
            raise FileFailure("unsafe-name", "it is said to be in what is no folder")
        if not entry.path and self._tops.setdefault(entry.source, entry.kind) != entry.kind:
            raise FileFailure("unsafe-name", "nobody asked for this")
        if entry.size is None and not (self._landing and self._landing.takes_stream):
            raise FileFailure("no-size", "a file without an end was not asked for")
        if self._landing is not None and self._judge is not None:
            self._judge(self._landing.path_of(where))

    async def _plan_stream(self, index: int, entry: Entry) -> None:
        if entry.kind != FILE:
            raise FileFailure("is-a-folder", "only files can go to a stream")
        await self._ask_for(index, entry, Want(index), StreamArrival(self._stream))

    async def _plan_file(
        self, landing: Landing, index: int, entry: Entry, *, again: bool = False
    ) -> None:
        keep = sum(bool(each.want.rungs) for each in self._wanted) < KEPT_MAX
        where = landing.where(entry.source, entry.path)
        may_show = self._may_show
        steps = prepare(
            landing,
            where,
            index,
            entry,
            fresh=again,
            keep=keep,
            show=may_show is None or may_show(landing.path_of(where)),
        )
        found = await stepwise(steps, _forsake)
        if found is None:
            self._tell(events.Skipped(self._name(entry), entry.size or 0))
            await self._settled(index, "same")
        else:
            await self._ask_for(index, entry, *found, again=again)

    async def _ask_for(
        self, index: int, entry: Entry, want: Want, arrival: Arrival, *, again: bool = False
    ) -> None:
        self._wanted.append(_Wanted(index, entry, want, arrival, entry.size, again=again))
        await self._send(want)

    async def _make(self, landing: Landing, index: int, entry: Entry) -> None:
        where = landing.where(entry.source, entry.path)
        make = landing.make_folder if entry.kind == FOLDER else landing.make_link
        made = await in_thread(make, where, entry)
        name = self._name(entry)
        self._tell(events.Done(name, 0, 0, b"") if made else events.Skipped(name, 0))
        await self._settled(index, "" if made else "same")

    async def _failed(self, index: int, entry: Entry, error: Exception) -> None:
        failure = failure_of(error)
        text = str(failure)[:400]
        self._tell(events.Failed(self._name(entry), failure.word, text))
        await self._settled(index, failure.word, text)

    async def _settled(self, index: int, word: str = "", text: str = "") -> None:
        self._open -= 1
        await self._send(Settled(index, word, text))

    # --- contents ---

    async def _content(self, record: FromSender) -> None:
        if not self._wanted:
            raise RemoteProtocolError("the peer sent contents that nobody wanted")
        current = self._wanted[0]
        if self._signing is not None:
            if not self._signing.done():
                raise RemoteProtocolError("the peer did not wait for the signature it asked for")
            self._signing = None
        try:
            if isinstance(record, Ask):
                self._sign(current)
            elif not current.dead:
                await self._take(current, record)
        except (OSError, FileFailure) as error:
            if isinstance(error, BrokenPipeError) and self._landing is None:
                raise
            await self._give_up(current, error)
        if isinstance(record, End | Same | Fail):
            self._wanted.popleft()
            current.arrival.close()

    async def _take(self, current: _Wanted, record: FromSender) -> None:
        match record:
            case Begin(offset, size):
                if current.begun or (size is None) != (current.size is None):
                    raise RemoteProtocolError("the peer began a file twice")
                current.size = size
                await self._begin(current, offset)
            case Data(data):
                await self._write(current, data)
            case Hole(length):
                await self._begin(current)
                self._require_room(current, length)
                await current.arrival.hole(length)
                self._advanced(current)
            case End(data, digest):
                await self._write(current, data)
                await self._end(current, digest)
            case Same():
                if current.want.old_digest is None:
                    raise RemoteProtocolError("the peer compared what it was not shown")
                await current.arrival.accept_old()
                self._tell(events.Skipped(self._name(current.entry), current.size or 0))
                await self._settled(current.index, "same")
            case Fail(word, text):
                await self._failed(current.index, current.entry, FileFailure(word, text))
            case Copy(offset, length):
                await self._begin(current)
                self._require_room(current, length)
                if current.want.old_size is None:
                    raise RemoteProtocolError("the peer copies from what it was not shown")
                await current.arrival.copy(offset, length)
                self._advanced(current)

    async def _begin(self, current: _Wanted, offset: int = 0) -> None:
        if current.begun:
            return
        current.begun = True
        await current.arrival.begin(offset)
        name = self._name(current.entry)
        self._tell(events.Started(name, current.size))
        if offset:
            self._tell(events.Resumed(name, offset))

    def _require_room(self, current: _Wanted, count: int) -> None:
        if current.size is not None and current.arrival.position + count > current.size:
            raise RemoteProtocolError("the peer sent more of a file than there is of it")

    async def _write(self, current: _Wanted, data: bytes) -> None:
        await self._begin(current)
        self._require_room(current, len(data))
        if data:
            await current.arrival.write(data)
            current.travelled += len(data)
            self._advanced(current)

    def _advanced(self, current: _Wanted) -> None:
        name, position = self._name(current.entry), current.arrival.position
        self._tell(events.Advanced(name, position, current.travelled))

    async def _end(self, current: _Wanted, digest: bytes) -> None:
        if await current.arrival.finish(digest):
            size = current.arrival.position
            done = events.Done(self._name(current.entry), size, current.travelled, digest)
            self._tell(done)
            await self._settled(current.index)
        elif current.again or self._landing is None:
            raise FileFailure("damaged", "what arrived is not what was sent; copy it again")
        else:
            # What it was built upon was not what it seemed: once more, from nothing.
            await self._plan_file(self._landing, current.index, current.entry, again=True)

    async def _give_up(self, current: _Wanted, error: Exception) -> None:
        """The rest of it, already on its way, is passed over up to its End."""
        current.dead = True
        failure = failure_of(error)
        if failure.word == "disk-full":
            current.arrival.discard()  # the host needs the room more than we do
        else:
            current.arrival.close()
        await self._failed(current.index, current.entry, failure)

    def _sign(self, current: _Wanted) -> None:
        """Every question is answered: whoever asked sends nothing until then."""
        arrival = current.arrival
        if current.want.old_size is None or not isinstance(arrival, FileArrival):
            raise RemoteProtocolError("the peer asked for the signature of nothing")
        open_old = _given_up if current.dead else arrival.open_old
        self._signing = asyncio.ensure_future(send_signature(open_old, self._send))

    # --- the end ---

    async def _settle(self) -> None:
        if self._landing is None:
            return
        for entry, error in await in_thread(self._landing.settle):
            failure = failure_of(error)
            self._tell(events.Failed(self._name(entry), failure.word, str(failure)))
            await self._send(Remark(entry.source, entry.path, failure.word, str(failure)[:400]))


def _forsake(planned: tuple[Want, FileArrival] | None) -> None:
    if planned is not None:
        planned[1].close()


async def _given_up() -> int:
    raise FileFailure("cancelled", "nothing more of it is wanted")
