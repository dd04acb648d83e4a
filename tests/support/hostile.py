"""Peers that may come in and then break the rules: they seal what they like, and need no line."""

from collections.abc import Callable
from random import Random

from support.pair import AGENT_KEY, CONSOLE_KEY, End, make_agent, make_console

from guardpost.protocol.framing import Decoder, Encoder, Profile
from guardpost.protocol.handshake import Handshake
from guardpost.protocol.hello import HELLO_BYTES, Hello, epoch, handshake_states
from guardpost.protocol.messages import Ack, Data, Message, decode_messages
from guardpost.protocol.session import SealedSession, frame_states

__all__ = ["HostileAgent", "HostileConsole"]

_CLEAN = Profile.CLEAN


class _Hostile:
    """`victim` is the honest end; `said` what it said, as messages; `now` the time."""

    def __init__(self, victim: End, now: float) -> None:
        self.victim = victim
        self.now = now
        self.said: list[Message] = []
        self.session: SealedSession | None = None
        self._encoder: Encoder | None = None
        self._decoder: Decoder | None = None

    def use(self, handshake: Handshake, *, console: bool) -> None:
        """The handshake is finished: from now on packets."""
        states = frame_states(handshake.handshake_hash)
        ours, theirs = states if console else states[::-1]
        self.session = SealedSession(*handshake.split())
        self._encoder = Encoder(_CLEAN, ours)
        self._decoder = Decoder(_CLEAN, (theirs,))

    def raw(self, data: bytes) -> bytes:
        """Bytes for the victim; returns what it answers at once."""
        connection = self.victim.connection
        connection.receive_data(data, self.now)
        self.victim.take_events(self.now)
        self.victim.pump(self.now)
        return self.hear()

    def hear(self) -> bytes:
        out = b"".join(self.victim.connection.data_to_send(self.now))
        self.victim.take_events(self.now)
        if self._decoder is not None and self.session is not None:
            for which, body in self._decoder.feed(out):
                opened = self.session.open(body) if which >= 0 else None
                if opened is not None:
                    self.said += decode_messages(opened[1])
        return out

    def wait(self, seconds: float) -> None:
        """Time passes; the victim does what it does at its own deadlines."""
        stop = self.now + seconds
        connection = self.victim.connection
        while True:
            deadline = connection.next_deadline(self.now)
            if deadline is None or deadline > stop:
                break
            self.now = max(deadline, self.now + 1e-4)
            connection.handle_timeout(self.now)
            self.victim.take_events(self.now)
            self.hear()
        self.now = stop

    def packet(self, plain: bytes) -> bytes:
        """A frame with a sealed packet of these bytes in it."""
        assert self.session is not None
        assert self._encoder is not None
        return self._encoder.encode(self.session.seal(plain))

    def send(self, *messages: Message) -> bytes:
        parts = [
            message.encode(last=False) if isinstance(message, Data) else message.encode()
            for message in messages
        ]
        return self.raw(self.packet(b"".join(parts)))

    def ack(self) -> Ack:
        """An ack of everything that the victim has sent."""
        assert self.session is not None
        return Ack(((0, self.session.largest_opened + 1),), int(self.now * 1e6) & 0xFFFFFFFF, 0)

    def heard(self, kind: type[Message]) -> list[Message]:
        return [message for message in self.said if isinstance(message, kind)]


class HostileConsole(_Hostile):
    """An allowed console, or one that stops half way."""

    def __init__(self, agent: End | None = None, now: float = 1000.0, seed: int = 3) -> None:
        super().__init__(agent or End(make_agent(), "b"), now)
        self._random_bytes: Callable[[int], bytes] = Random(seed).randbytes
        self.hello = Hello(False, Random(seed).getrandbits(64), _CLEAN, _CLEAN).encode()

    def say_hello(self) -> bytes:
        """The agent's hello, which answers ours."""
        out = self.raw(self.hello)
        at = out.find(b"#7180011")
        return out[at : at + HELLO_BYTES]

    def handshake_codec(self, agent_hello: bytes) -> tuple[Encoder, Decoder]:
        ours, theirs = handshake_states(epoch(self.hello, agent_hello))
        return Encoder(_CLEAN, ours), Decoder(_CLEAN, (theirs,))

    def begin(self, agent_hello: bytes, key: bytes = CONSOLE_KEY) -> Handshake:
        return Handshake(
            initiator=True,
            prologue=self.hello + agent_hello,
            static_private=key,
            random_bytes=self._random_bytes,
        )

    def enter(self, key: bytes = CONSOLE_KEY) -> bytes:
        """The whole way in; returns the frame of message 3, to be repeated."""
        agent_hello = self.say_hello()
        encoder, decoder = self.handshake_codec(agent_hello)
        handshake = self.begin(agent_hello, key)
        answer = self.raw(b"\0" + encoder.encode(b"\x01" + handshake.write_message()))
        ((_, body),) = [item for item in decoder.feed(answer) if item[0] >= 0]
        handshake.read_message(body[1:])
        message_3 = encoder.encode(b"\x03" + handshake.write_message(b"\x80"))
        self.use(handshake, console=True)
        self.raw(message_3)
        return message_3


class HostileAgent(_Hostile):
    """An agent whose key the console accepts."""

    def __init__(self, now: float = 1000.0) -> None:
        super().__init__(End(make_console()), now)

    def enter(self) -> None:
        connection = self.victim.connection
        connection.begin(self.now, (_CLEAN,))  # type: ignore[attr-defined]
        self.now += 0.3
        connection.handle_timeout(self.now)
        console_hello = self.hear()
        agent_hello = Hello(True, 4711, _CLEAN, _CLEAN).encode(answers=console_hello)
        theirs, ours = handshake_states(epoch(console_hello, agent_hello))
        encoder, decoder = Encoder(_CLEAN, ours), Decoder(_CLEAN, (theirs,))
        handshake = Handshake(
            initiator=False,
            prologue=console_hello + agent_hello,
            static_private=AGENT_KEY,
            random_bytes=Random(8).randbytes,
        )
        ((_, body),) = [item for item in decoder.feed(self.raw(agent_hello)) if item[0] >= 0]
        handshake.read_message(body[1:])
        answer = encoder.encode(b"\x02" + handshake.write_message(b"\x80"))
        ((_, body),) = [item for item in decoder.feed(self.raw(b"\0" + answer)) if item[0] >= 0]
        handshake.read_message(body[1:])
        self.use(handshake, console=False)
