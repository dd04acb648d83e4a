"""A person at a terminal on the text prompt, with a clock that stands still until told."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from guardpost.agent.accounts import Accounts
from guardpost.agent.prompt import Prompt
from guardpost.agent.prompt_state import PromptState
from guardpost.agent.verb import Host
from guardpost.errors import ServiceError
from guardpost.identity import Identity
from guardpost.services.info import Disk, Info, Memory
from guardpost.services.processes import Process

__all__ = ["Clock", "FakeHost", "Person"]

# The longest that a story waits for something that really happens (a process, a hash).
PATIENCE_SECONDS = 20.0


class Clock:
    """Virtual seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class FakeHost:
    """A host whose table and facts a story chooses."""

    def __init__(self) -> None:
        self.table = [
            Process(1, user="root", state="sleeping", cpu_seconds=3723.0, argv=[b"/sbin/init"]),
            Process(42, name="evil\x1b[2J"),
        ]
        self.facts = Info("9.9", name="web01", uptime=93784.0, memory=Memory(1 << 30, 1 << 29))
        self.facts.disks = [Disk("/", "/dev/sda1", "ext4", 10 << 30, 4 << 30, 6 << 30)]
        self.signalled: list[tuple[int, str]] = []
        self.authorized_file: Path | None = None
        self.identity: Identity | None = None
        self.obstacle = ""

    def signal(self, pid: int, name: str) -> None:
        if pid not in [each.pid for each in self.table]:
            raise ServiceError(f"no process {pid}; it may have ended")
        self.signalled.append((pid, name))

    @property
    def host(self) -> Host:
        return Host(
            "9.9",
            lambda: "web01",
            lambda: self.facts,
            lambda: self.table,
            self.signal,
            lambda: self.authorized_file,
            lambda: self.identity,
            lambda: self.obstacle,
        )


class Person:
    """Types at one prompt and sees what it writes."""

    def __init__(self, accounts: Path, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.host = FakeHost()
        self.seen = b""
        self.blocked = False
        self.accounts = Accounts(accounts, clock=self.clock)
        self.prompt = Prompt(
            self._write,
            drain=self._drain,
            accounts=self.accounts,
            host=self.host.host,
            clock=self.clock,
        )

    def _write(self, data: bytes) -> None:
        self.seen += data

    async def _drain(self) -> None:
        await asyncio.sleep(0.01 if self.blocked else 0)

    def types(self, data: bytes) -> bytes:
        """What is written at once in answer to `data`; a moment passes before."""
        self.clock.now += 4.0
        start = len(self.seen)
        self.prompt.text(data)
        return self.seen[start:]

    async def until(self, happened: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not happened():
                await asyncio.sleep(0.001)

    async def does(self, line: bytes) -> bytes:
        """What is written from `line` (and Enter) to the end of the command or its first page."""
        start = len(self.seen)
        self.types(line + b"\r")
        busy = (PromptState.RUNNING, PromptState.CHECKING)
        await self.until(lambda: self.prompt.state not in busy)
        return self.seen[start:]

    async def logs_in(self, password: bytes = b"right") -> None:
        self.types(b"\r")
        self.types(b"login ann\r")
        await self.does(password)
