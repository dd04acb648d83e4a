"""What both ends of a line share.

Hellos out of the stream, frames to their session, guards before frames. AgentConnection and
ConsoleConnection build on it. It owns the order of things and no protocol rule.
"""

from collections import deque

from guardpost.errors import GoAwayCode, LocalProtocolError, ResetCode
from guardpost.protocol import events
from guardpost.protocol.association import Association
from guardpost.protocol.cable import CableSpeed
from guardpost.protocol.channel import Channel
from guardpost.protocol.establish import Credentials
from guardpost.protocol.framing import Profile
from guardpost.protocol.hello import HelloScanner
from guardpost.protocol.life import State
from guardpost.protocol.limits import (
    GUARD_SECONDS,
    HALF_OPEN_SECONDS,
    HELLO_WITHHOLD_SECONDS,
)
from guardpost.protocol.statistics import Statistics, statistics_of

__all__ = ["Connection"]


class Connection:
    """One end of one line; the contract is in guardpost.protocol's docstring."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self.association: Association | None = None
        self._events: deque[events.Event] = deque()
        self._scanner = HelloScanner()
        self._withheld_until: float | None = None
        self._deaf_until = float("-inf")
        self._former: Association | None = None  # still says goodbye
        self._former_until = 0.0
        self._plain: list[bytes] = []  # hellos and text
        self.cable = CableSpeed(
            lambda: [each for each in (self._former, self.association) if each is not None]
        )
        self._quiet_since = float("-inf")  # when our last frame went out

    # --- from the line ---

    def receive_data(self, data: bytes, now: float) -> bool:
        """Bytes came from the line. Never raises for what they are.

        False when they only go on with a frame that has begun, as most do on a slow line: then
        there is no event, nothing to send, and no earlier deadline.
        """
        stirred = self._withheld_until is not None
        for text, candidate in self._scanner.feed(data):
            if text:
                stirred |= self._receive_bytes(text, now)
            if candidate is not None:
                stirred = True
                if not self._receive_hello(candidate, now):
                    self._receive_bytes(candidate, now)
        self._withheld_until = now + HELLO_WITHHOLD_SECONDS if self._scanner.held else None
        return stirred or self._withheld_until is not None

    @property
    def delimiter(self) -> int:
        """The byte that ends a frame of the session; -1 without one, or when two do."""
        if self.association is None or self.association.framer.wanted is not None:
            return -1
        return self.association.framer.decoder.profile.delimiter[0]

    def receive_eof(self, now: float) -> None:
        """The line is gone; it may come back (line_opened), with somebody else at it."""
        self._plain.clear()
        self._scanner.release()
        self._withheld_until = None
        if self.association is not None:
            self.association.suspend("the line is gone", now)
        self.cable.line_gone(now)

    def line_opened(self, now: float) -> None:
        """The line is there, for the first time or again."""
        self._quiet_since = float("-inf")
        if self.association is not None:
            self.association.line_back(now)

    def _receive_hello(self, candidate: bytes, now: float) -> bool:
        raise NotImplementedError

    def _receive_bytes(self, data: bytes, now: float) -> bool:
        """Whether anything came of them."""
        raise NotImplementedError

    def _receive_frames(self, association: Association, data: bytes, now: float) -> bytes | None:
        """Feeds a session; returns what was not a frame of it. None: nothing has ended yet."""
        found = association.framer.feed(data)
        if not found:
            return None
        residue: list[bytes] = []
        for which, body in found:
            if which >= 0:
                association.receive(body, now)
            else:
                residue.append(body)
        return b"".join(residue)

    # --- to the line ---

    def data_to_send(self, now: float) -> list[bytes]:
        """What the line should have now, in order."""
        association = self.association
        moving = association is not None and association.speed.is_quiet
        out: list[bytes] = []
        if not moving:  # else what is typed, and hellos, wait: now they would reach nobody
            out, self._plain = self._plain, []
        if out or moving:  # what was heard at another speed is no part of the next frame
            self._quiet_since = float("-inf")
        for profile, frames in self._frames_to_send(now):
            if frames:
                if now - self._quiet_since > GUARD_SECONDS:
                    out.append(profile.delimiter)
                out += frames
                self._quiet_since = float("-inf") if moving else now
        return out

    def _frames_to_send(self, now: float) -> list[tuple[Profile, list[bytes]]]:
        """Frames by profile: first who says goodbye, then the live session."""
        out: list[tuple[Profile, list[bytes]]] = []
        for association in (self._former, self.association):
            if association is not None:
                out.append((association.framer.encoding, association.data_to_send(now)))
        return out

    # --- channels ---

    def open_channel(
        self,
        service: str,
        request: bytes,
        now: float,
        *,
        interactive: bool = False,
        compressed: bool = False,
    ) -> Channel:
        """A new channel. Raises LocalProtocolError without a session or beyond the limits."""
        association = self._live()
        association.spoke_at = now
        mux = association.mux
        return mux.open(service, request, now, interactive=interactive, compressed=compressed)

    def accept_channel(self, channel: Channel, reply: bytes, now: float) -> None:
        self._live().mux.accept(channel, reply, now)

    def write_channel(self, channel: Channel, data: bytes, now: float) -> None:
        self._live().mux.write(channel, data, now)

    def write_channel_eof(self, channel: Channel, now: float) -> None:
        self._live().mux.write_fin(channel, now)

    def read_channel(self, channel: Channel, limit: int, now: float) -> bytes:
        return self._live().mux.read(channel, limit, now)

    def reset_channel(self, channel: Channel, code: ResetCode, text: str = "") -> None:
        self._live().mux.reset(channel, code, text)

    def channel_room(self, channel: Channel) -> int:
        """How many bytes may be written to `channel` before it should wait."""
        return self._live().mux.room(channel)

    def _live(self) -> Association:
        if self.association is None:
            raise LocalProtocolError("there is no session")
        if self.association.state is State.DEAD:
            raise LocalProtocolError("the session has ended")
        return self.association

    def close(self, code: GoAwayCode, text: str, now: float) -> None:
        """End the session, if there is one, with a sealed goodbye."""
        if self.association is not None:
            self.association.close(code, text, now)
            self._retire(now)

    def _retire(self, now: float) -> None:
        """The session is dead; it stays for a while, to repeat its goodbye."""
        self._former = self.association
        self._former_until = now + HALF_OPEN_SECONDS
        self.association = None

    # --- what happened, and time ---

    def next_event(self) -> events.Event | None:
        """The next thing that happened, in order; None when there is nothing."""
        return self._events.popleft() if self._events else None

    def next_deadline(self, now: float) -> float | None:
        candidates = [self._withheld_until]
        if self._former is not None:
            candidates.append(self._former_until)
            if self._former.speed.is_quiet:
                candidates.append(self._former.speed.deadline)
        if self.association is not None:
            candidates.append(self.association.next_deadline(now))
        times = [time for time in candidates if time is not None]
        return min(times) if times else None

    def handle_timeout(self, now: float) -> None:
        if self._withheld_until is not None and now >= self._withheld_until:
            self._withheld_until = None
            self._receive_bytes(self._scanner.release(), now)
        if self._former is not None and now >= self._former_until:
            self._former = None
        if self.association is not None:
            self.association.handle_timeout(now)
            self._drop_dead(now)

    def _drop_dead(self, now: float) -> None:
        if self.association is not None and self.association.state is State.DEAD:
            self._retire(now)

    def statistics(self, now: float) -> Statistics | None:
        return statistics_of(self.association, now) if self.association is not None else None
