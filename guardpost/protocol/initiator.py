"""The console's way to a session: listen, hello, handshake (docs/protocol.md sections 2, 4).

Given a choice of profiles it begins with the first and checks, with a frame that holds every value,
whether the path carries it; if not, a survey says which of them it carries.

It ends ESTABLISHED (keys in `handshake`) or FAILED (`reason`); it never says more than it may.
"""

import enum
from collections.abc import Callable

from guardpost.errors import RemoteProtocolError
from guardpost.protocol.caution import HEARD_BYTES, cautious_about
from guardpost.protocol.framing import Decoder, Encoder, Profile
from guardpost.protocol.handshake import Handshake
from guardpost.protocol.hello import MAJOR, Hello, epoch, handshake_states, known_profile
from guardpost.protocol.limits import (
    CHECK_HELLOS,
    HANDSHAKE_FIRST_SECONDS,
    HANDSHAKE_TRIES,
    HELLO_TRIES_SECONDS,
    LISTEN_SECONDS,
    SURVEY_SWEEP_MAX_SECONDS,
)
from guardpost.protocol.path import (
    EVERY_VALUE,
    Damage,
    suitable,
    values_to_sweep,
)
from guardpost.protocol.survey import Survey

__all__ = ["Initiator", "Stage"]


class Stage(enum.Enum):
    LISTENING = "listening"
    HELLO_SENT = "hello sent"
    SURVEYING = "surveying the path"
    MESSAGE_1_SENT = "message 1 sent"
    KEY_OFFERED = "key offered"
    MESSAGE_3_SENT = "message 3 sent"
    ESTABLISHED = "established"
    FAILED = "failed"


class Initiator:
    """`hellos` and `frames` hold what to send; `deadline` when to call handle_timeout."""

    def __init__(
        self,
        *,
        static_private: bytes,
        message_3_payload: bytes,
        profiles: tuple[Profile, ...],
        random_bytes: Callable[[int], bytes],
        psk: bytes | None,
        consent: bool,
        now: float,
        not_before: float,
    ) -> None:
        """`profiles`: the first that the path carries is used; one alone is taken as it is.

        `consent`: a boot loader or a password prompt is no obstacle.
        """
        self.stage = Stage.LISTENING
        self.hellos: list[bytes] = []
        self.frames: list[bytes] = []
        self.deadline: float | None = max(now + LISTEN_SECONDS, not_before)
        self.reason = ""
        self.heard_hello = False
        self.profiles = (profiles[0], profiles[0])
        self.damage: Damage | None = None  # what a survey has found
        self.is_guess = False  # no survey was answered, so the profiles are the careful ones
        self.decoder: Decoder | None = None
        self.handshake: Handshake | None = None
        self.message_2_payload = b""
        self.hello = b""
        self.said: set[bytes] = set()  # every hello of ours, to know its echo
        self._static_private = static_private
        self._message_3_payload = message_3_payload
        self._choice = profiles
        self._survey: Survey | None = None
        self._checks, self._is_checked = len(profiles) > 1, False
        self._random_bytes, self._psk = random_bytes, psk
        self._consent = consent
        self._heard = b""
        self._encoder: Encoder | None = None
        self._frame = b""
        self._tries = 0
        self._round_trip = 0.0
        self._sent_at = self._first_sent_at = now
        self._patience = self._wait = 0.0

    # --- from the line ---

    def text(self, data: bytes) -> None:
        self._heard = (self._heard + data)[-HEARD_BYTES:]

    def agent_hello(self, candidate: bytes, now: float) -> bool:
        """True if `candidate` answers our hello."""
        if self._survey is not None and self._survey.agent_hello(candidate, now):
            self._survey_went_on(now)
            return True
        hello = Hello.decode(candidate, answers=self.hello) if self.hello else None
        if hello is None or not hello.agent:
            return False
        if self.stage is not Stage.HELLO_SENT:
            return True
        self.heard_hello = True
        if hello.major != MAJOR:
            self._fail(f"the agent speaks version {hello.major} of the protocol, we speak {MAJOR}")
            return True
        # It may answer any of our hellos: repeat soon, as if it were the last, and wait for the
        # last repetition's answer as if it were the first.
        self._round_trip = now - self._sent_at
        self._patience = 2 * (now - self._first_sent_at)
        self.profiles = (known_profile(hello.to_agent), known_profile(hello.to_console))
        states = handshake_states(epoch(self.hello, candidate))
        self._encoder = Encoder(self.profiles[0], states[0])
        self.decoder = Decoder(self.profiles[1], (states[1],))
        self.handshake = Handshake(
            initiator=True,
            prologue=self.hello + candidate,
            static_private=self._static_private,
            random_bytes=self._random_bytes,
            psk=self._psk,
        )
        self._send_message(1, self.handshake.write_message(), now)
        self.stage = Stage.MESSAGE_1_SENT
        return True

    def survey(self, data: bytes, now: float) -> bool:
        """True if a survey is on: these bytes of the line, without hellos, are its own."""
        survey = self._survey
        if survey is None:
            return False
        self.text(data)
        survey.receive(data, now)
        self._survey_went_on(now)
        return True

    def receive(self, body: bytes, now: float) -> None:
        """One good handshake frame."""
        if body == EVERY_VALUE:
            self._is_checked = True
        if body[0] != 2 or self.stage is not Stage.MESSAGE_1_SENT or self.handshake is None:
            return
        if self._checks and not self._is_checked:
            self._begin_survey(now)  # message 2 comes behind that frame, so it is lost
            return
        try:
            self.message_2_payload = self.handshake.read_message(body[1:])
        except RemoteProtocolError as error:
            self._fail(f"the handshake failed: {error}")
            return
        self.stage = Stage.KEY_OFFERED
        self.deadline = None

    def accept(self, now: float) -> None:
        """The agent's key is good: message 3."""
        if self.stage is not Stage.KEY_OFFERED or self.handshake is None:
            return
        try:
            message = self.handshake.write_message(self._message_3_payload)
        except RemoteProtocolError as error:
            self._fail(f"the handshake failed: {error}")
            return
        self._send_message(3, message, now)
        self.stage = Stage.MESSAGE_3_SENT

    def established(self) -> None:
        """The agent's first packet has opened."""
        self.stage = Stage.ESTABLISHED
        self.deadline = None

    # --- time ---

    def hold_hello(self, until: float) -> None:
        """No hello before that; what follows an answer is not held."""
        if self.stage in (Stage.LISTENING, Stage.HELLO_SENT) and self.deadline is not None:
            self.deadline = max(self.deadline, until)

    def handle_timeout(self, now: float) -> None:
        if self.deadline is None or now < self.deadline:
            return
        if self._survey is not None:
            if not self._is_hindered():
                self._survey.handle_timeout(now)
                self._survey_went_on(now)
        elif self.stage is Stage.LISTENING:
            self._send_hello(now)
        elif self.stage is Stage.HELLO_SENT:
            if self._tries < len(HELLO_TRIES_SECONDS):
                self._send_hello(now)
            else:
                self._fail("nobody answered our hello")
        elif self._checks and self.stage is Stage.MESSAGE_1_SENT:
            self._begin_survey(now)  # hellos pass and frames do not: a path that changes bytes
        elif self._tries < HANDSHAKE_TRIES:
            self._repeat(now)
        elif self._can_be_more_careful():
            self._be_careful(now)
        else:
            self._fail("the agent answered our hello and then fell silent")

    def _can_be_more_careful(self) -> bool:
        careful = (Profile.PRINTABLE, Profile.PRINTABLE)
        return (
            self.stage is Stage.MESSAGE_1_SENT
            and len(self._choice) > 1
            and self.profiles != careful
        )

    # --- what the path carries ---

    def _begin_survey(self, now: float) -> None:
        self._checks = False
        self.decoder = None
        self.stage = Stage.SURVEYING
        self._survey = Survey(values_to_sweep(self._choice), self._random_bytes, now)
        self.said.add(self._survey.hello)
        self.deadline = now
        self.handle_timeout(now)

    def _survey_went_on(self, now: float) -> None:
        survey = self._survey
        if survey is None:
            return
        self.hellos += survey.out
        survey.out = []
        self.deadline = survey.deadline
        if not survey.finished:
            return
        self._survey = None
        self.damage = survey.damage
        if survey.damage is None:
            self._be_careful(now)
        else:
            to_agent = suitable(self._choice, survey.damage.to_agent)
            to_console = suitable(self._choice, survey.damage.to_console)
            self._ask_anew((to_agent, to_console), now)

    def _be_careful(self, now: float) -> None:
        self.is_guess = True
        self._ask_anew((Profile.PRINTABLE, Profile.PRINTABLE), now)

    def _ask_anew(self, profiles: tuple[Profile, Profile], now: float) -> None:
        """With another hello, for other profiles."""
        self.profiles = profiles
        self.hello = b""
        self._tries = 0
        self.decoder = None
        self._send_hello(now)

    # --- to the line ---

    def _is_hindered(self) -> bool:
        """Something on the line forbids to speak, so it is over."""
        obstacle = None if self._consent else cautious_about(self._heard)
        if obstacle:
            what = "nothing more" if self.said else "nothing"
            self._fail(f"the line shows {obstacle}; {what} was sent")
        return obstacle is not None

    def _send_hello(self, now: float) -> None:
        if self._is_hindered():
            return
        if not self.hello:
            nonce = int.from_bytes(self._random_bytes(8), "little")
            self.hello = Hello(False, nonce, *self.profiles).encode()
        self.stage = Stage.HELLO_SENT
        self.said.add(self.hello)
        self.hellos.append(self.hello)
        self._sent_at = now
        if not self._tries:
            self._first_sent_at = now
        self.deadline = now + HELLO_TRIES_SECONDS[self._tries]
        self._tries += 1

    def _send_message(self, kind: int, message: bytes, now: float) -> None:
        assert self._encoder is not None
        self._frame = self._encoder.encode(bytes((kind,)) + message)
        self._tries = 0
        self._wait = HANDSHAKE_FIRST_SECONDS + 2 * self._round_trip
        if self._checks and kind == 1:
            self._is_checked = False
            self.frames.append(self._encoder.encode(EVERY_VALUE))
            self._wait += min(CHECK_HELLOS * self._round_trip, SURVEY_SWEEP_MAX_SECONDS)
        self._repeat(now)

    def _repeat(self, now: float) -> None:
        self.frames.append(self._frame)
        self._tries += 1
        last = self._tries == HANDSHAKE_TRIES
        self.deadline = now + (max(self._wait, self._patience) if last else self._wait)
        self._wait *= 2

    def _fail(self, reason: str) -> None:
        self.stage = Stage.FAILED
        self.reason = reason
        self.deadline = None
        self._survey = None
        self.hellos.clear()
        self.frames.clear()
