"""A session with a BMC in which Serial over LAN is active: pyghmi behind a few blocking calls.

Why pyghmi's Session and not its Console: the Console sends what is left to send from inside the
handler of each acknowledgement (4 kB at once end in a RecursionError) and loses four characters
when the BMC repeats a packet with more in it. Both were seen with 1.6.19.
"""

import contextlib
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from pyghmi.exceptions import IpmiException
from pyghmi.ipmi.private.session import Session

from guardpost.errors import LineBusy, NotAllowed, TransportError

__all__ = ["ANSWER_SECONDS", "Account", "Bmc"]

NET_FUNCTION_APPLICATION = 0x06
NET_FUNCTION_TRANSPORT = 0x0C
ACTIVATE_PAYLOAD = 0x48
DEACTIVATE_PAYLOAD = 0x49
GET_PAYLOAD_INSTANCE = 0x4B
GET_SOL_CONFIGURATION = 0x22

SOL = (1, 1)
"""Payload type 1 is Serial over LAN; the first instance of it is the only one BMCs have."""

ENCRYPTED_AND_AUTHENTICATED = 0b1100_0000
VOLATILE_BIT_RATE = 6
BIT_RATES = {6: 9600, 7: 19200, 8: 38400, 9: 57600, 10: 115200}
THIS_CHANNEL = 0x0E

ACTIVE_ALREADY = 0x80
REFUSALS = {
    0x81: "Serial over LAN is disabled there; enable it (ipmitool sol set enabled true)",
    0x82: "it has as many Serial over LAN sessions as it allows; end one",
    0x83: "it refuses Serial over LAN with encryption; allow that in its settings",
    0x84: "it refuses Serial over LAN without encryption; allow it in its settings",
    0xC1: "it has no Serial over LAN (IPMI 2.0)",
    0xD4: "this user may not use Serial over LAN; give it the privilege (ipmitool sol payload "
    "enable)",
}

COMMAND_TIMEOUT_SECONDS = 2
"""The longest pause between two tries of a command; pyghmi begins with 0.5 to 1 s."""

ANSWER_SECONDS = 1.0
"""How long `ask` may go unanswered before it counts as lost."""

LOGIN_REFUSALS = ("password", "name", "unauthorized", "privilege", "role")

_pump = threading.Lock()
"""pyghmi keeps the sessions of a process in one table, and only one thread may work on it."""

_next = threading.Lock()
"""Held by whoever waits for `_pump`: a lock alone is not fair, and whoever gives it back after
each tenth of a second would have it again first."""

_left_behind: dict[tuple[str, int], int] = {}
"""The session in which we last had Serial over LAN of a BMC, unless we could end it there."""


@contextlib.contextmanager
def _turn() -> Iterator[None]:
    """`_pump`, in the order of those who came."""
    with _next:
        _pump.acquire()
    try:
        yield
    finally:
        _pump.release()


class Account(NamedTuple):
    """Whom to log in as, and where. `cipher` None: suite 17, then 3 if the BMC refuses that."""

    host: str
    port: int
    user: str
    password: str
    cipher: int | None = None


class _Session(Session):  # type: ignore[misc]
    """pyghmi numbers and seals a packet without a lock, and two threads send here."""

    _sending = threading.RLock()

    def send_payload(self, *arguments: Any, **options: Any) -> None:
        with self._sending:
            super().send_payload(*arguments, **options)


class _Suite3(_Session):
    """Offers HMAC-SHA1 alone, as `cipher=3` says; pyghmi by itself begins with SHA-256."""

    def _initsession(self) -> None:
        super()._initsession()
        self.attemptedhash = 1


class _Password(bytes):
    """Equal to itself alone. pyghmi gives whoever logs in again the session that it has for this
    BMC, user and password, and that one ends when whoever had it before ends.
    """

    __hash__ = bytes.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


class Bmc:
    """Every call waits and belongs to one thread, but send(). What comes is given to a handler."""

    def __init__(
        self,
        account: Account,
        name: str,
        handler: Callable[[bytes], None],
        *,
        take_over: bool = False,
    ) -> None:
        """Log in and activate. `take_over`: also when another console has the line.

        Raises NotAllowed (user, password), LineBusy, TransportError (no answer, SOL disabled).
        """
        self.is_ours = True
        """Whether Serial over LAN is still ours there, as the BMC answered the last time."""
        self.unanswered = 0
        """How often it was asked since its last answer."""
        self._name = name
        self._key = account.host, account.port
        with _turn():
            self._session = self._log_in(account)
            try:
                self.largest = self._activate(take_over)
                self.bits_per_second = self._bit_rate()
            except BaseException:
                self._log_out()
                raise
            _left_behind[self._key] = self._session.sessionid
            self._handler = lambda payload: handler(b"" if type(payload) is dict else payload)
            self._session.sol_handler = self._handler

    def send(self, payload: bytes) -> None:
        """From any thread. It may not arrive; sol.py knows."""
        try:
            self._session.send_payload(bytearray(payload), payload_type=SOL[0], retry=False)
        except IpmiException:
            pass  # the session is over: `listen` says so

    def listen(self, seconds: float) -> bool:
        """Give the handler what comes meanwhile; False when the session is over."""
        with _turn():
            Session.wait_for_rsp(seconds)
            return self._is_alive()

    def ask(self) -> None:
        """Ask whether Serial over LAN is still ours; `listen` hears the answer. Does not wait.

        A sign of life as well: of payloads alone a session may die (ipmi_sim: after 30 s).
        """
        with _turn():
            self.unanswered += 1
            try:
                # With retries pyghmi would hold our payloads back until the answer is there.
                self._command(GET_PAYLOAD_INSTANCE, SOL, retry=False, callback=self._on_answer)
            except IpmiException:
                return  # the session is over: `listen` says so
            self._session.incommand = False

    def close(self) -> None:
        """Give the line back. Never raises."""
        with _turn():
            self._hear_out()
            if self._is_alive():
                try:
                    answer = self._command(DEACTIVATE_PAYLOAD, (*SOL, 0, 0, 0, 0))
                    if not answer.get("code"):
                        _left_behind.pop(self._key, None)
                except (IpmiException, KeyError):
                    pass
            self._log_out()

    def _is_alive(self) -> bool:
        # After a timeout pyghmi logs in again by itself, but the handler is gone then, and with it
        # Serial over LAN.
        session = self._session
        return bool(session.logged and not session.broken and session.sol_handler is self._handler)

    # --- with the lock ---

    def _hear_out(self) -> None:
        """Wait for the answer to `ask`: pyghmi takes any for that to its newest command, and then
        waits for its own until it is long over."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while self.unanswered and self._is_alive() and time.monotonic() < deadline:
            Session.wait_for_rsp(ANSWER_SECONDS / 10)

    def _on_answer(self, answer: dict[str, Any]) -> None:
        self.unanswered = 0
        self.is_ours = _holder(answer) in (None, self._session.sessionid)

    def _log_in(self, account: Account) -> Any:
        kind = _Suite3 if account.cipher == 3 else _Session
        # Bytes: of texts pyghmi would not recognise its own, and hand out this session again when
        # it is over.
        user = account.user.encode()
        password = _Password(account.password.encode("utf-8", "surrogateescape"))
        try:
            session = kind(account.host, user, password, port=account.port)
        except IpmiException as error:
            raise self._login_error(str(error) or "no answer", account) from None
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise TransportError(f"{self._name}: {reason}; check the name") from None
        if account.cipher == 17 and session.attemptedhash != 256:
            session.logout()
            raise TransportError(
                f"{self._name}: the BMC has no cipher suite 17; leave ?cipher= out"
            )
        # Its patience: 3 s for an answer, and no new login, in which Serial over LAN would not be
        # active anyway.
        session.maxtimeout, session.logontries = COMMAND_TIMEOUT_SECONDS, 0
        return session

    def _login_error(self, reason: str, account: Account) -> Exception:
        if any(word in reason.lower() for word in LOGIN_REFUSALS):
            user = f"user {account.user!r}" if account.user else "the user without a name"
            return NotAllowed(
                f"{self._name}: the BMC refuses {user} ({reason}); check user and password"
            )
        if reason in ("timeout", "no answer", "None"):
            advice = "" if account.cipher == 3 else ", and try ?cipher=3"
            return TransportError(
                f"{self._name}: no BMC answers; check the address and that IPMI over LAN is "
                f"enabled{advice}"
            )
        return TransportError(f"{self._name}: {reason}")

    def _log_out(self) -> None:
        self._session.sol_handler = None  # pyghmi would deactivate what another may have by now
        try:
            self._session.logout()
        except (IpmiException, KeyError, OSError):
            pass

    def _command(
        self, command: int, data: tuple[int, ...], function: int = 0x06, **how: Any
    ) -> dict[str, Any]:
        answer: dict[str, Any] = self._session.raw_command(
            netfn=function, command=command, data=data, **how
        )
        return answer

    def _activate(self, take_over: bool) -> int:
        """Returns the largest payload that the BMC takes."""
        try:
            answer = self._ask_to_activate()
            if answer.get("code") == ACTIVE_ALREADY:
                holder = _holder(self._command(GET_PAYLOAD_INSTANCE, SOL))
                if not take_over and holder != _left_behind.get(self._key, -1):
                    raise LineBusy(
                        f"{self._name}: another console has Serial over LAN; end it there, or take "
                        "it with ?take-over=1"
                    )
                self._command(DEACTIVATE_PAYLOAD, (*SOL, 0, 0, 0, 0))
                answer = self._ask_to_activate()
        except IpmiException as error:
            raise TransportError(f"{self._name}: the BMC stopped answering ({error})") from None
        code = answer.get("code", 0)
        if code or len(answer.get("data", b"")) < 10:
            reason = REFUSALS.get(code) or answer.get("error") or f"it answers with code {code:#x}"
            raise TransportError(f"{self._name}: {reason}")
        _, largest, _, port = struct.unpack("<IHHH", bytes(answer["data"][:10]))
        swapped = port >> 8 | (port & 0xFF) << 8  # some BMCs have them the other way round
        if self._key[1] not in (port, swapped):
            raise TransportError(
                f"{self._name}: the BMC offers Serial over LAN on port {port}; name that port"
            )
        return int(largest)

    def _ask_to_activate(self) -> dict[str, Any]:
        return self._command(ACTIVATE_PAYLOAD, (*SOL, ENCRYPTED_AND_AUTHENTICATED, 0, 0, 0))

    def _bit_rate(self) -> int | None:
        """What the BMC says of its UART; None when it does not."""
        try:
            answer = self._command(
                GET_SOL_CONFIGURATION,
                (THIS_CHANNEL, VOLATILE_BIT_RATE, 0, 0),
                NET_FUNCTION_TRANSPORT,
            )
        except IpmiException:
            return None
        data = bytes(answer.get("data", b""))
        return BIT_RATES.get(data[1] & 0xF) if not answer.get("code") and len(data) > 1 else None


def _holder(answer: dict[str, Any]) -> int | None:
    """The session that has the payload, 0 for nobody; None when the BMC does not tell."""
    data = bytes(answer.get("data", b""))
    if answer.get("code") or len(data) < 4:
        return None
    return int.from_bytes(data[:4], "little")
