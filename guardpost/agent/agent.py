"""Agent: one port, a person's text and a console's frames together, until it is stopped.

It holds the pieces and no rule of theirs: the connection knows the protocol, the prompt the
person, Reception what a console may do. The port may vanish and come back meanwhile.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from guardpost.agent.accounts import Accounts
from guardpost.agent.audit import Audit
from guardpost.agent.authorized import AuthorizedConsoles
from guardpost.agent.breaks import BreakWatch
from guardpost.agent.introduction import NOT_READY
from guardpost.agent.output import TextOutput, WatchedStream
from guardpost.agent.prompt import Prompt
from guardpost.agent.reception import Reception
from guardpost.agent.settings import CHANNELS
from guardpost.agent.speeds import PortJudge
from guardpost.agent.verb import Host, this_host
from guardpost.aio.driver import Driver
from guardpost.aio.session_channel import SessionChannel
from guardpost.aio.stream import ByteStream
from guardpost.aio.supervisor import CALM_SECONDS, LineKeeper
from guardpost.errors import GoAwayCode, TransportError
from guardpost.identity import Identity
from guardpost.protocol import events
from guardpost.protocol.agent_connection import AgentConnection
from guardpost.services import SERVICES, Service
from guardpost.services.introductions import agent_kind, agent_settings

__all__ = ["Agent", "OpenLine"]

GOODBYE_SECONDS: Final = 0.5
SUSPENDED_WORDS: Final = b"\r\nguardpost: agent here, session suspended; console may go on\r\n"

OpenLine = Callable[[], Awaitable[ByteStream]]

_log = logging.getLogger("guardpost.agent")


class Agent:
    """Everything but the port, which run() is told how to open. Needs a running loop.

        agent = Agent(identity=..., authorized=..., accounts=Accounts(), version="1.0")
        await agent.run(open_line)      # until stop() is called

    `accounts` None: no text prompt, whatever is typed goes unanswered. `identity` None: it comes
    later, and until then nobody can have a session or log in. `psk` is 32 bytes.
    `on_session` is told whether a console's session is live, whenever that changes. `channels`
    says how many services may run at once, `no_cable` why the line should keep its speed, "" if
    another one makes sense.
    """

    def __init__(
        self,
        *,
        identity: Identity | None,
        authorized: AuthorizedConsoles,
        accounts: Accounts | None,
        version: str,
        host: Host | None = None,
        psk: bytes | None = None,
        services: Mapping[str, Callable[[], Service]] = SERVICES,
        audit: Audit | None = None,
        channels: Callable[[], int] = lambda: CHANNELS,
        random_bytes: Callable[[int], bytes] = os.urandom,
        on_session: Callable[[bool], None] = lambda live: None,
        no_cable: Callable[[], str] = lambda: "nothing is known of its port",
    ) -> None:
        self.identity: Identity | None = None
        self.connection = AgentConnection(
            settings=agent_settings(version, socket.gethostname()),
            random_bytes=random_bytes,
            psk=psk,
        )
        if identity is not None:
            self.identify(identity)
        self.driver = Driver(self.connection, self._on_event, self._on_channel)
        audit = audit or Audit()
        self._reception = Reception(authorized, version, services, audit=audit, channels=channels)
        self._output = TextOutput(self._send_text)
        self._prompt: Prompt | None = None
        if accounts is not None:
            say, drain = self._output.write, self._output.drain
            host = host or self._host(version, authorized)
            self._prompt = Prompt(say, drain=drain, accounts=accounts, host=host, audit=audit)
        self._on_session = on_session
        self._speed = PortJudge(no_cable)
        self._is_suspended = False
        self._has_line = False
        self._breaks = BreakWatch()
        self._stop_wanted = asyncio.Event()
        self._goodbye = ""

    def _host(self, version: str, authorized: AuthorizedConsoles) -> Host:
        return this_host(
            *(version, authorized.standing_file),
            identity=lambda: self.identity,
            obstacle=lambda: "" if self.identity is not None else NOT_READY,
        )

    # --- its life ---

    def identify(self, identity: Identity) -> None:
        """Who the agent is, from now on."""
        self.identity = identity
        kind = agent_kind(ephemeral=identity.is_ephemeral)
        self.connection.identify(identity.private, kind)

    async def run(
        self,
        open_line: OpenLine,
        stream: ByteStream | None = None,
        identity: Callable[[], Awaitable[Identity]] | None = None,
    ) -> None:
        """Serve until stop(). `stream` is the line if it is open already.

        `open_line` is asked again whenever the line went away; while it raises a
        TransportError it is asked again, any other error ends this and is raised. `identity`
        is waited for beside that, and what it raises ends this, too.
        """
        tasks: list[asyncio.Future[object]] = [
            asyncio.ensure_future(self._serve(open_line, stream)),
            asyncio.ensure_future(self._identified(identity)),
            asyncio.ensure_future(self._stop_wanted.wait()),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            await self._say_goodbye()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._close()

    async def _identified(self, identity: Callable[[], Awaitable[Identity]] | None) -> None:
        """Ends only when there is no identity to be had, or with the agent."""
        if identity is not None:
            self.identify(await identity())
        await self._stop_wanted.wait()

    async def open(self, open_line: OpenLine) -> ByteStream | None:
        """What `open_line` opens, and raises; None, and it is cancelled, if stop() comes first."""
        opening = asyncio.ensure_future(open_line())
        stopping = asyncio.ensure_future(self._stop_wanted.wait())
        try:
            await asyncio.wait((opening, stopping), return_when=asyncio.FIRST_COMPLETED)
            return opening.result() if opening.done() else None
        finally:
            for task in (opening, stopping):
                task.cancel()
            await asyncio.gather(opening, stopping, return_exceptions=True)

    def stop(self, reason: str = "the agent is stopped") -> None:
        """End run(): the console hears `reason`, sealed, and what runs for it ends."""
        self._goodbye = reason
        self._stop_wanted.set()

    async def _serve(self, open_line: OpenLine, stream: ByteStream | None) -> None:
        keeper = LineKeeper(open_line, _log.warning, clock=self.driver.now, calm=CALM_SECONDS)
        if stream is None:
            stream = await keeper.open()
            _log.info("the line is open")
        while True:
            reason = await self._use(stream)
            stream = await keeper.again(reason)
            if self._is_suspended:
                self.connection.send_text(SUSPENDED_WORDS)

    async def _use(self, stream: ByteStream) -> str:
        """One line, until it ends; returns why it did."""
        self._output.opened()
        self._has_line = True
        self._breaks.opened(stream)
        self._speed.opened(stream)
        try:
            watched = WatchedStream(stream, self._output.written)
            await self.driver.run(watched, self._speed.port)
            return "the line has ended"
        except TransportError as error:
            return f"{error.word}: {error}"
        except Exception:
            # A defect of ours. What met it is gone with the line; the next byte finds us here.
            _log.exception("a defect ended the line")
            return "a defect ended the line"
        finally:
            self._has_line = False
            self._breaks.gone()
            self._output.gone()
            if self._prompt is not None:
                # Whoever comes to this port next need not be who left it.
                self._prompt.lock("the line went away")
                self._prompt.noise()
            await stream.close()

    async def _say_goodbye(self) -> None:
        self.connection.close(GoAwayCode.SHUTTING_DOWN, self._goodbye, self.driver.now())
        self.driver.wake()
        if self._has_line:
            await self.driver.flush(GOODBYE_SECONDS)

    async def _close(self) -> None:
        self._reception.leave("the agent has ended")
        self.driver.stop()
        if self._prompt is not None:
            self._prompt.close()
            await self._prompt.wait_closed()
        await self._reception.wait_closed()

    # --- what the driver tells ---

    def _on_event(self, event: events.Event) -> None:
        match event:
            case events.Text(data, clean):
                if self._prompt is not None and clean:
                    if self._breaks.came():
                        self._prompt.lock("a BREAK came")
                    self._prompt.text(data)
                elif self._prompt is not None:
                    self._prompt.noise()
            case events.Heard("console"):
                if self._prompt is not None:
                    self._prompt.lock("a console knocked")
            case events.ConsoleKeyOffered(key, payload):
                self._judge(key, payload)
            case events.SessionEstablished(key, payload):
                self._is_suspended = False
                self._on_session(True)
                self._reception.enter(key, payload)
            case events.SpeedAsked():
                self._speed.answer(self.connection.cable, self.driver.now())
                self.driver.wake()
            case events.SpeedSettled(speed, reason):
                _log.info("the line is at %d bit/s%s", speed, f": {reason}" if reason else "")
            case events.SessionSuspended(reason):
                self._is_suspended = True
                self._on_session(False)
                self._reception.pause("suspended", reason)
            case events.SessionResumed():
                self._is_suspended = False
                self._on_session(True)
                self._reception.pause("resumed")
            case events.SessionEnded(code, text):
                self._is_suspended = False
                self._on_session(False)
                word = "lost" if code is None else code.name.lower().replace("_", "-")
                self._reception.leave(f"{word}: {text}" if text else word)
            case _:
                pass

    def _judge(self, key: bytes, payload: bytes) -> None:
        now = self.driver.now()
        if self._reception.may_enter(key, payload):
            self.connection.allow(now)
        else:
            text = "this console's key is not allowed here"
            self.connection.refuse(GoAwayCode.NOT_ALLOWED, text, now)
        self.driver.wake()

    def _on_channel(self, channel: SessionChannel, service: str, request: bytes) -> None:
        self._reception.receive(channel, service, request)

    def _send_text(self, data: bytes) -> None:
        self.connection.send_text(data)
        self.driver.wake()
