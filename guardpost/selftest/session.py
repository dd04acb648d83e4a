"""A whole agent and a console on one line, in this process: prompt, session, a program run."""

import asyncio
import os
import socket
import sys
from collections.abc import Sequence
from typing import Final

from guardpost.agent.accounts import Accounts
from guardpost.agent.agent import Agent
from guardpost.agent.authorized import AuthorizedConsoles
from guardpost.aio.driver import Driver
from guardpost.aio.stream import ByteStream
from guardpost.errors import GoAwayCode
from guardpost.identity import Identity, ephemeral
from guardpost.protocol import events
from guardpost.protocol.console_connection import ConsoleConnection
from guardpost.protocol.framing import Profile
from guardpost.selftest.check import Check, NotHere, waited_for
from guardpost.selftest.child import HERE, STATUS
from guardpost.services import exec as programs
from guardpost.services import info
from guardpost.services.introductions import operator

__all__ = ["checks"]

_PROMPT: Final = b"guardpost> "


def checks(command: Sequence[str], version: str) -> list[Check]:
    """`command` starts child.py; empty when this program cannot be started again."""
    return [Check("session", waited_for(lambda: _session(command, version)))]


async def _session(command: Sequence[str], version: str) -> str:
    if sys.platform == "win32":
        raise NotHere("on Windows a process has no line to itself")
    where, console_end, agent_end = _line()
    agent_identity, ours = ephemeral(os.urandom), ephemeral(os.urandom)
    agent = Agent(
        identity=agent_identity,
        authorized=AuthorizedConsoles([ours.public_key]),
        accounts=Accounts(None),
        version=version,
    )

    async def no_other() -> ByteStream:
        await asyncio.Event().wait()
        raise AssertionError

    running = asyncio.ensure_future(agent.run(no_other, agent_end))
    try:
        await _prompt(console_end, version)
        console = _Console(ours, agent_identity, version)
        await console.use(console_end, command)
    finally:
        agent.stop()
        await running
        await console_end.close()
    return where


def _line() -> tuple[str, ByteStream, ByteStream]:
    """What it is, the console's end, the agent's end: a pty if there is one."""
    from guardpost.transports.descriptor import DescriptorStream

    def stream(fd: int) -> ByteStream:
        if sys.platform != "win32":
            os.set_blocking(fd, False)
        return DescriptorStream(fd, fd, "the line", release=lambda: os.close(fd))

    if sys.platform != "win32":
        import pty
        import tty

        try:
            here, there = pty.openpty()
        except OSError:
            pass
        else:
            tty.setraw(there)
            return "over a pty", stream(here), stream(there)
    here_socket, there_socket = socket.socketpair()
    return "over a socket", stream(here_socket.detach()), stream(there_socket.detach())


async def _prompt(line: ByteStream, version: str) -> None:
    await line.write(b"\r")
    shown = b""
    while _PROMPT not in shown:
        shown += await line.read()
    if f"guardpost {version} on ".encode() not in shown:
        raise ValueError(f"the prompt said {shown[:80]!r}")


class _Console:
    """Its key is `ours`; it speaks with nobody but `agent`, which is of `version`."""

    def __init__(self, ours: Identity, agent: Identity, version: str) -> None:
        self._agent = agent
        self._version = version
        self._began: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._connection = ConsoleConnection(
            static_private=ours.private,
            message_3_payload=operator("self-test"),
            random_bytes=os.urandom,
            psk=None,
        )
        self._driver = Driver(self._connection, self._on_event)

    def _on_event(self, event: events.Event) -> None:
        match event:
            case events.AgentKeyOffered(key):
                if key == self._agent.public:
                    self._connection.accept_agent(self._driver.now())
                    self._driver.wake()
                else:
                    self._began.set_exception(ValueError("another agent answered"))
            case events.SessionEstablished() if not self._began.done():
                self._began.set_result(None)
            case events.HandshakeFailed(reason) if not self._began.done():
                self._began.set_exception(ValueError(f"no session: {reason}"))

    async def use(self, line: ByteStream, command: Sequence[str]) -> None:
        """A session, and what runs in it. Raises ValueError when it is not as it must be."""
        driver = self._driver
        running = asyncio.ensure_future(driver.run(line))
        try:
            self._connection.begin(driver.now(), (Profile.CLEAN,))
            driver.wake()
            await self._began
            if (found := await info.host_info(driver)).agent_version != self._version:
                raise ValueError(f"the agent calls itself {found.agent_version!r}")
            if command:
                await self._run([os.fsencode(word) for word in command])
            self._connection.close(GoAwayCode.DONE, "", driver.now())
            driver.wake()
            await driver.flush(1.0)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            driver.stop()

    async def _run(self, argv: list[bytes]) -> None:
        here, there = os.pipe()
        with open(here, "rb") as output:
            try:
                status = await programs.run(
                    self._driver, argv, stdin=None, stdout=there, stderr=there
                )
            finally:
                os.close(there)
            said = output.read()
        if (said.strip(), status) != (HERE.encode(), STATUS):
            raise ValueError(f"a program said {said[:80]!r} and ended with {status}")
