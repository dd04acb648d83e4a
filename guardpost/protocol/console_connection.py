"""The console's end of a line: asks for a session, keeps it, hands on what else the line says."""

import re
from collections.abc import Callable

from guardpost.errors import LocalProtocolError
from guardpost.protocol import events
from guardpost.protocol.association import Association
from guardpost.protocol.caution import HEARD_BYTES, cautious_about
from guardpost.protocol.connection import Connection
from guardpost.protocol.establish import Credentials, establish
from guardpost.protocol.framing import Profile
from guardpost.protocol.hello import Hello
from guardpost.protocol.initiator import Initiator, Stage
from guardpost.protocol.inquiry import Inquiry, Step
from guardpost.protocol.life import State
from guardpost.protocol.losswatch import LossWatch
from guardpost.protocol.path import suitable, values_to_sweep
from guardpost.protocol.readable import readable
from guardpost.protocol.survey import Survey

__all__ = ["RESTARTED", "ConsoleConnection"]

RESTARTED = "the agent was restarted"
"""Why a session ended whose agent answers our hello and none of our packets."""

_FLUSH_SECONDS = 0.5  # text without a delimiter behind it is shown after this
_BREAK_SECONDS = 6.0
_TEXT_RUN = re.compile(rb"[\x20-\x7e\r\n]{16}")  # once in 5000 bad frames by chance


class ConsoleConnection(Connection):
    """`message_3_payload` is the operator's name as a msgpack map."""

    def __init__(
        self,
        *,
        static_private: bytes,
        message_3_payload: bytes,
        random_bytes: Callable[[int], bytes],
        psk: bytes | None = None,
    ) -> None:
        super().__init__(Credentials(True, static_private, random_bytes, psk))
        self._message_3_payload = message_3_payload
        self._initiator: Initiator | None = None
        self._told_damage = False
        self._choice: tuple[Profile, ...] = ()
        self._survey: Survey | None = None  # of a session that lives
        self._loses_unless_mended = False
        self._watch = LossWatch()
        self._incoming: Association | None = (
            None  # message 3 is out, its first packet is not here yet
        )
        self._heard = b""  # the last text of a session
        self._inquiry = Inquiry()
        self._flush_at: float | None = None
        self._not_before = float("-inf")

    # --- asking for a session ---

    def begin(self, now: float, profiles: tuple[Profile, ...], *, consent: bool = False) -> None:
        """Listen, then ask for a session. Raises LocalProtocolError while there is one."""
        if self.association is not None or self._initiator is not None:
            raise LocalProtocolError("there is a session, or one is being made")
        self._told_damage = False
        self._choice = profiles
        self._survey = None
        self._watch = LossWatch()
        self._initiator = Initiator(
            static_private=self._credentials.static_private,
            message_3_payload=self._message_3_payload,
            profiles=profiles,
            random_bytes=self._credentials.random_bytes,
            psk=self._credentials.psk,
            consent=consent,
            now=now,
            not_before=self._not_before,
        )

    def accept_agent(self, now: float) -> None:
        """The key of AgentKeyOffered is the right one."""
        initiator = self._initiator
        if initiator is None:
            return
        initiator.accept(now)
        handshake = initiator.handshake
        if initiator.stage is not Stage.MESSAGE_3_SENT or handshake is None:
            self._look_at_attempt()
            return
        self._incoming = establish(
            handshake, self._credentials, initiator.profiles, self._events, now
        )

    def give_up(self) -> None:
        """No session after all; nothing is said."""
        self._initiator = None
        self._incoming = None

    @property
    def heard_hello(self) -> bool:
        """Whether the present attempt had an answer to its hello."""
        return self._initiator is not None and self._initiator.heard_hello

    @property
    def sessions(self) -> tuple[Association, ...]:
        """Whose packets may be on the line now, the newest first."""
        found = (self._incoming, self.association, self._former)
        return tuple(each for each in found if each is not None)

    def send_text(self, data: bytes) -> None:
        """What a person types, at the next frame boundary."""
        self._plain.append(data)

    @property
    def text_waits(self) -> bool:
        """Whether something of send_text() is not on its way yet."""
        return bool(self._plain)

    def break_sent(self, now: float) -> None:
        """A BREAK went out: no hello for six seconds."""
        self._not_before = now + _BREAK_SECONDS
        if self._initiator is not None:
            self._initiator.hold_hello(self._not_before)

    # --- from the line ---

    def _receive_hello(self, candidate: bytes, now: float) -> bool:
        initiator = self._initiator
        if initiator is not None and initiator.agent_hello(candidate, now):
            self._look_at_attempt()
            return True
        asked = self._inquiry.hello
        if asked and Hello.decode(candidate, answers=asked):
            association = self.association
            if association is not None and association.state is State.SUSPENDED:
                self._inquiry.answered(now)
            return True
        if self._survey is not None and self._survey.agent_hello(candidate, now):
            return True
        ours = {asked, *(initiator.said if initiator else ())}
        if self._survey is not None:
            ours.add(self._survey.hello)
        hello = Hello.decode(candidate)
        if candidate in ours:
            self._events.append(events.Heard("echo"))
        elif hello is not None:
            self._events.append(events.Heard("other-console"))
        elif any(Hello.decode(candidate, answers=each) for each in ours if each):
            pass  # late, to one that we have asked another since
        elif candidate[7] == 0x31:
            self._events.append(events.Heard("other-agent"))
        else:
            return False
        return True

    def _receive_bytes(self, data: bytes, now: float) -> bool:
        incoming, initiator = self._incoming, self._initiator
        rest: bytes | None = data
        if incoming is not None:
            rest = self._receive_frames(incoming, data, now)
            if incoming.packets_opened and initiator is not None:
                initiator.established()
                if initiator.is_guess:
                    self._watch.guessed(now)
                self._initiator = self._incoming = None
                self.association = incoming
                self._drop_dead(now)
        elif self.association is not None:
            rest = self._receive_frames(self.association, data, now)
            self._drop_dead(now)
            if self._survey is not None:
                self._survey.receive(data, now)
                self._look_at_survey(now)
                self._heard = (self._heard + (rest or b""))[-HEARD_BYTES:]
                rest = b""
        elif initiator is not None and initiator.survey(data, now):
            rest = b""
            self._look_at_attempt()
        elif initiator is not None and initiator.decoder is not None:
            rest = self._receive_handshake(initiator, data, now)
        elif self._former is not None:
            rest = self._receive_frames(self._former, data, now)
        if rest:
            self._text(rest, now)
        waited = self._flush_at is not None
        is_pending = _holds_pieces(self._incoming) or _holds_pieces(self.association)
        self._flush_at = now + _FLUSH_SECONDS if is_pending else None
        return rest is not None or not waited

    def _receive_handshake(self, initiator: Initiator, data: bytes, now: float) -> bytes:
        residue: list[bytes] = []
        assert initiator.decoder is not None
        for which, body in initiator.decoder.feed(data):
            if which < 0:
                residue.append(body)
                continue
            before = initiator.stage
            initiator.receive(body, now)
            if initiator.stage is Stage.KEY_OFFERED and before is not Stage.KEY_OFFERED:
                key = initiator.handshake.remote_static if initiator.handshake else None
                self._events.append(events.AgentKeyOffered(key or b"", initiator.message_2_payload))
        self._look_at_attempt()
        return b"".join(residue)

    def _text(self, data: bytes, now: float) -> None:
        if self._initiator is not None:
            self._initiator.text(data)
        association = self.association
        if association is not None and _holds_text(data):
            self._heard = (self._heard + data)[-HEARD_BYTES:]
            association.text(now, obstacle=cautious_about(self._heard))
        self._events.append(events.Text(data, clean=readable(data)))

    # --- is our session still known over there? ---

    def _owes_question(self) -> bool:
        return self.association is not None and self.association.asks_whether_known

    def _question_hello(self, association: Association, now: float) -> bytes:
        """The hello behind a PING (section 9)."""
        nonce = int.from_bytes(self._credentials.random_bytes(8), "little")
        hello = Hello(False, nonce, *association.framer.profiles).encode()
        self._inquiry.asked(hello, now)
        return hello

    def _look_at_inquiry(self, now: float) -> None:
        association = self.association
        if association is None or association.state is not State.SUSPENDED:
            self._inquiry.stop()
            return
        match self._inquiry.handle_timeout(now):
            case Step.ASK:
                association.ask(now, with_hello=True)
            case Step.UNDECIDED:
                association.silence.suspended(now)  # an agent was there a moment ago
            case Step.UNKNOWN:
                # Or the path lets through hellos and nothing else any more.
                self._loses_unless_mended = True
                if self._survey is None:
                    self._begin_survey(now)
            case None:
                pass

    # --- to the line ---

    def _frames_to_send(self, now: float) -> list[tuple[Profile, list[bytes]]]:
        out = super()._frames_to_send(now)
        initiator = self._initiator
        if initiator is not None and initiator.frames:
            frames, initiator.frames = initiator.frames, []
            out.append((initiator.profiles[0], frames))
        return out

    def data_to_send(self, now: float) -> list[bytes]:
        if self._initiator is not None:
            self._plain += self._initiator.hellos
            self._initiator.hellos = []
        if self._survey is not None:
            self._plain += self._survey.out
            self._survey.out = []
        out = super().data_to_send(now)
        association = self.association
        if self._owes_question() and association is not None and now >= self._not_before:
            association.asks_whether_known = False
            out.append(self._question_hello(association, now))
        return out

    # --- time ---

    def next_deadline(self, now: float) -> float | None:
        candidates = [super().next_deadline(now), self._flush_at, self._inquiry.deadline]
        if self._survey is not None:
            candidates.append(self._survey.deadline)
        if self._initiator is not None:
            candidates.append(self._initiator.deadline)
        if self._owes_question():
            candidates.append(self._not_before)
        times = [time for time in candidates if time is not None]
        return min(times) if times else None

    def handle_timeout(self, now: float) -> None:
        super().handle_timeout(now)
        if self._initiator is not None:
            self._initiator.handle_timeout(now)
            self._look_at_attempt()
        self._look_at_losses(now)
        if self._survey is not None:
            if self._may_survey():
                self._survey.handle_timeout(now)
                self._look_at_survey(now)
            else:
                self._survey = None
        if self._flush_at is not None and now >= self._flush_at:
            self._flush_at = None
            for association in (self._incoming, self.association):
                if association is not None and (text := association.framer.decoder.take_pending()):
                    self._text(text, now)
        self._look_at_inquiry(now)

    # --- has the path changed? ---

    def _look_at_losses(self, now: float) -> None:
        association = self.association
        if association is None or self._survey is not None or association.framer.wanted is not None:
            return
        recovery, decoder = association.recovery, association.framer.decoder
        bad = decoder.bad_frames
        there = (recovery.packets_sent, recovery.packets_lost)
        back = (decoder.frames + bad, bad)
        moving = association.speed.is_quiet or association.speed.raised
        if association.state is not State.LIVE or recovery.probes or moving:
            self._watch.skip(there, back)  # nobody is there to answer, which is no loss
        elif self._watch.is_suspicious(there, back, now):
            self._begin_survey(now)

    def _may_survey(self) -> bool:
        """A session that is mute stays so, but for the hello that was answered."""
        association = self.association
        return (
            association is not None
            and (association.state is State.LIVE or self._loses_unless_mended)
            and not cautious_about(self._heard)
        )

    def _begin_survey(self, now: float) -> None:
        if len(self._choice) > 1 and self._may_survey():
            self._watch.surveyed(now)
            random_bytes = self._credentials.random_bytes
            self._survey = Survey(values_to_sweep(self._choice), random_bytes, now)
            self._survey.handle_timeout(now)
        self._look_at_survey(now)

    def _look_at_survey(self, now: float) -> None:
        survey, association = self._survey, self.association
        if survey is not None and not survey.finished and association is not None:
            return
        self._survey = None
        if association is None:
            return
        profiles = association.framer.profiles
        if survey is not None and survey.damage is not None:
            self._watch.learned()
            damage = survey.damage
            profiles = (
                suitable(self._choice, damage.to_agent),
                suitable(self._choice, damage.to_console),
            )
            if damage.to_agent or damage.to_console:
                self._events.append(events.PathSurveyed(damage, profiles))
        if profiles != association.framer.profiles or association.framer.in_doubt:
            association.begin_switch(profiles, now)
        elif self._loses_unless_mended and association.state is State.SUSPENDED:
            association.lose(RESTARTED, now)
            self._drop_dead(now)
        self._loses_unless_mended = False

    def _look_at_attempt(self) -> None:
        initiator = self._initiator
        if initiator is not None and initiator.damage is not None and not self._told_damage:
            self._told_damage = True
            self._events.append(events.PathSurveyed(initiator.damage, initiator.profiles))
        if initiator is not None and initiator.stage is Stage.FAILED:
            self._events.append(events.HandshakeFailed(initiator.heard_hello, initiator.reason))
            self._initiator = None
            self._incoming = None


def _holds_pieces(association: Association | None) -> bool:
    """Bytes wait for the end of their frame."""
    return association is not None and association.framer.decoder.pending > 0


def _holds_text(data: bytes) -> bool:
    """It is text, or a piece of a frame that the boot log ran into."""
    return readable(data) or _TEXT_RUN.search(data) is not None
