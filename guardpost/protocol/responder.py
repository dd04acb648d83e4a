"""The agent's half-open handshake: a console hello, answered, until its key is judged.

On the way it says, if asked, what the path does to bytes.

Source: docs/protocol.md section 4.
"""

import enum
from collections.abc import Callable

from guardpost.errors import RemoteProtocolError
from guardpost.protocol.framing import Decoder, Encoder, Profile
from guardpost.protocol.hello import Hello, epoch, handshake_states, known_profile
from guardpost.protocol.limits import HALF_OPEN_SECONDS, SWEEPS_MAX
from guardpost.protocol.path import (
    EVERY_VALUE,
    KIND_EVERY,
    KIND_SWEEP,
    KIND_SWEPT,
    SweepReader,
    sweep,
    sweep_frames,
)

__all__ = ["Responder", "Stage"]


class Stage(enum.Enum):
    HELLO_ANSWERED = "hello answered"
    MESSAGE_2_SENT = "message 2 sent"
    MESSAGE_3_READ = "message 3 read"
    FAILED = "failed"


class Responder:
    """Takes handshake frames, makes answers (`hellos`, which are sent as they are, and `frames`).

    At MESSAGE_3_READ its key awaits judgement.
    """

    def __init__(
        self,
        console_hello: bytes,
        hello: Hello,
        *,
        static_private: bytes,
        message_2_payload: bytes,
        random_bytes: Callable[[int], bytes],
        psk: bytes | None,
        now: float,
    ) -> None:
        from guardpost.protocol.handshake import Handshake

        self.console_hello = console_hello
        self.profiles = (known_profile(hello.to_agent), known_profile(hello.to_console))
        nonce = int.from_bytes(random_bytes(8), "little")
        answer = Hello(True, nonce, self.profiles[0], self.profiles[1])
        self.agent_hello = answer.encode(answers=console_hello)
        self.stage = Stage.HELLO_ANSWERED
        self.deadline = now + HALF_OPEN_SECONDS
        self.hellos: list[bytes] = [self.agent_hello]
        self.frames: list[bytes] = []
        self.sent_at = now  # when message 2 went out
        self.payload = b""
        self._crc_state, ours = handshake_states(epoch(console_hello, self.agent_hello))
        self.decoder = Decoder(self.profiles[0], (self._crc_state,))
        self._encoder = Encoder(self.profiles[1], ours)
        self._message_2_payload = message_2_payload
        self._message_1 = b""
        self._frame_2 = b""
        self._heard_every = False
        self._sweeps = 0
        self._reader = SweepReader()
        self.handshake = Handshake(
            initiator=False,
            prologue=console_hello + self.agent_hello,
            static_private=static_private,
            random_bytes=random_bytes,
            psk=psk,
        )

    @property
    def to_console(self) -> Profile:
        return self.profiles[1]

    def hear_also(self, crc_state: int) -> None:
        """Frames with that state are of the session that lives beside this: number 1."""
        self.decoder.set_crc((self._crc_state, crc_state))

    def go_on(self, now: float) -> None:
        """It is still of use."""
        self.deadline = now + HALF_OPEN_SECONDS

    def hello_repeated(self) -> None:
        self.hellos.append(self.agent_hello)

    def receive(self, body: bytes, now: float) -> None:
        """One good handshake frame. A bad message ends this handshake and nothing else."""
        kind, message = body[0], body[1:]
        try:
            if kind == 1 and self.stage is Stage.HELLO_ANSWERED:
                self._read_message_1(message)
            elif kind == 1 and message == self._message_1:
                self._answer_message_1()
                return
            elif kind == 3 and self.stage is Stage.MESSAGE_2_SENT:
                self.payload = self.handshake.read_message(message)
                self.stage = Stage.MESSAGE_3_READ
            elif not self._receive_path(kind, body):
                return
        except RemoteProtocolError:
            self.stage = Stage.FAILED
        self.deadline = now + HALF_OPEN_SECONDS

    def _read_message_1(self, message: bytes) -> None:
        self.handshake.read_message(message)
        self._message_1 = message
        answer = b"\x02" + self.handshake.write_message(self._message_2_payload)
        self._frame_2 = self._encoder.encode(answer)
        self._answer_message_1()
        self.stage = Stage.MESSAGE_2_SENT

    def _answer_message_1(self) -> None:
        if self._heard_every:
            # In front, so that a console which sees message 2 alone knows at once.
            self.frames.append(self._encoder.encode(EVERY_VALUE))
        self.frames.append(self._frame_2)

    # --- what the path does to bytes ---

    def _receive_path(self, kind: int, body: bytes) -> bool:
        """Whether it was about the path, and right. Raises RemoteProtocolError."""
        if kind == KIND_EVERY and body == EVERY_VALUE:
            self._heard_every = True
            return True
        if kind not in (KIND_SWEEP, KIND_SWEPT) or self.stage is not Stage.HELLO_ANSWERED:
            return False
        found = self._reader.frame(body)
        if found is not None and self._sweeps < SWEEPS_MAX:
            self._sweeps += 1
            before, behind = sweep_frames(found.number, found.values, found.found)
            # As long as what it answers: nobody gets more out of us than he puts in.
            self.hellos += [
                self.to_console.delimiter + self._encoder.encode(before),
                sweep(found.values),
                self._encoder.encode(behind),
            ]
        return True

    def residue(self, data: bytes) -> None:
        """What stood between two frames: it may be a sweep."""
        self._reader.residue(data)
