"""One channel's two byte streams: offsets, loss, reassembly, credit."""

from collections import deque

from guardpost.errors import RemoteProtocolError
from guardpost.protocol.compression import Deflater, Inflater
from guardpost.protocol.credit import Granted, Spending
from guardpost.protocol.limits import BLOCK_MAX_BYTES, READ_AHEAD_MAX_BYTES
from guardpost.protocol.messages import Data
from guardpost.protocol.ranges import RangeSet
from guardpost.protocol.reassembly import Reassembly

__all__ = ["ReceivingStream", "SendingStream"]

_BLOCK_MIN_BYTES = 1024  # of plain bytes that are there: smaller blocks shrink less
_CHUNK_BYTES = 512  # smaller pieces are joined: single bytes would cost forty times their size


class SendingStream:
    """Bytes on their way out. It finishes when all of them and the FIN were acked, or at a reset.

    `credit` is the channel's, `shared` the connection's, both in plain bytes. Of a compressed
    stream that is `stored` every block is plain.
    """

    def __init__(
        self,
        channel: int,
        credit: Spending,
        shared: Spending,
        *,
        compressed: bool,
        stored: bool = False,
    ) -> None:
        self.channel = channel
        self.credit = credit
        self._shared = shared
        self._compressed = compressed
        self._stored = stored
        self._deflater: Deflater | None = None  # until the end: 170 kB
        self._plain = bytearray()  # not compressed yet
        self._buffer = bytearray()  # from _base on: what is not acked
        self._base = 0
        self._next = 0
        self._acked = RangeSet()
        self._lost = RangeSet()
        self._fin = False
        self._fin_sent = False
        self._fin_acked = False
        self.reset = False

    @property
    def buffered(self) -> int:
        """Bytes that will go over the line, of those never handed to it: for what is not
        compressed yet a guess.
        """
        waiting = self._unsent
        if self._plain:
            waiting += max(1, int(len(self._plain) / self._ratio))
        return waiting

    def room(self, limit: int) -> int:
        """How many bytes to write until `limit` bytes of line wait; may be less than 0."""
        room = limit - self._unsent
        if not self._compressed:
            return room
        most = max(limit, READ_AHEAD_MAX_BYTES)
        return min(int(room * self._ratio), most) - len(self._plain)

    @property
    def _unsent(self) -> int:
        return self._base + len(self._buffer) - self._next

    @property
    def _ratio(self) -> float:
        return self._deflater.ratio if self._deflater is not None else 1.0

    @property
    def position(self) -> int:
        """The largest offset a message of this stream can have now."""
        return self._next

    @property
    def finished(self) -> bool:
        return self.reset or (self._fin_acked and not self._buffer and not self._plain)

    @property
    def closed(self) -> bool:
        """No more may be written."""
        return self._fin or self.reset

    def write(self, data: bytes) -> None:
        if not self._compressed:
            self._buffer += data
        else:
            self._plain += data

    def write_fin(self) -> None:
        self._fin = True
        self._end_deflating()

    def discard(self) -> None:
        """A reset: nothing of it goes out any more."""
        self.reset = True
        self._plain.clear()
        self._buffer.clear()
        self._lost = RangeSet()
        self._deflater = None

    def ready(self) -> bool:
        """There is something that may be sent now, credit included."""
        if self.reset:
            return False
        if self._lost:
            return True
        end = self._base + len(self._buffer)
        if not self._compressed:
            if self._next < end:
                return self.credit.left > 0 and self._shared.left > 0
        elif self._next < end or (self._plain and self.credit.left > 0 and self._shared.left > 0):
            return True
        return self._fin and not self._fin_sent and not self._plain

    def take(self, room: int) -> Data | None:
        """At most `room` bytes as one message: what was lost first, then what is new."""
        if self._lost:
            start, stop = self._lost.first
            stop = min(stop, start + room)
            self._lost.remove(start, stop)
            return self._cut(start, stop)
        if self._compressed:
            self._compress(room)
            stop = min(self._next + room, self._base + len(self._buffer))
        else:
            stop = min(
                self._next + room,
                self._base + len(self._buffer),
                self._next + min(self.credit.left, self._shared.left),
            )
            self.credit.spend(stop - self._next)
            self._shared.spend(stop - self._next)
        start, self._next = self._next, stop
        message = self._cut(start, stop)
        return message if message.data or message.fin else None

    def _compress(self, room: int) -> None:
        """Blocks for the next `room` bytes of line: no longer, so that a block is whole soon."""
        while self._plain and (missing := room - self._unsent) > 0:
            self._deflater = self._deflater or Deflater(stored=self._stored)
            wanted = max(_BLOCK_MIN_BYTES, int(missing * self._deflater.ratio))
            size = min(
                len(self._plain), wanted, BLOCK_MAX_BYTES, self.credit.left, self._shared.left
            )
            if size <= 0:
                return
            block = bytes(self._plain[:size])
            del self._plain[:size]
            self.credit.spend(size)
            self._shared.spend(size)
            self._buffer += self._deflater.block(block)
        self._end_deflating()

    def _end_deflating(self) -> None:
        if self._fin and not self._plain:
            self._deflater = None

    def _cut(self, start: int, stop: int) -> Data:
        with memoryview(self._buffer) as view:
            data = bytes(view[start - self._base : stop - self._base])
        fin = self._fin and not self._plain and stop == self._base + len(self._buffer)
        self._fin_sent = self._fin_sent or fin
        return Data(self.channel, start, data, fin)

    def on_acked(self, message: Data) -> None:
        if self.reset:
            return
        if message.fin:
            self._fin_acked = True
        start, stop = message.offset, message.offset + len(message.data)
        self._lost.remove(start, stop)
        self._acked.add(max(start, self._base), stop)
        if self._acked and self._acked.first[0] == self._base:
            acked_to = self._acked.first[1]
            self._acked.drop_first()
            del self._buffer[: acked_to - self._base]
            self._base = acked_to

    def on_lost(self, message: Data) -> None:
        if self.reset:
            return
        if message.fin and not self._fin_acked:
            self._fin_sent = False
        start, stop = max(message.offset, self._base), message.offset + len(message.data)
        if start < stop:
            self._lost.add(start, stop)
            for acked_start, acked_stop in self._acked:
                self._lost.remove(acked_start, acked_stop)


class ReceivingStream:
    """Bytes on their way in. It finishes when all of them up to the FIN were read, or at a reset.

    `credit` is what the channel granted, `shared` what the connection did.
    """

    def __init__(self, credit: Granted, shared: Granted, *, compressed: bool) -> None:
        self.credit = credit
        self._shared = shared
        self._compressed = compressed
        self._inflater = Inflater() if compressed else None  # until the end: 33 kB
        self._expected = 0
        self._early = Reassembly()
        self._chunks: deque[bytes] = deque()
        self.readable = 0
        self._reached = 0  # the largest offset seen
        self._end: int | None = None
        self._settled = False  # the peer's RESET said how much it used
        self.reset = False

    @property
    def at_eof(self) -> bool:
        """The FIN is known and everything before it was read."""
        return self._end == self._expected and not self.readable

    @property
    def complete(self) -> bool:
        """Everything up to the FIN has arrived."""
        return self._end == self._expected

    @property
    def finished(self) -> bool:
        return self.reset or self.at_eof

    def receive(self, message: Data) -> None:
        """Raises RemoteProtocolError where the peer breaks the rules of offsets and credit.

        After our own reset it still counts, and keeps nothing.
        """
        stop = message.offset + len(message.data)
        if message.fin:
            if self._end not in (None, stop):
                raise RemoteProtocolError("a stream has two ends")
            self._end = stop
        self._reached = max(self._reached, stop)
        if self._end is not None and self._reached > self._end:
            raise RemoteProtocolError("data beyond the end of a stream")
        if self._settled:
            return
        if not self._compressed:
            self._shared.receive(self._shared.received + self.credit.receive(stop))
        elif stop > 2 * self.credit.limit + 64:
            raise RemoteProtocolError("the peer used more credit than it had")
        if message.offset > self._expected:
            self._early.keep(self._expected, message.offset, message.data)
            return
        self._in_order(message.offset, message.data)
        if self._early:
            self._in_order(self._expected, self._early.take(self._expected))
        if self._inflater is not None and self.complete:
            if self._inflater.holding:
                raise RemoteProtocolError("a compressed stream ends inside a block")
            self._inflater = None
        if self.reset:
            self._drop()

    def _in_order(self, offset: int, data: bytes) -> None:
        skip = self._expected - offset
        if skip:
            data = data[skip:]
        if not data:
            return
        self._expected += len(data)
        if self._inflater is not None:
            room = min(
                self.credit.limit - self.credit.received,
                self._shared.limit - self._shared.received,
            )
            data = self._inflater.feed(data, room)
            self.credit.receive(self.credit.received + len(data))
            self._shared.receive(self._shared.received + len(data))
            if not data:
                return
        if self._chunks and len(self._chunks[-1]) + len(data) <= _CHUNK_BYTES:
            self._chunks[-1] += data
        else:
            self._chunks.append(data)
        self.readable += len(data)

    def read(self, limit: int) -> bytes:
        """Up to `limit` bytes, b"" if there are none; their credit goes back."""
        if not self.readable:
            return b""
        if self.readable <= limit:
            data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
            self._chunks.clear()
        else:
            data = self._take(limit)
        self.readable -= len(data)
        self.credit.consume(len(data))
        self._shared.consume(len(data))
        return data

    def _take(self, limit: int) -> bytes:
        out: list[bytes] = []
        while limit:
            chunk = self._chunks.popleft()
            if len(chunk) > limit:
                self._chunks.appendleft(chunk[limit:])
                chunk = chunk[:limit]
            out.append(chunk)
            limit -= len(chunk)
        return b"".join(out)

    def discard(self, final: int | None) -> None:
        """A reset: what was not read is dropped and its credit goes back to the connection.

        `final` is what the peer says it used (None: not known yet, its RESET or FIN will say it).
        """
        if final is not None:
            if final < self.credit.received:
                raise RemoteProtocolError("a reset takes credit back")
            self._shared.receive(self._shared.received + self.credit.receive(final))
            self._settled = True
            self._inflater = None
            self._early.clear()
        self.reset = True
        self._drop()

    def _drop(self) -> None:
        self._shared.consume(self.credit.received - self.credit.consumed)
        self.credit.consumed = self.credit.received
        self._chunks.clear()
        self.readable = 0
