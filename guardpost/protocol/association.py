"""One session at work: its keys, recovery, mux and silence, stacked.

No rule of its own but their order. It lives, is suspended while its peer does not answer, and
is dead for good.
"""

from collections import deque
from typing import TYPE_CHECKING

from guardpost.errors import GoAwayCode, RemoteProtocolError
from guardpost.protocol import events
from guardpost.protocol.acks import AckKeeper
from guardpost.protocol.baud import LineSpeed
from guardpost.protocol.framer import Framer
from guardpost.protocol.framing import Profile
from guardpost.protocol.life import NEXT, Happening, State
from guardpost.protocol.limits import (
    ACK_RIDE_SECONDS,
    BATCH_BYTES,
    DEAF_SESSION_SECONDS,
    FRAME_MIN_BYTES,
    GRACE_SECONDS,
    OBSTACLE_SECONDS,
    PROBES_MAX,
    SPEED_PROBE_BYTES,
)
from guardpost.protocol.messages import (
    Ack,
    Data,
    GoAway,
    Message,
    Ping,
    Profiles,
    Rekey,
    Speed,
    SpeedStep,
    Welcome,
    decode_messages,
)
from guardpost.protocol.mux import Mux
from guardpost.protocol.recovery import Fate, Recovery
from guardpost.protocol.refresh import Refresh
from guardpost.protocol.silence import AgentSilence, ConsoleSilence, Silence

if TYPE_CHECKING:
    from guardpost.protocol.session import SealedSession

__all__ = ["Association"]

_SMALL_DATA_BYTES = 256  # what a keystroke and its echo come to, tunnelled or not
_GOAWAYS_MAX = 3


class Association:
    """Frames of one session in, frames out, events up."""

    def __init__(
        self,
        session: "SealedSession",
        refresh: Refresh,
        *,
        console: bool,
        crc_states: tuple[int, int],
        profiles: tuple[Profile, Profile],
        peer_key: bytes,
        events_out: deque[events.Event],
        now: float,
    ) -> None:
        """`crc_states` and `profiles`: (console -> agent, agent -> console).

        What happens is appended to `events_out`.
        """
        self.events = events_out
        self.peer_key = peer_key
        self.state = State.LIVE
        self.session = session
        self.recovery = Recovery()
        self.mux = Mux(console=console, events_out=self.events)
        self.silence: Silence = ConsoleSilence(now) if console else AgentSilence(now)
        self.framer = Framer(profiles, crc_states, console=console)
        self.speed = LineSpeed(console=console, events_out=self.events, now=now)
        self.crc_states = crc_states
        self._console = console
        self._expects_welcome = console
        self._acks = AckKeeper()
        self._refresh = refresh
        self.asks_whether_known = False  # console: a hello should go out beside the PING
        self._probes_max = PROBES_MAX - int(console)  # the console's third is a hello
        self._going_away: GoAway | None = None
        self._last_goaway: GoAway | None = None
        self._goaways = 0
        self._ping = self._probe = self._waited = False
        self._grace_until: float | None = None
        self._obstacle_until = now
        self._heard_at = self.spoke_at = now
        self._busy_at = now
        self.packets_opened = 0

    # --- from the line ---

    def receive(self, body: bytes, now: float) -> None:
        """One good frame of ours."""
        opened = self.session.open(body)
        if opened is None:
            return
        self.packets_opened += 1
        number, plain = opened
        if self.state is State.DEAD:
            self.repeat_goaway()
            return
        self._advance(Happening.OPENED, now)
        try:
            self._dispatch(number, len(body), decode_messages(plain), now)
        except RemoteProtocolError as error:
            self.close(GoAwayCode.PROTOCOL, str(error), now)

    def _dispatch(self, number: int, size: int, messages: list[Message], now: float) -> None:
        needs_ack = False
        busy = False
        for message in messages:
            if isinstance(message, Ack):
                self._settle(self.recovery.acked(message, now), now)
                continue
            if isinstance(message, GoAway):
                self._ended(message, now)
                return
            if isinstance(message, Speed):
                self.speed.receive(message, now)
                continue
            needs_ack = True
            if isinstance(message, Welcome) and self._expects_welcome:
                self._expects_welcome = False  # a probe may bring it again
                self.events.append(events.SessionEstablished(self.peer_key, message.settings))
            elif isinstance(message, Rekey):
                if (answer := self._refresh.receive(message)) is not None:
                    self.mux.send_control(answer)
            elif isinstance(message, Profiles):
                if not self._console:
                    self.framer.use((Profile(message.to_agent), Profile(message.to_console)))
            elif not isinstance(message, Ping | Welcome):
                busy = True
                self.mux.receive(message, now)
                if isinstance(message, Data) and len(message.data) <= _SMALL_DATA_BYTES:
                    self.recovery.frame.interactive(now)
        if needs_ack:
            self.speed.traffic(now)
        if busy:
            self._busy_at = now
        self._acks.opened(number, size, needs_ack, now)
        self.recovery.heard(size, now)
        self.silence.opened(now, busy=busy or now - self._busy_at < 1.0)

    def _settle(self, fate: Fate, now: float) -> None:
        for message in fate.acked:
            self.mux.acked(message, now)
            self.framer.acked(message)
        for message in fate.lost:
            self.mux.lost(message, now)
        self.mux.rate = self.recovery.line.rate
        self.mux.round_trip = self.recovery.round_trip.smoothed or 0.0

    def _ended(self, message: GoAway, now: float) -> None:
        try:
            code = GoAwayCode(message.code)
        except ValueError:
            code = GoAwayCode.PROTOCOL
        self._advance(Happening.ENDED, now)
        self.events.append(events.SessionEnded(code, message.text, by_peer=True))

    def text(self, now: float, obstacle: str | None = None) -> None:
        """Text instead of frames. `obstacle`: something in it that must not get a byte of ours."""
        self.silence.text(now)
        self._obstacle_until = now + OBSTACLE_SECONDS if obstacle else now
        if not self._console or self.state is not State.LIVE:
            return
        if obstacle:
            self.suspend(f"the line shows {obstacle}", now)
        elif self.recovery.probes:
            self.suspend("text arrives instead of frames", now)

    def line_back(self, now: float) -> None:
        self.silence.reopened(now)

    # --- its life ---

    def _advance(self, happening: Happening, now: float) -> None:
        before = self.state
        self.state = NEXT[before, happening]
        if happening is Happening.OPENED:
            self._obstacle_until = now
            self._heard_at = now
            self.speed.opened(now)
        if happening is Happening.OPENED and self.recovery.probes:
            self.recovery.answered(now)
        if self.state is before:
            return
        self._grace_until = now + GRACE_SECONDS if self.state is State.SUSPENDED else None
        if self.state is State.LIVE:
            self.events.append(events.SessionResumed())
        else:
            self.speed.leave(now)

    def suspend(self, reason: str, now: float) -> None:
        if self.state is State.LIVE:
            self._advance(Happening.SILENT, now)
            self._settle(self.recovery.give_up(), now)
            self.silence.suspended(now)
            self.events.append(events.SessionSuspended(reason))

    def close(self, code: GoAwayCode, text: str, now: float) -> None:
        """Say goodbye, sealed, and be dead."""
        if self.state is not State.DEAD:
            self._advance(Happening.ENDED, now)
            self._going_away = GoAway(code, text)
            self.events.append(events.SessionEnded(code, text, by_peer=False))

    def lose(self, reason: str, now: float) -> None:
        """It is over without a goodbye: the peer is not there to hear one."""
        if self.state is not State.DEAD:
            self._advance(Happening.ENDED, now)
            self.events.append(events.SessionEnded(None, reason, by_peer=True))

    def repeat_goaway(self) -> None:
        """The peer has not heard our goodbye."""
        if self._goaways and self._goaways < _GOAWAYS_MAX and self._last_goaway is not None:
            self._going_away = self._last_goaway

    # --- to the line ---

    def data_to_send(self, now: float) -> list[bytes]:
        """Frames that should go now."""
        out: list[bytes] = []
        if self._going_away is not None:
            self._goaways += 1
            self._last_goaway, self._going_away = self._going_away, None
            out.append(self._pack([self._last_goaway], now, needs_ack=False))
        if self.state is State.SUSPENDED:
            if self._ping:
                self._ping = False
                asked = self.framer.wanted or Ping()
                out.append(self._pack([asked], now, needs_ack=True))
        elif self.state is State.LIVE:
            if not self.speed.is_quiet:
                self._fill(out, now)
            self._speak_of_speed(out, now)
        return out

    def _speak_of_speed(self, out: list[bytes], now: float) -> None:
        for message in self.speed.to_send(now):
            padding = SPEED_PROBE_BYTES if message.step is SpeedStep.PROBE else 0
            out.append(self._pack([message], now, needs_ack=False, padding=padding))
            self.speed.sent(message, self.recovery.line.free_at, now)

    def _fill(self, out: list[bytes], now: float) -> None:
        if self._acks.due(now) and not self._ack_can_ride(now):
            out.append(self._pack([self._acks.take(now)], now, needs_ack=False))
        room = BATCH_BYTES
        while room > 0 and (self._probe or self._ping or self.mux.wants_to_send):
            frame = self.recovery.frame.bytes_at(self.recovery.line.rate, now)
            if self._probe:
                frame = FRAME_MIN_BYTES  # of all packets this one should get through
            elif not self.recovery.may_send(now, frame):
                self._waited = True
                self.recovery.backlog(now, frame)
                if not self.recovery.may_send(now, frame):
                    return
            messages = self._next_messages(frame, now)
            if not messages:
                break
            # While somebody types, with every other packet of bulk will do.
            spare = self.recovery.frame.is_typed_at(now) and self.mux.wants_to_send
            if self._acks.wanted and self._acks.rides(2 if spare else 1):
                messages.insert(0, self._acks.take(now))
            frame_bytes = self._pack(messages, now, needs_ack=True)
            out.append(frame_bytes)
            room -= len(frame_bytes)
        self._waited = False

    def _ack_can_ride(self, now: float) -> bool:
        """A packet that goes out anyway, at the next frame boundary, takes the ack along."""
        if self.mux.urgent and self.recovery.may_send(now, 0):
            return True
        if self._acks.hurried or not self.mux.wants_to_send or self.recovery.line.rate is None:
            return False
        turn = self.recovery.next_turn(now)
        return turn is not None and turn <= now + ACK_RIDE_SECONDS

    def _next_messages(self, frame: int, now: float) -> list[Message]:
        urgent = self.mux.urgent
        taken = self.mux.take(frame, now)
        messages = [message for message in taken if not self.framer.is_stale(message)]
        if any(isinstance(message, Data) for message in messages):
            self._busy_at = now
            if urgent:
                self.recovery.frame.interactive(now)
        if not messages and (taken or self._probe or self._ping):
            messages = [Ping()]
        self._probe = self._ping = False
        return messages

    def _pack(
        self, messages: list[Message], now: float, *, needs_ack: bool, padding: int = 0
    ) -> bytes:
        parts = [message.encode() for message in messages[:-1]]
        last = messages[-1]
        parts.append(last.encode(last=True) if isinstance(last, Data) else last.encode())
        parts.append(bytes(padding))
        self.speed.spoke_at = now
        number = self.session.next_number
        frame = self.framer.encode(self.session.seal(b"".join(parts)))
        if needs_ack:
            self.spoke_at = now
            carried: list[Message] = [each for each in messages if not isinstance(each, Ack)]
            self.recovery.sent(number, len(frame), carried, now, waited=self._waited)
        else:
            self.recovery.sent_unacked(number, len(frame), now)
        return frame

    # --- time ---

    def next_deadline(self, now: float) -> float | None:
        candidates: list[float | None] = [self._grace_until, self.framer.deadline]
        if self.state is State.SUSPENDED:
            candidates.append(self.silence.ask_at())
        if self.state is State.LIVE or self.speed.is_quiet:  # else it may be on its way back
            candidates.append(self.speed.deadline)
        if self.state is State.LIVE and not self.speed.is_quiet:
            candidates += [self._refresh.deadline, self.recovery.probe_deadline()]
            if self._acks.wanted and not self._ack_can_ride(now):
                candidates.append(self._acks.deadline)
            if len(self.mux):
                candidates.append(self.silence.ask_at())
                if self._console:
                    candidates.append(self._deaf_at())
            if self.mux.wants_to_send or self._ping:
                candidates.append(self.recovery.next_turn(now))
        return min((time for time in candidates if time is not None), default=None)

    def handle_timeout(self, now: float) -> None:
        if self._grace_until is not None and now >= self._grace_until:
            self._advance(Happening.EXPIRED, now)
            self.events.append(events.SessionEnded(None, "nobody answered for 5 minutes", True))
        self._ping |= self.framer.handle_timeout(now)
        ask_at = self.silence.ask_at()
        asking = self.state is State.SUSPENDED or len(self.mux) > 0
        if self.state is not State.DEAD and asking and ask_at is not None and now >= ask_at:
            if self.state is State.SUSPENDED:
                self._settle(self.recovery.give_up(), now)
            if now < self._obstacle_until:
                self.silence.asked(now)  # not now: a little later
            else:
                self.ask(now, with_hello=self._console and self.state is State.SUSPENDED)
        if self._console and len(self.mux) and now >= self._deaf_at():
            self.suspend("nothing was heard", now)
        if self.state is not State.LIVE:
            return
        self._look_at_speed(now)
        if self.speed.is_quiet:
            return
        if self._refresh.deadline is not None and now >= self._refresh.deadline:
            self.mux.send_control(self._refresh.begin(now))
        deadline = self.recovery.probe_deadline()
        if deadline is not None and now >= deadline:
            if self.recovery.probes >= self._probes_max or self.recovery.is_unheard:
                self.suspend("nobody answers", now)
                self.asks_whether_known = self._console
            else:
                self._settle(self.recovery.probe(now), now)
                self._probe = True

    def _look_at_speed(self, now: float) -> None:
        recovery, decoder = self.recovery, self.framer.decoder
        round_trip = recovery.round_trip.smoothed or 0.0
        self.speed.handle_timeout(recovery.line.queued_seconds(now) + 2 * round_trip, now)
        there = (recovery.packets_sent, recovery.packets_lost)
        self.speed.watch(there, (decoder.frames + decoder.bad_frames, decoder.bad_frames), now)

    def line_changed(self, rate: float, now: float) -> None:
        """The line carries `rate` bytes a second now."""
        self._settle(self.recovery.start_over(rate), now)

    def _deaf_at(self) -> float:
        """When the console stops believing that somebody is there: an agent would have asked."""
        return max(self._heard_at, self.spoke_at) + DEAF_SESSION_SECONDS

    def begin_switch(self, profiles: tuple[Profile, Profile], now: float) -> None:
        """Console: to these profiles, as soon as the agent has heard of it."""
        self._settle(self.recovery.give_up(), now)  # in the old ones, and hardly on its way
        self.mux.send_control(self.framer.begin_switch(profiles, now))
        self._ping = True

    def ask(self, now: float, *, with_hello: bool = False) -> None:
        """One PING; `with_hello`: the console is to send a hello behind it."""
        self.silence.asked(now)
        self._ping = True
        self.asks_whether_known |= with_hello
