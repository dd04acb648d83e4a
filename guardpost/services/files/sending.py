"""Sender: announces entries and sends the contents that are wanted (the console in `put`).

Entries go out far ahead of the contents, so that the receiver knows what it has of a file before
its turn comes; what it wants is sent in the order in which it asks.
"""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from dataclasses import dataclass

from guardpost.aio.channel import Channel
from guardpost.errors import RemoteProtocolError
from guardpost.host.file_errors import FileFailure, failure_of
from guardpost.services.files import events
from guardpost.services.files.delta import SIGNATURE_MAX_BYTES, DeltaMaker, Range, worthwhile
from guardpost.services.files.events import Tell
from guardpost.services.files.messages import (
    FILE,
    OPEN_ENTRIES_MAX,
    Ask,
    Begin,
    Copy,
    Data,
    End,
    Entry,
    Fail,
    Hole,
    Listed,
    Remark,
    Same,
    Settled,
    Signature,
    Trouble,
    Want,
    from_receiver,
)
from guardpost.services.files.outgoing import FileOutgoing, Outgoing, Pace, StreamOutgoing
from guardpost.services.files.reading import Reading
from guardpost.services.files.sources import Found, Item
from guardpost.services.files.steps import in_thread, opened, together
from guardpost.services.records import RecordReader, encode_record

__all__ = ["Sender", "stream_item"]

BATCH_ENTRIES = 32
DELTA_BYTES = 64 << 10  # read in one go: most of it does not travel

Shown = Callable[[int, bytes], bytes]
_Piece = Data | Copy | Hole | End


@dataclass(slots=True)
class _Sending:
    """An entry that is not settled."""

    item: Item
    travelled: int = 0
    digest: bytes = b""
    size: int = 0


class Sender:
    """`judge(path)` raises FileFailure for what may not be read (None: all may)."""

    def __init__(
        self,
        channel: Channel,
        items: Generator[Found, None, None],
        *,
        shown: Shown,
        tell: Tell,
        judge: Callable[[bytes], None] | None = None,
        live: bool = False,
    ) -> None:
        self._channel = channel
        self._items = items
        self._shown = shown
        self._tell = tell
        self._judge = judge
        self._live = live
        self._writing = asyncio.Lock()
        self._pace = Pace()
        self._open: dict[int, _Sending] = {}
        self._room = asyncio.Event()
        self._wants: asyncio.Queue[Want | None] = asyncio.Queue()
        self._wanted: set[int] = set()
        self._count = 0
        self._listed = False
        self._signature: bytearray | None = None
        self._signed = asyncio.Event()

    async def run(self) -> None:
        """Until both sides have ended. Raises ChannelReset, RemoteProtocolError."""
        try:
            await together(self._announce(), self._hear(), self._answer())
        finally:
            self._items.close()  # with the folders that it has open

    async def _send(self, record: object) -> None:
        async with self._writing:
            await self._channel.write(encode_record(record))

    # --- entries ---

    async def _announce(self) -> None:
        while batch := await in_thread(lambda: list(itertools.islice(self._items, BATCH_ENTRIES))):
            for found in batch:
                if found is not None:
                    await self._announce_one(found)
        await self._send(Listed())
        self._listed = True
        self._tell(events.Listed())
        self._end_if_settled()

    async def _announce_one(self, found: Item | Trouble) -> None:
        if isinstance(found, Item) and self._judge is not None:
            try:
                self._judge(found.path)
            except FileFailure as failure:
                entry = found.entry
                found = Trouble(entry.source, entry.path, failure.word, str(failure)[:400])
        if isinstance(found, Trouble):
            name = self._shown(found.source, found.path)
            self._tell(events.Failed(name, found.word, found.text))
            await self._send(found)
            return
        while len(self._open) >= OPEN_ENTRIES_MAX:
            self._room.clear()
            await self._room.wait()
        self._open[self._count] = _Sending(found)
        self._count += 1
        if found.entry.kind == FILE:
            self._tell(events.Found(found.shown, found.entry.size))
        await self._send(found.entry)

    def _end_if_settled(self) -> None:
        if self._listed and not self._open:
            self._wants.put_nowait(None)

    # --- what the receiver says ---

    async def _hear(self) -> None:
        records = RecordReader(self._channel)
        while (record := await records.read(from_receiver)) is not None:
            match record:
                case Want(index):
                    sending = self._open.get(index)
                    if sending is None or sending.item.entry.kind != FILE or index in self._wanted:
                        raise RemoteProtocolError("the peer wants what it was not offered")
                    self._wanted.add(index)
                    self._wants.put_nowait(record)
                case Settled():
                    self._settled(record)
                case Remark(source, path, word, text):
                    self._tell(events.Failed(self._shown(source, path), word, text))
                case Signature(data, last):
                    self._add_signature(data, last=last)
        if self._open or not self._listed:
            raise RemoteProtocolError("the peer ended the copy before it was complete")
        self._signed.set()  # of what it has settled meanwhile, no signature will come

    def _add_signature(self, data: bytes, *, last: bool) -> None:
        waiting = self._signature
        if waiting is None or len(waiting) + len(data) > SIGNATURE_MAX_BYTES:
            raise RemoteProtocolError("the peer sent a signature that nobody asked for")
        waiting += data
        if last:
            self._signed.set()

    def _settled(self, record: Settled) -> None:
        sending = self._open.pop(record.index, None)
        if sending is None:
            raise RemoteProtocolError("the peer settled what it was not offered")
        entry, name = sending.item.entry, sending.item.shown
        if record.word == "same":
            self._tell(events.Skipped(name, entry.size or 0))
        elif record.word:
            self._tell(events.Failed(name, record.word, record.text))
        elif entry.kind == FILE and not sending.digest:
            raise RemoteProtocolError("the peer settled what it did not have")
        else:
            self._tell(events.Done(name, sending.size, sending.travelled, sending.digest))
        self._room.set()
        self._end_if_settled()

    # --- contents ---

    async def _answer(self) -> None:
        while (want := await self._wants.get()) is not None:
            self._wanted.discard(want.index)
            sending = self._open.get(want.index)
            if sending is None:
                await self._send(Fail("cancelled", ""))
                continue
            try:
                outgoing = await self._start(sending.item)
                try:
                    await self._send_one(want, sending, outgoing)
                finally:
                    outgoing.close()
            except (OSError, FileFailure) as error:
                failure = failure_of(error)
                await self._send(Fail(failure.word, str(failure)[:400]))
        await self._channel.write_eof()

    async def _start(self, item: Item) -> Outgoing:
        if item.entry.size is None:
            return StreamOutgoing(item.open())
        fd = await opened(item.open, os.close)
        return FileOutgoing(Reading(fd, live=self._live))

    async def _send_one(self, want: Want, sending: _Sending, outgoing: Outgoing) -> None:
        comparable = want.old_digest is not None and want.old_size == outgoing.size
        if comparable and await outgoing.whole_digest() == want.old_digest:
            await self._send(Same())
            return
        offset = await outgoing.climb(want.rungs)
        if offset or outgoing.size != sending.item.entry.size:
            await self._send(Begin(offset, outgoing.size))
        self._tell(events.Started(sending.item.shown, outgoing.size))
        if offset:
            self._tell(events.Resumed(sending.item.shown, offset))
        left = (outgoing.size or 0) - offset
        if want.old_size is not None and worthwhile(want.old_size, left):
            signature = await self._ask()
            delta = DeltaMaker(signature, offset) if signature else None
        else:
            delta = None
        contents = self._changes(outgoing, delta) if delta else self._pieces(outgoing)
        async for piece in contents:
            if want.index not in self._open:
                break  # the receiver has given it up
            await self._send_piece(sending, outgoing, piece)
            self._advanced(sending, outgoing)
            if isinstance(piece, End):
                return
        await self._send(Fail("cancelled", ""))

    async def _ask(self) -> bytes:
        """The signature of the receiver's older version."""
        self._signature = bytearray()
        self._signed.clear()
        await self._send(Ask())
        await self._signed.wait()
        signature, self._signature = bytes(self._signature), None
        return signature

    async def _pieces(self, outgoing: Outgoing) -> "AsyncIterator[_Piece]":
        """All that is left of it."""
        while True:
            piece = await outgoing.next(self._pace.limit)
            if isinstance(piece, int):
                yield Hole(piece)
            elif not piece or outgoing.position == outgoing.size:
                yield End(piece, await outgoing.digest())
                return
            else:
                yield Data(piece)

    async def _changes(self, outgoing: Outgoing, delta: DeltaMaker) -> "AsyncIterator[_Piece]":
        """What is left of it, as far as it is not in the older version."""
        while piece := await outgoing.next(DELTA_BYTES):
            if isinstance(piece, int):
                found = delta.flush()
            else:
                found = await in_thread(delta.feed, piece)
            for each in self._cut(found):
                yield each
            if isinstance(piece, int):
                yield Hole(piece)
        for each in self._cut(delta.flush()):
            yield each
        yield End(b"", await outgoing.digest())

    def _cut(self, found: "list[bytes | Range]") -> "Iterator[_Piece]":
        for each in found:
            if isinstance(each, Range):
                yield Copy(*each)
                continue
            start = 0
            while start < len(each):
                piece = each[start : start + self._pace.limit]
                start += len(piece)
                yield Data(piece)

    async def _send_piece(self, sending: _Sending, outgoing: Outgoing, piece: _Piece) -> None:
        loop = asyncio.get_running_loop()
        if isinstance(piece, End):
            sending.digest, sending.size = piece.digest, outgoing.position
        begun = loop.time()
        await self._send(piece)
        if isinstance(piece, Data | End):
            sending.travelled += len(piece.data)
        if isinstance(piece, Data):
            self._pace.took(loop.time() - begun)

    def _advanced(self, sending: _Sending, outgoing: Outgoing) -> None:
        name = sending.item.shown
        self._tell(events.Advanced(name, outgoing.position, sending.travelled))


def stream_item(fd: int, shown: bytes) -> Item:
    """What comes from an open stream, as the one entry of source 0."""
    return Item(Entry(0, b"", FILE, None, mode=0o644), shown, lambda: fd)
