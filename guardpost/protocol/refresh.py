"""Fresh keys once a day: a whole XX inside the session (docs/protocol.md section 5)."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from guardpost.errors import RemoteProtocolError
from guardpost.protocol.limits import REFRESH_SECONDS, REKEYS_BEGUN_MAX
from guardpost.protocol.messages import Rekey

if TYPE_CHECKING:
    from guardpost.protocol.handshake import Handshake
    from guardpost.protocol.session import SealedSession

__all__ = ["Refresh"]


class Refresh:
    """Carries XX in REKEY messages and hands the new keys to the sealed session.

    The peer's static key must stay what it was; anything out of turn is a violation.
    """

    def __init__(
        self,
        session: "SealedSession",
        *,
        console: bool,
        handshake_hash: bytes,
        static_private: bytes,
        peer_static: bytes,
        random_bytes: Callable[[int], bytes],
        psk: bytes | None,
        now: float,
    ) -> None:
        self._session = session
        self._console = console
        self._hash = handshake_hash
        self._static_private = static_private
        self._peer_static = peer_static
        self._random_bytes = random_bytes
        self._psk = psk
        self._handshake: Handshake | None = None
        self._begun = 0  # by the peer, since the last one that was finished
        self._received: dict[int, bytes] = {}  # the newest of each step
        self.deadline: float | None = now + REFRESH_SECONDS if console else None

    def begin(self, now: float) -> Rekey:
        """Console: message 1 of the next XX."""
        self.deadline = now + REFRESH_SECONDS
        self._handshake = self._begin(initiator=True)
        return Rekey(1, self._handshake.write_message())

    def _begin(self, *, initiator: bool) -> "Handshake":
        from guardpost.protocol.handshake import Handshake

        return Handshake(
            initiator=initiator,
            prologue=self._hash,
            static_private=self._static_private,
            random_bytes=self._random_bytes,
            psk=self._psk,
        )

    def receive(self, message: Rekey) -> Rekey | None:
        """The peer's next step; returns our answer, None if there is none or it was given before.

        Raises RemoteProtocolError.
        """
        if self._received.get(message.step) == message.noise:
            return None  # a probe brought it again
        if message.step == 1 and not self._console:
            self._begun += 1
            if self._begun > REKEYS_BEGUN_MAX:
                raise RemoteProtocolError("rekeys are begun and never finished")
            self._handshake = self._begin(initiator=False)
        elif message.step != (2 if self._console else 3) or self._handshake is None:
            raise RemoteProtocolError("a rekey message out of turn")
        handshake = self._handshake
        handshake.read_message(message.noise)
        self._received[message.step] = message.noise
        if handshake.remote_static not in (None, self._peer_static):
            raise RemoteProtocolError("a rekey with another static key")
        answer = None
        if message.step < 3:
            answer = Rekey(message.step + 1, handshake.write_message())
        if handshake.finished:
            self._handshake = None
            self._begun = 0
            self._hash = handshake.handshake_hash
            send_key, receive_key = handshake.split()
            self._session.expect_fresh(receive_key)
            if self._console:
                self._session.send_fresh_later(send_key)
            else:
                self._session.send_fresh(send_key)
        return answer
