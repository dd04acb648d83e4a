"""Console: one line and one session on it, in this process.

It puts the parts together (a connection, its driver, who may answer) and keeps the line: one that
vanishes is opened again while the session lives. What a line is made of it does not know.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable

from guardpost.aio.driver import Driver
from guardpost.aio.session_channel import SessionChannel
from guardpost.aio.stream import BreakingStream, ByteStream, SpeedStream
from guardpost.aio.supervisor import LineKeeper
from guardpost.console.breakmark import seconds_since_break
from guardpost.console.diagnosis import Silence, farewell
from guardpost.console.figures import Figures
from guardpost.console.line import Line
from guardpost.console.speed import SpeedWish
from guardpost.errors import (
    AgentSilent,
    GoAwayCode,
    GuardpostError,
    LineLost,
    TransportError,
)
from guardpost.identity import Identity
from guardpost.protocol import events
from guardpost.protocol.association import Association
from guardpost.protocol.console_connection import ConsoleConnection
from guardpost.protocol.framing import Profile
from guardpost.protocol.statistics import statistics_of
from guardpost.services import introductions

__all__ = ["Console"]

_TRANSPARENT = (Profile.CLEAN, Profile.XONXOFF, Profile.CONSOLE, Profile.PRINTABLE)
# What a program in between may take for its escape, or a telnet for a command, is not even tried.
_TRANSLATED = (Profile.CONSOLE, Profile.PRINTABLE)
_GOODBYE_SECONDS = 2.0
# The agent forgets a half-open handshake after 10 s; a person may think for longer.
_ASK_AGAIN_SECONDS = 7.0

Judge = Callable[[bytes, bool], Awaitable[None]]
"""Given the agent's key and whether it is ephemeral; raises AuthenticationError to refuse it."""


class Console:
    """An Opener (guardpost.aio.channel) once connect() has returned.

    `tell` gets sentences for a person, `text` what the line says outside of frames. `raise_baud`:
    run a cable at up to so many bit/s (0: at its own speed).
    """

    def __init__(
        self,
        line: Line,
        identity: Identity,
        judge: Judge,
        *,
        operator: str = "",
        psk: bytes | None = None,
        raise_baud: int = 0,
        tell: Callable[[str], None] = lambda sentence: None,
        text: Callable[[bytes], None] = lambda data: None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.line = line
        self.agent_key = b""
        self.ended: asyncio.Future[GuardpostError] = loop.create_future()
        """Why the session is over, once it is."""
        self._identity = identity
        self._judge = judge
        self._tell = tell
        self._text = text
        self._connection = ConsoleConnection(
            static_private=identity.private,
            message_3_payload=introductions.operator(operator),
            random_bytes=os.urandom,
            psk=psk,
        )
        self._speed = SpeedWish(self._connection, raise_baud, tell)
        self._driver = Driver(self._connection, self._on_event)
        self._silence = Silence()
        self._established: asyncio.Future[None] = loop.create_future()
        # Nobody may be waiting when it fails.
        self._established.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._accepted = b""
        self._stream: ByteStream | None = None
        self._bits_per_second: int | None = None
        self._profiles: tuple[Profile, ...] = ()
        self._tasks: set[asyncio.Task[None]] = set()
        self._patience: asyncio.Timeout | None = None

    # --- its life ---

    async def connect(self, seconds: float) -> None:
        """Open the line and make a session; a question to a person does not count as time.

        Raises TransportError (NoSuchTarget, LineBusy, LineLost, AgentSilent), AuthenticationError.
        """
        try:
            async with asyncio.timeout(seconds) as self._patience:
                stream = await self.line.open()
                self._spawn(self._keep(stream))
                if self.line.profile is not None:
                    self._profiles = (Profile[self.line.profile.upper()],)
                else:
                    self._profiles = _TRANSPARENT if stream.transparent else _TRANSLATED
                self._begin()
                await asyncio.shield(self._established)
        except TimeoutError:
            if self._connection.heard_hello:
                self._silence.heard("agent")
            await self._let_go()
            raise AgentSilent(
                f"{self.line.name}: no session within {seconds:g} s; {self._silence.seen()}"
            ) from None
        except BaseException:
            await self._let_go()
            raise

    def _begin(self) -> None:
        age = seconds_since_break(self.line.name)
        if age is not None:
            self._connection.break_sent(self._driver.now() - age)
        self._connection.begin(self._driver.now(), self._profiles)
        self._driver.wake()

    async def open(
        self, service: str, request: bytes, *, interactive: bool = False, compress: bool = False
    ) -> SessionChannel:
        """Raises ChannelReset when it was refused, LineLost when the session is over."""
        if self.ended.done():
            raise LineLost(str(self.ended.result()))
        return await self._driver.open(service, request, interactive=interactive, compress=compress)

    async def figures(self) -> Figures | None:
        """How the line does; None when there is no session."""
        association = self._connection.association
        if association is None:
            return None
        there, back = association.framer.profiles
        found = statistics_of(association, self._driver.now())
        return Figures(
            profile_to_agent=there.name.lower(),
            profile_to_console=back.name.lower(),
            rate=found.rate,
            round_trip=found.round_trip,
            packets_sent=found.packets_sent,
            packets_lost=found.packets_lost,
            packets_opened=found.packets_opened,
            frames=found.frames,
            bad_frames=found.bad_frames,
            noise_bytes=found.noise_bytes,
            duplicates=found.duplicates,
            channels=found.channels,
            state=found.state,
            path=self._silence.path,
            bits_per_second=self._connection.cable.raised or self._bits_per_second,
        )

    @property
    def rate(self) -> float | None:
        """What the line carries towards the agent, in bytes a second, if that is known."""
        association = self._connection.association
        return association.recovery.line.rate if association is not None else None

    def raise_speed(self, highest: int) -> None:
        """As `raise_baud`, for a console that was not told so."""
        self._speed.raise_to(highest, self._stream, self._driver.now())
        self._driver.wake()

    async def close(self) -> None:
        """Say goodbye, give the line back. Never raises."""
        if self._connection.association is not None:
            self._connection.close(GoAwayCode.DONE, "", self._driver.now())
            self._driver.wake()
        if self._stream is not None:
            await self._driver.flush(_GOODBYE_SECONDS)
        await self._let_go()

    async def _let_go(self) -> None:
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._driver.stop()

    # --- for who watches beside it ---

    @property
    def sessions(self) -> tuple[Association, ...]:
        """Whose packets may be on the line now, the newest first."""
        return self._connection.sessions

    def watch(self, tap: Callable[[bytes, bool], None] | None) -> None:
        """`tap` is told what crosses the line, and whether the agent's side sent it."""
        self._driver.tap = tap

    def send_text(self, data: bytes) -> bool:
        """Words of a person, at the next frame boundary; False when the line is away."""
        if self._stream is None:
            return False
        self._connection.send_text(data)
        self._driver.wake()
        return True

    @property
    def text_waits(self) -> bool:
        """Whether something of send_text() is not on its way yet."""
        return self._stream is not None and self._connection.text_waits

    async def send_break(self) -> bool:
        """False where the line has no BREAK, or is away. Raises LineLost."""
        if not isinstance(self._stream, BreakingStream):
            return False
        self._connection.break_sent(self._driver.now())
        sent = await self._stream.send_break()
        self._connection.break_sent(self._driver.now())
        return sent

    # --- the line ---

    async def _keep(self, stream: ByteStream) -> None:
        """Pump the line, and open it again as long as the session lives."""
        keeper = LineKeeper(self.line.open, self._tell, clock=self._driver.now)
        while True:
            self._stream = stream
            self._bits_per_second = getattr(stream, "bits_per_second", None)
            try:
                port = stream if isinstance(stream, SpeedStream) else None
                await self._driver.run(stream, port)
                reason = "the line has ended"
            except TransportError as error:
                reason = str(error)
            finally:
                self._stream = None
                await stream.close()
            if not self._established.done():
                self._fail(
                    LineLost(
                        f"{self.line.name}: {reason}, and nobody had answered; is the line right, "
                        "and no other console on it?"
                    )
                )
            if self.ended.done():
                return
            stream = await keeper.again(reason)

    def _spawn(self, work: "Awaitable[None]") -> None:
        task = asyncio.ensure_future(work)
        assert isinstance(task, asyncio.Task)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)

    def _on_done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            if not isinstance(error, GuardpostError):
                asyncio.get_running_loop().call_exception_handler(
                    {"message": "a task of the console failed", "exception": error}
                )
                error = LineLost(f"{self.line.name}: {type(error).__name__}: {error}")
            self._fail(error)

    def _fail(self, error: GuardpostError) -> None:
        if not self._established.done():
            self._established.set_exception(error)
        if not self.ended.done():
            self.ended.set_result(error)

    # --- what the connection tells ---

    def _on_event(self, event: events.Event) -> None:
        match event:
            case events.AgentKeyOffered(key, payload):
                self._spawn(self._decide(key, payload))
            case events.SessionEstablished(key, settings):
                self.agent_key = key
                self._speed.established(settings, self._stream, self._driver.now())
                self._driver.wake()
                if not self._established.done():
                    self._established.set_result(None)
            case events.HandshakeFailed():
                self._fail(self._silence.explain(self.line.name, event))
            case events.SessionEnded():
                self._fail(farewell(self.line.name, event, self._identity.public_key))
            case events.SpeedSettled():
                self._speed.settled(event)
            case events.SessionSuspended(reason):
                self._tell(f"{reason}; the session waits")
            case events.SessionResumed():
                self._tell("the session goes on")
            case events.Heard(what):
                self._silence.heard(what)
            case events.PathSurveyed():
                if found := self._silence.surveyed(event):
                    self._tell(found)
            case events.Text(data, clean):
                self._silence.text(data)
                if clean:
                    self._text(data)
            case _:
                pass

    async def _decide(self, key: bytes, payload: bytes) -> None:
        now = self._driver.now
        began, patience = now(), self._patience
        if key != self._accepted:
            deadline = patience.when() if patience is not None else None
            if patience is not None:
                patience.reschedule(None)
            try:
                await self._judge(key, introductions.says_ephemeral(payload))
            except BaseException:
                self._connection.give_up()
                raise
            if patience is not None and deadline is not None:
                patience.reschedule(deadline + now() - began)
            self._accepted = key
        if now() - began > _ASK_AGAIN_SECONDS:
            self._connection.give_up()
            self._begin()
        else:
            self._connection.accept_agent(now())
            self._driver.wake()
