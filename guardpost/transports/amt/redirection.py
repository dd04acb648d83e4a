"""AMT's redirection protocol, the console's end, without I/O: bytes and a clock in, bytes out.

A session is: start, ask for the ways to log in, log in, start Serial-over-LAN, data both ways, end.
Its contract is that of every stack here (docs/embedding.md): `receive_data`, `data_to_send`,
`next_event`, `next_deadline`, `handle_timeout`; what the peer does wrong becomes an event, never an
exception.
"""

import enum
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from guardpost.errors import LocalProtocolError, RemoteProtocolError
from guardpost.transports.amt import digest, messages
from guardpost.transports.amt.messages import Controls, Login

__all__ = ["Ended", "Event", "Opened", "Redirection", "Refusal", "Refused", "State"]

LOGIN_SECONDS = 10.0
"""From the first byte to the open line; firmware takes well under a second, a busy one some."""

BEAT_SECONDS = 4.0
"""The firmware closes a session that it hears nothing from for RX_TIMEOUT_MS."""

SILENT_SECONDS = 15.0
"""Three of the firmware's heartbeats: then the session is dead, though TCP may not know it."""

MAX_TX_BYTES = 10_000
TX_TIMEOUT_MS = 100
"""How long the firmware gathers what the host says. Every known client asks for this; less makes
a keystroke's echo faster (`?gather=`), and is not known to be bad."""
TX_OVERFLOW_MS = 0
"""A full buffer makes the host wait; any other value would drop what it says."""
RX_TIMEOUT_MS = 10_000
RX_FLUSH_MS = 100
"""What nobody on the host reads is thrown away; 0 would end the session instead."""
HEARTBEAT_MS = 5000

_SEQUENCE = 1 << 32


class State(enum.Enum):
    STARTING = "starting"
    ASKING = "asking how to log in"
    CHALLENGED = "waiting for the challenge"
    PROVING = "logging in"
    OPENING = "starting Serial-over-LAN"
    OPEN = "open"
    ENDING = "ending"
    ENDED = "ended"


class Refusal(enum.Enum):
    """Why there is no line."""

    BUSY = "another console has the session"
    DISABLED = "Serial-over-LAN is switched off"
    NOT_STARTED = "Serial-over-LAN does not start"
    FAILED = "the firmware fails"
    CREDENTIALS = "wrong user or password"
    NOT_SUPPORTED = "this way to log in is not supported"
    NO_DIGEST = "the only logins are others than a digest"
    NO_PLAIN = "a plain login is not offered"
    SILENT = "the firmware does not answer"
    PROTOCOL = "what came is not the protocol"


@dataclass(frozen=True, slots=True)
class Opened:
    firmware: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Received:
    data: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """The session is over before it began, or by a breach of the protocol."""

    why: Refusal
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """The session is over: one of us said so."""


Event = Opened | Received | Controls | Refused | Ended

# Status of START_REDIRECTION_SESSION_REPLY.
_START_REFUSALS: Mapping[int, Refusal] = {
    1: Refusal.DISABLED,
    2: Refusal.BUSY,
    3: Refusal.DISABLED,
}

NOT_SUPPORTED = 2
"""Status of AUTHENTICATE_SESSION_REPLY; 1 is a challenge or a refusal."""

UNSENT_PONGS_MAX = 16
"""A peer that pings and never reads is answered no more often; ours would grow for ever."""

NAMED_LOGINS_MAX = 16
"""Of those offered, in an error; firmware knows five, and whatever else answers may name 2000."""


class Redirection:
    """One session; a lost one needs a new object."""

    def __init__(
        self,
        user: bytes,
        password: bytes,
        *,
        plain: bool = False,
        gather_ms: int = TX_TIMEOUT_MS,
        random_bytes: Callable[[int], bytes],
        now: float,
    ) -> None:
        """`plain`: send the password as it is, and log in in no other way.

        Raises LocalProtocolError for a user or password of more than 255 bytes.
        """
        if max(len(user), len(password)) > 255:
            raise LocalProtocolError("a user name and a password have 255 bytes at most")
        self.state = State.STARTING
        self._user = user
        self._password = password
        self._plain = plain
        self._gather_ms = gather_ms
        self._random_bytes = random_bytes
        self._login = Login.QUERY
        self._firmware = (0, 0)
        self._sequence = 0
        self._parser = messages.Parser()
        self._events: deque[Event] = deque()
        self._unsent: list[bytes] = []
        self._unsent_pongs = 0
        self._deadline: float | None = now + LOGIN_SECONDS
        self._beaten_at: float | None = None
        self._send(messages.start_session())

    # -- the contract

    def receive_data(self, data: bytes, now: float) -> None:
        if self.state is State.ENDED:
            return
        self._parser.feed(data)
        if self._beaten_at is not None:
            self._beaten_at = now
        try:
            # What follows the end of a session means nothing; it may not even be messages.
            while not self._is_over() and (message := self._parser.next_message()) is not None:
                self._take(message, now)
        except RemoteProtocolError as error:
            self._refuse(Refusal.PROTOCOL, str(error))

    def receive_eof(self) -> None:
        """The connection is gone, and with it the session."""
        self.state = State.ENDED
        self._deadline = None
        self._unsent.clear()

    def _is_over(self) -> bool:
        return self.state is State.ENDED

    def data_to_send(self) -> list[bytes]:
        """Whole messages, in their order."""
        unsent, self._unsent = self._unsent, []
        self._unsent_pongs = 0
        return unsent

    def next_event(self) -> Event | None:
        return self._events.popleft() if self._events else None

    def next_deadline(self) -> float | None:
        """When to call handle_timeout."""
        return self._deadline

    def handle_timeout(self, now: float) -> None:
        if self._deadline is None or now < self._deadline:
            return
        if self.state is State.OPEN:
            self._send(messages.heartbeat(self._next_sequence()))
            self._deadline = now + BEAT_SECONDS
        else:
            self._refuse(Refusal.SILENT, f"while {self.state.value}")

    # -- what its user does

    def send(self, data: bytes, now: float) -> None:
        """Raises LocalProtocolError unless the state is OPEN."""
        if self.state is not State.OPEN:
            raise LocalProtocolError(f"the session is {self.state.value}, not open")
        for at in range(0, len(data), messages.DATA_MAX_BYTES):
            piece = data[at : at + messages.DATA_MAX_BYTES]
            self._send(messages.sol_data(self._next_sequence(), piece))
        self._deadline = now + BEAT_SECONDS

    def close(self) -> None:
        """Say that it is over; the firmware's own word, if it comes, is the event Ended.

        Without it the next console may find the session busy.
        """
        if self.state is State.OPEN:
            self._send(messages.end_sol(self._next_sequence()))
            self.state = State.ENDING
            self._deadline = None
        elif self.state not in (State.ENDING, State.ENDED):
            self._end()

    def silent_at(self, listening_since: float) -> float | None:
        """When a session that says nothing until then is dead: never, if its firmware has not
        shown that it sends heartbeats. `listening_since`: from when on somebody would have heard.
        """
        if self.state is not State.OPEN or self._beaten_at is None:
            return None
        return max(self._beaten_at, listening_since) + SILENT_SECONDS

    # -- what the firmware says

    def _take(self, message: messages.Message, now: float) -> None:
        """A message that has no business in this state breaks the protocol."""
        match message, self.state:
            case messages.StartReply(status, firmware), State.STARTING:
                self._firmware = firmware
                self._started(status)
            case messages.AuthenticateReply(0, Login.QUERY, offered), State.ASKING:
                self._choose(offered)
            case messages.AuthenticateReply(status), State.ASKING:
                self._refuse(Refusal.FAILED, f"status {status} to how one may log in")
            case messages.AuthenticateReply(1, how, data), State.CHALLENGED if how == self._login:
                self._prove(data)
            case messages.AuthenticateReply(0, how, _), State.PROVING if how == self._login:
                self._start_sol()
            case (messages.AuthenticateReply(status), State.CHALLENGED | State.PROVING) if (
                status == NOT_SUPPORTED
            ):
                self._refuse(Refusal.NOT_SUPPORTED, f"login {self._login}")
            case messages.AuthenticateReply(), State.CHALLENGED | State.PROVING:
                # Also a second challenge: what was wrong once would be wrong again.
                self._refuse(Refusal.CREDENTIALS)
            case messages.SolReply(status), State.OPENING:
                self._opened(status, now)
            case messages.SolData(data), State.OPEN:
                self._events.append(Received(data))
            case Controls(), State.OPEN:
                self._events.append(message)
            case messages.Heartbeat(sequence, is_ping), State.OPEN | State.OPENING:
                self._beaten_at = now
                if is_ping and self._unsent_pongs < UNSENT_PONGS_MAX:
                    self._unsent_pongs += 1
                    self._send(messages.pong(sequence))
            case messages.EndSolReply(), State.OPEN | State.ENDING:
                self._end()
            case ((messages.SolData() | Controls() | messages.Heartbeat()), State.ENDING):
                pass  # it was under way
            case _:
                kind = type(message).__name__
                raise RemoteProtocolError(f"{kind} has no business while {self.state.value}")

    def _started(self, status: int) -> None:
        if status != 0:
            self._refuse(_START_REFUSALS.get(status, Refusal.FAILED), f"status {status}")
            return
        self.state = State.ASKING
        self._send(messages.authenticate(Login.QUERY))

    def _choose(self, offered: bytes) -> None:
        """Take the best of the ways to log in that the firmware offers."""
        names = ", ".join(str(each) for each in offered[:NAMED_LOGINS_MAX]) or "none"
        if len(offered) > NAMED_LOGINS_MAX:
            names += f" and {len(offered) - NAMED_LOGINS_MAX} more"
        if self._plain:
            if Login.PLAIN not in offered:
                return self._refuse(Refusal.NO_PLAIN, f"it offers {names}")
            self._login = Login.PLAIN
            self.state = State.PROVING
            self._send(
                messages.authenticate(Login.PLAIN, messages.packed(self._user, self._password))
            )
            return
        for login in (Login.DIGEST, Login.DIGEST_WITHOUT_CNONCE):
            if login in offered:
                break
        else:
            return self._refuse(Refusal.NO_DIGEST, f"it offers {names}")
        self._login = login
        self.state = State.CHALLENGED
        nothing = [b""] * (4 if login is Login.DIGEST else 3)
        self._send(
            messages.authenticate(
                login, messages.packed(self._user, b"", b"", digest.URI, *nothing)
            )
        )

    def _prove(self, challenge: bytes) -> None:
        cnonce = self._random_bytes(16).hex().encode()
        nc, qop = b"00000001", b""
        if self._login is Login.DIGEST:
            realm, nonce, qops = messages.fields(challenge, 3)
            if b"auth" not in [each.strip() for each in qops.split(b",")]:
                raise RemoteProtocolError(f"the challenge wants quality of protection {qops!r}")
            qop = b"auth"
        else:
            realm, nonce = messages.fields(challenge, 2)
        proof = digest.response(
            self._user, self._password, realm, nonce, cnonce=cnonce, nc=nc, qop=qop
        )
        told = [self._user, realm, nonce, digest.URI, cnonce, nc, proof]
        self.state = State.PROVING
        self._send(
            messages.authenticate(self._login, messages.packed(*told, *([qop] if qop else [])))
        )

    def _start_sol(self) -> None:
        self._password = b""
        self.state = State.OPENING
        self._send(
            messages.start_sol(
                self._next_sequence(),
                max_tx_bytes=MAX_TX_BYTES,
                tx_timeout_ms=self._gather_ms,
                tx_overflow_ms=TX_OVERFLOW_MS,
                rx_timeout_ms=RX_TIMEOUT_MS,
                rx_flush_ms=RX_FLUSH_MS,
                heartbeat_ms=HEARTBEAT_MS,
            )
        )

    def _opened(self, status: int, now: float) -> None:
        if status != 0:
            return self._refuse(Refusal.NOT_STARTED, f"status {status}")
        self.state = State.OPEN
        self._deadline = now + BEAT_SECONDS
        self._events.append(Opened(self._firmware))

    # -- endings

    def _end(self) -> None:
        self._send(messages.end_session())
        self.state = State.ENDED
        self._deadline = None
        self._events.append(Ended())

    def _refuse(self, why: Refusal, detail: str = "") -> None:
        self.state = State.ENDED
        self._deadline = None
        self._events.append(Refused(why, detail))

    def _send(self, data: bytes) -> None:
        self._unsent.append(data)

    def _next_sequence(self) -> int:
        """The firmware looks at none of them; they help whoever reads a trace."""
        self._sequence = (self._sequence + 1) % _SEQUENCE
        return self._sequence
