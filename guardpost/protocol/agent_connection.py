"""The agent's end of a line.

It answers hellos, judges consoles, keeps one session, hands text to the prompt.
"""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from guardpost.errors import GoAwayCode
from guardpost.protocol import events
from guardpost.protocol.association import Association
from guardpost.protocol.connection import Connection
from guardpost.protocol.establish import Credentials, establish
from guardpost.protocol.framing import Profile
from guardpost.protocol.hello import Hello
from guardpost.protocol.life import State
from guardpost.protocol.limits import DEAF_SECONDS, HELLO_BUCKET, HELLO_REPLIES_PER_SECOND
from guardpost.protocol.messages import Welcome
from guardpost.protocol.responder import Responder, Stage

__all__ = ["AgentConnection"]

_NOT_TYPED = re.compile(rb"[^ -~\r\n\t\b\a\x7f\x1b\x01\x03\x04\x05\x0b\x0c\x15\x17]")
"""No person's terminal sends these: they have printable ASCII and editing controls (section 11)."""


class AgentConnection(Connection):
    """`settings` is the WELCOME's msgpack map, `message_2_payload` what the console may know before
    it is known itself (whether the key is ephemeral). Without a `static_private` hellos go
    unanswered, until identify().
    """

    def __init__(
        self,
        *,
        settings: bytes,
        static_private: bytes = b"",
        message_2_payload: bytes = b"",
        random_bytes: Callable[[int], bytes],
        psk: bytes | None = None,
    ) -> None:
        super().__init__(Credentials(False, static_private, random_bytes, psk))
        self._settings = settings
        self._message_2_payload = message_2_payload
        self._responder: Responder | None = None
        self._session_key = b""  # of the console whose session it is
        self._session_hello = b""
        self._bucket = float(HELLO_BUCKET)
        self._bucket_at = 0.0

    def identify(self, static_private: bytes, message_2_payload: bytes) -> None:
        """Who we are, from the next hello on."""
        self._credentials = replace(self._credentials, static_private=static_private)
        self._message_2_payload = message_2_payload

    # --- from the line ---

    def _receive_hello(self, candidate: bytes, now: float) -> bool:
        hello = Hello.decode(candidate)
        if hello is None:
            # An agent's hello answers somebody's: an echo of ours, or another agent's.
            # Not text either way.
            return candidate[7] == 0x31
        if hello.agent or candidate == self._session_hello:
            return True
        self._events.append(events.Heard("console"))
        if not self._credentials.static_private:
            return True  # the console asks again
        if self._responder is not None and candidate == self._responder.console_hello:
            if self._may_answer(now):
                self._responder.hello_repeated()
        elif self._may_answer(now):
            self._responder = Responder(
                candidate,
                hello,
                static_private=self._credentials.static_private,
                message_2_payload=self._message_2_payload,
                random_bytes=self._credentials.random_bytes,
                psk=self._credentials.psk,
                now=now,
            )
            if self.association is not None:
                self._responder.hear_also(self.association.framer.crc_in)
        return True

    def _may_answer(self, now: float) -> bool:
        """A token bucket: hellos by the thousand cost neither line nor processor."""
        refill = (now - self._bucket_at) * HELLO_REPLIES_PER_SECOND
        self._bucket = min(float(HELLO_BUCKET), self._bucket + refill)
        self._bucket_at = now
        if self._bucket < 1:
            return False
        self._bucket -= 1
        return True

    def _receive_bytes(self, data: bytes, now: float) -> bool:
        stirred = False
        decoders = []
        for association in (self._former, self.association):
            if association is not None:
                decoders.append(association.framer.decoder)
                if self._receive_frames(association, data, now) is not None:
                    stirred = True
                    self._drop_dead(now)
        responder = self._responder
        if responder is not None:
            stirred = True
            decoders.append(responder.decoder)
            for which, body in responder.decoder.feed(data):
                if which == 0:
                    self._receive_handshake(responder, body, now)
                elif which > 0 and self.association is not None:
                    responder.go_on(now)
                    self.association.receive(body, now)
                    self._drop_dead(now)
                else:
                    responder.residue(body)
        if _NOT_TYPED.search(data) or any(each.profile.delimiter in data for each in decoders):
            if now >= self._deaf_until:
                self._events.append(events.Text(b"", clean=False))
                stirred = True
            self._deaf_until = now + DEAF_SECONDS
        elif now >= self._deaf_until:
            if self.association is not None:
                self.association.text(now)
            self._events.append(events.Text(data))
            stirred = True
        return stirred

    def _receive_handshake(self, responder: Responder, body: bytes, now: float) -> None:
        before = responder.stage
        responder.receive(body, now)
        if responder.stage is Stage.FAILED:
            self._responder = None
        elif responder.stage is Stage.MESSAGE_3_READ:
            if before is not Stage.MESSAGE_3_READ:
                key = responder.handshake.remote_static or b""
                self._events.append(events.ConsoleKeyOffered(key, responder.payload))
            elif body[0] == 3 and self._former is not None:
                self._former.repeat_goaway()

    def receive_eof(self, now: float) -> None:
        super().receive_eof(now)
        self._responder = None

    # --- the judgement ---

    def allow(self, now: float) -> None:
        """The console's key may come in: its session begins, unless another console's lives."""
        responder = self._responder
        if responder is None or responder.stage is not Stage.MESSAGE_3_READ:
            return
        key = responder.handshake.remote_static or b""
        old = self.association
        if old is not None and old.state is not State.DEAD and key != self._session_key:
            old.ask(now)  # it may have died without a word, and then this is how we notice
            self.refuse(GoAwayCode.BUSY, "another console has a session", now)
            return
        if old is not None:
            self.close(GoAwayCode.SUPERSEDED, "a new session of the same key", now)
        self.association = self._judged(responder, self._events, now)
        self._session_key = key
        self._session_hello = responder.console_hello
        self._responder = None
        self._events.append(events.SessionEstablished(key, responder.payload))
        self.association.mux.send_control(Welcome(self._settings))

    def refuse(self, code: GoAwayCode, text: str, now: float) -> None:
        """The console learns why, sealed, and nothing else."""
        responder = self._responder
        if responder is None or responder.stage is not Stage.MESSAGE_3_READ:
            return
        refused = self._judged(responder, deque(), now)
        refused.close(code, text, now)
        self._former = refused
        self._former_until = responder.deadline

    def _judged(
        self, responder: Responder, events_out: deque[events.Event], now: float
    ) -> Association:
        association = establish(
            responder.handshake, self._credentials, responder.profiles, events_out, now
        )
        association.recovery.round_trip.sample(max(0.05, now - responder.sent_at))
        return association

    # --- to the line ---

    def send_text(self, data: bytes) -> None:
        """The prompt's words, at the next frame boundary."""
        self._plain.append(data)

    def _frames_to_send(self, now: float) -> list[tuple[Profile, list[bytes]]]:
        out = super()._frames_to_send(now)
        responder = self._responder
        if responder is not None and responder.frames:
            frames, responder.frames = responder.frames, []
            responder.sent_at = now
            out.insert(0, (responder.to_console, frames))
        return out

    def data_to_send(self, now: float) -> list[bytes]:
        if self._responder is not None:
            self._plain += self._responder.hellos
            self._responder.hellos = []
        return super().data_to_send(now)

    # --- time ---

    def next_deadline(self, now: float) -> float | None:
        deadline = super().next_deadline(now)
        if self._responder is None:
            return deadline
        return (
            self._responder.deadline
            if deadline is None
            else min(deadline, self._responder.deadline)
        )

    def handle_timeout(self, now: float) -> None:
        super().handle_timeout(now)
        if self._responder is not None and now >= self._responder.deadline:
            self._responder = None
