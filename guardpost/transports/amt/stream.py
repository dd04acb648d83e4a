"""amt: and amts: lines: a redirection session with an AMT host's firmware, as a ByteStream.

The shell of `redirection`: one task reads, one writes and keeps the clock. Options of the target:

    ?auth=plain          send the password as it is, for firmware that knows nothing better
    ?gather=MS           how long the firmware gathers what the host says, 100 if not said
    ?fingerprint=SHA256  amts: the certificate's, and nothing else counts
    ?ca=FILE             amts: who must have signed it, instead of the system's authorities
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping

from guardpost.aio.stream import ByteStream
from guardpost.errors import (
    AuthenticationError,
    GuardpostError,
    LineBusy,
    LineLost,
    NotAllowed,
    TransportError,
    UsageError,
)
from guardpost.transports.amt import redirection
from guardpost.transports.amt.messages import Controls
from guardpost.transports.amt.redirection import Redirection, Refusal, State
from guardpost.transports.sockets import connect
from guardpost.transports.target import Target

__all__ = ["DEFAULT_USER", "AmtStream", "open_amt"]

DEFAULT_USER = "admin"
"""The account that every AMT has."""

UNREAD_MAX_BYTES = 65536
"""Beyond that the firmware waits, and with it the host."""

GOODBYE_SECONDS = 1.0
"""For the firmware's word that the session is over."""

NOBODY = (
    "nobody listens there; is the machine's AMT on, provisioned, and its redirection listener "
    "switched on (amt: is port 16994, amts: 16995)?"
)

_WORDS: Mapping[Refusal, tuple[type[GuardpostError], str]] = {
    Refusal.BUSY: (
        LineBusy,
        "another console has the Serial-over-LAN session; end it there, or wait until AMT does",
    ),
    Refusal.DISABLED: (
        TransportError,
        "Serial-over-LAN is switched off there; switch it on in AMT's redirection settings "
        "(or in MEBx)",
    ),
    Refusal.NOT_STARTED: (
        TransportError,
        "AMT let us in and started no Serial-over-LAN; another console may have it, "
        "or the machine's user must consent first",
    ),
    Refusal.FAILED: (TransportError, "AMT's firmware reports an error; try again in a moment"),
    Refusal.CREDENTIALS: (
        NotAllowed,
        "AMT refuses user '{user}' with this password; check both, and that the account may use "
        "redirection",
    ),
    Refusal.NOT_SUPPORTED: (
        AuthenticationError,
        "AMT offers this way to log in and does not support it for user '{user}'; check that "
        "account, or try the other way (with or without ?auth=plain)",
    ),
    Refusal.NO_DIGEST: (
        AuthenticationError,
        "AMT offers no digest login; ?auth=plain sends the password as it is, if it takes that",
    ),
    Refusal.NO_PLAIN: (AuthenticationError, "AMT takes no plain login; leave ?auth=plain out"),
    Refusal.SILENT: (
        TransportError,
        "something listens there and does not answer; is it AMT, and is it amts: where it is amt:?",
    ),
    Refusal.PROTOCOL: (
        TransportError,
        "what answers is not AMT's redirection; with TLS it is amts:",
    ),
}


async def open_amt(target: Target, password: Callable[[], Awaitable[str]]) -> ByteStream:
    """A session with the firmware at `target`.

    Raises NoSuchTarget (nobody there), LineBusy (another console), NotAllowed (wrong password),
    AuthenticationError (no login in common, wrong certificate), TransportError (switched off, no
    AMT), UsageError (no password, no file of that name).
    """
    user = target.user or DEFAULT_USER
    secret = (await password()).encode("utf-8", "surrogateescape")
    if max(len(secret), len(user.encode())) > 255:
        raise UsageError(f"{target}: AMT's user names and passwords have 255 bytes at most")
    wire = await _wire(target)
    session = Redirection(
        user.encode(),
        secret,
        plain=target.options.get("auth") == "plain",
        gather_ms=int(target.options.get("gather", redirection.TX_TIMEOUT_MS)),
        random_bytes=os.urandom,
        now=asyncio.get_running_loop().time(),
    )
    stream = AmtStream(wire, session, str(target), user)
    try:
        await stream.opened()
    except BaseException:
        await stream.close()
        raise
    return stream


async def _wire(target: Target) -> ByteStream:
    if target.scheme == "amts":
        from guardpost.transports.amt.secured import secured

        return await secured(target, NOBODY)
    return await connect(target, nobody=NOBODY)


class AmtStream:
    """A ByteStream once opened() has returned."""

    transparent = True

    def __init__(self, wire: ByteStream, session: Redirection, name: str, user: str) -> None:
        self.name = name
        self._controls: Controls | None = None
        self._user = user
        self._wire = wire
        self._session = session
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        # Nobody may be waiting when it fails.
        self._opened.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._unread = bytearray()
        self._ending: GuardpostError | None = None
        self._ended = asyncio.Event()
        self._closed = False
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._wanted = asyncio.Event()
        self._written = asyncio.Event()
        self._tasks = [asyncio.ensure_future(self._listen()), asyncio.ensure_future(self._speak())]

    async def opened(self) -> None:
        """Returns when Serial-over-LAN has started; raises why it does not."""
        await asyncio.shield(self._opened)

    # -- ByteStream

    async def read(self) -> bytes:
        while not self._unread:
            if self._closed:
                return b""
            if self._ended.is_set():
                if self._ending is not None:
                    raise self._ending
                return b""
            self._arrived.clear()
            await self._arrived.wait()
        data = bytes(self._unread)
        self._unread.clear()
        self._room.set()
        return data

    async def write(self, data: bytes) -> None:
        """A cancelled write has written all of it, a little later: a message is never cut."""
        self._require_open()
        self._session.send(data, self._loop.time())
        self._written.clear()
        self._wanted.set()
        await self._written.wait()
        self._require_open()

    async def close(self) -> None:
        """End the session so that the next console finds it free."""
        if self._closed:
            return
        self._closed = True
        self._arrived.set()
        self._written.set()
        self._room.set()
        self._session.close()
        self._take_events()
        self._wanted.set()
        try:
            async with asyncio.timeout(GOODBYE_SECONDS):
                await self._ended.wait()
                await self._tasks[1]
        except TimeoutError:
            pass
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._wire.close()

    def status(self) -> str:
        """As StatusStream: what the firmware last said of the host's port and power."""
        return f"AMT: {self._controls or 'nothing said of the host yet'}"

    def _require_open(self) -> None:
        if self._closed:
            raise LineLost(f"{self.name} is closed")
        if self._ended.is_set() or self._session.state is not State.OPEN:
            raise self._ending or LineLost(f"{self.name} has ended the session")

    # -- the two tasks

    async def _listen(self) -> None:
        try:
            while not self._ended.is_set():
                while len(self._unread) >= UNREAD_MAX_BYTES and not self._closed:
                    self._room.clear()
                    await self._room.wait()
                async with asyncio.timeout_at(self._session.silent_at(self._loop.time())):
                    data = await self._wire.read()
                if not data:
                    raise LineLost(f"{self.name} hung up{self._whereat()}")
                self._session.receive_data(data, self._loop.time())
                self._take_events()
                self._wanted.set()
        except TimeoutError:
            self._lose(LineLost(f"{self.name}: AMT's heartbeat has stopped"))
        except GuardpostError as error:
            self._lose(error)

    async def _speak(self) -> None:
        """Write what the session wants to say, and wake it when its time has come."""
        session = self._session
        try:
            while True:
                while unsent := session.data_to_send():
                    await self._wire.write(b"".join(unsent))
                if session.state is State.ENDED:
                    return
                self._wanted.clear()
                self._written.set()
                try:
                    async with asyncio.timeout_at(session.next_deadline()):
                        await self._wanted.wait()
                except TimeoutError:
                    session.handle_timeout(self._loop.time())
                    self._take_events()
        except GuardpostError as error:
            self._lose(error)

    def _whereat(self) -> str:
        if self._opened.done():
            return ""
        return f" while {self._session.state.value}; is it AMT? With TLS it is amts:"

    def _lose(self, error: GuardpostError) -> None:
        self._session.receive_eof()
        self._end(error)
        self._wanted.set()

    def _take_events(self) -> None:
        while (event := self._session.next_event()) is not None:
            self._on_event(event)

    def _on_event(self, event: redirection.Event) -> None:
        match event:
            case redirection.Opened():
                self._opened.set_result(None)
            case redirection.Received(data):
                if not self._closed:
                    self._unread += data
                    self._arrived.set()
            case Controls():
                self._controls = event
            case redirection.Refused(why, detail):
                self._end(self._refusal(why, detail))
            case redirection.Ended():
                self._end(None)

    def _refusal(self, why: Refusal, detail: str) -> GuardpostError:
        kind, words = _WORDS[why]
        if self._opened.done() and why is Refusal.PROTOCOL:
            kind, words = LineLost, "AMT breaks its protocol"
        reason = f" ({detail})" if detail else ""
        return kind(f"{self.name}: {words.format(user=self._user)}{reason}")

    def _end(self, error: GuardpostError | None) -> None:
        """What was received before may still be read."""
        if not self._ended.is_set():
            self._ending = error
            self._ended.set()
            if not self._opened.done():
                self._opened.set_exception(error or LineLost(f"{self.name} ended the session"))
        self._arrived.set()
        self._written.set()
