"""One channel: two streams, what comes before them (request or reply), when it is forgotten."""

from dataclasses import dataclass

from guardpost.errors import LocalProtocolError, RemoteProtocolError
from guardpost.protocol.credit import Granted, GrantPool, Spending
from guardpost.protocol.limits import (
    CHANNEL_CREDIT_BYTES,
    OPENING_BYTES,
    READ_AHEAD_MAX_BYTES,
    READ_AHEAD_MIN_BYTES,
    READ_AHEAD_SECONDS,
    READ_AHEAD_START_BYTES,
)
from guardpost.protocol.streams import ReceivingStream, SendingStream

__all__ = ["Channel", "Shares"]


@dataclass(frozen=True, slots=True)
class Shares:
    """What all channels of a session share: the pool of windows, and the connection's credit."""

    pool: GrantPool
    granted: Granted
    spending: Spending


class Channel:
    """Made by Mux only; users write, read, half-close and reset it through the Mux's events.

    `preface` is how many bytes of request (agent) or reply (console) come before the stream,
    None while OPEN or ACCEPT is still on its way.
    """

    def __init__(
        self,
        number: int,
        service: str,
        shares: Shares,
        *,
        ours: bool,
        interactive: bool,
        compressed: bool,
    ) -> None:
        self.number = number
        self.shares = shares
        self.ours = ours
        self.interactive = interactive
        self.compressed = compressed
        self.service = service
        first = OPENING_BYTES if ours else CHANNEL_CREDIT_BYTES  # more once OPEN has arrived
        # What a person types is stored and never deflated: its length would tell of a password.
        self.sending = SendingStream(
            number,
            Spending(first),
            shares.spending,
            compressed=compressed,
            stored=ours and interactive,
        )
        self.receiving = ReceivingStream(
            Granted(CHANNEL_CREDIT_BYTES, shares.pool), shares.granted, compressed=compressed
        )
        self.preface: int | None = None
        self._preface = bytearray()
        self.introduced = False  # the preface is complete and was told
        self.accepted = ours  # the opener need not wait
        self.reset_sent = False
        self.awaits_reset = False  # the peer's RESET will say how much credit it used
        self.wants_writable = False
        # The schedule's book-keeping.
        self.queued = False
        self.deficit = 0
        self.recent = 0.0
        self.recent_at = 0.0

    def __repr__(self) -> str:
        return f"<Channel {self.number} {self.service}>"

    def introduce(self) -> bytes | None:
        """The whole request or reply, once, as soon as it is here.

        Raises RemoteProtocolError if the stream ends before that.
        """
        if self.introduced or self.preface is None:
            return None
        missing = self.preface - len(self._preface)
        if missing:
            self._preface += self.receiving.read(missing)
        if len(self._preface) < self.preface:
            if self.receiving.complete:
                raise RemoteProtocolError("a stream ends inside its request or reply")
            return None
        self.introduced = True
        preface = bytes(self._preface)
        self._preface.clear()
        return preface

    @property
    def finished(self) -> bool:
        """Both directions have ended: it may be forgotten."""
        return self.sending.finished and self.receiving.finished and not self.awaits_reset

    def read(self, limit: int) -> bytes:
        """Up to `limit` bytes of the service's stream; b"" when there are none now."""
        return self.receiving.read(limit) if self.introduced else b""

    @property
    def at_eof(self) -> bool:
        return self.introduced and self.receiving.at_eof

    def room(self, rate: float | None) -> int:
        """How many more bytes it should be given: about a quarter second of line at `rate`, and
        where they are compressed as many as become that.
        """
        room = self.sending.room(_read_ahead(rate))
        self.wants_writable = room <= 0
        return max(0, room)

    def is_writable_again(self, rate: float | None) -> bool:
        """Who waits to write should be told: half of the room is there, which is worth a turn."""
        limit = _read_ahead(rate)
        return (
            self.wants_writable
            and self.sending.buffered <= limit // 2
            and self.sending.room(limit) > 0  # plain bytes have a limit of their own
        )

    def check_writable(self) -> None:
        """Raises LocalProtocolError when nothing may be written now."""
        if not self.accepted:
            raise LocalProtocolError("the channel was not accepted yet")
        if self.sending.closed:
            raise LocalProtocolError("the channel's sending side is closed")


def _read_ahead(rate: float | None) -> int:
    """Bytes of line that one channel may keep waiting."""
    if rate is None:
        return READ_AHEAD_START_BYTES
    return max(READ_AHEAD_MIN_BYTES, min(int(rate * READ_AHEAD_SECONDS), READ_AHEAD_MAX_BYTES))
