"""Makes compressed channels readable again for a trace, if it saw them from their beginning."""

from guardpost.errors import RemoteProtocolError
from guardpost.protocol.compression import Inflater
from guardpost.protocol.messages import Data, Open, Reset
from guardpost.protocol.reassembly import Reassembly

__all__ = ["Streams"]

_HELD_MAX_BYTES = 1 << 20
_ROOM_BYTES = 1 << 20


class _Stream:
    """One direction of one channel."""

    def __init__(self) -> None:
        self.expected = 0
        self.end: int | None = None  # once its FIN was seen
        self._waiting = Reassembly()
        self._inflater = Inflater()

    def feed(self, data: Data) -> bytes:
        """The plain bytes that `data` completes; b"" for what came before. Raises as Inflater."""
        end = data.offset + len(data.data)
        if data.fin:
            self.end = end
        if end <= self.expected:
            return b""
        if end - self.expected > _HELD_MAX_BYTES:
            raise RemoteProtocolError("a hole that is never filled")
        skipped = max(self.expected - data.offset, 0)
        self._waiting.keep(self.expected, data.offset + skipped, data.data[skipped:])
        ready = self._waiting.take(self.expected)
        self.expected += len(ready)
        return self._inflater.feed(ready, _ROOM_BYTES)


class Streams:
    """Every compressed channel of a session, by its number."""

    def __init__(self) -> None:
        self._streams: dict[tuple[int, bool], _Stream] = {}

    def __len__(self) -> int:
        """How many directions are followed."""
        return len(self._streams)

    def clear(self) -> None:
        """Another session begins, with the same numbers."""
        self._streams.clear()

    def open(self, message: Open) -> None:
        for from_agent in (False, True):
            if message.compressed:
                self._streams.setdefault((message.channel, from_agent), _Stream())

    def reset(self, message: Reset) -> None:
        for from_agent in (False, True):
            self._streams.pop((message.channel, from_agent), None)

    def plain(self, message: Data, from_agent: bool) -> bytes | None:
        """The plain bytes that `message` completes; None where it is to be shown as it is."""
        stream = self._streams.get((message.channel, from_agent))
        if stream is None:
            return None
        try:
            plain = stream.feed(message)
        except RemoteProtocolError:
            plain = None
        if plain is None or stream.expected == stream.end:
            del self._streams[message.channel, from_agent]
        return plain
