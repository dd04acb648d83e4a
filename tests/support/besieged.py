"""Host: an agent with keys, settings and an audit, and a console on its line that keeps no rule."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from support.memory_line import MemoryLine
from support.pair import CONSOLE_KEY
from support.raw_console import RawConsole
from support.virtual_time import until

from guardpost.agent.agent import Agent
from guardpost.agent.audit import Audit
from guardpost.agent.authorized import AuthorizedConsoles
from guardpost.agent.settings import SettingsFile
from guardpost.identity import Identity, ephemeral
from guardpost.services import Service

__all__ = ["KEY", "Host", "Registry", "besieged"]

KEY = Identity(CONSOLE_KEY).public_key

Registry = dict[str, Callable[[], Service]]


class Host:
    """An agent, its files, and what it did."""

    def __init__(self, folder: Path, services: Registry) -> None:
        self.line = MemoryLine()
        self.audit: list[str] = []
        self.now = 1_900_000_000.0
        self._keys, self._config = folder / "keys", folder / "agent.toml"
        self.allow("")
        settings = SettingsFile(self._config)
        self.agent = Agent(
            identity=ephemeral(lambda count: b"a" * count),
            authorized=AuthorizedConsoles(
                [str(self._keys)], settings=settings, clock=lambda: self.now
            ),
            accounts=None,
            version="9.9",
            services=services,
            audit=Audit({"the test": lambda line, grave: self.audit.append(line)}),
            channels=lambda: settings.now().channels,
        )

    def allow(self, permit: str) -> None:
        self.write_keys(f'permit="{permit}" {KEY}\n')

    def write_keys(self, text: str) -> None:
        self._keys.write_text(text)
        self._keys.chmod(0o600)

    def configure(self, text: str) -> None:
        self._config.write_text(text)
        self._config.chmod(0o600)


@contextlib.asynccontextmanager
async def besieged(folder: Path, services: Registry) -> AsyncIterator[tuple[Host, RawConsole]]:
    host = Host(folder, services)
    running = asyncio.ensure_future(host.agent.run(host.line.open_b))
    await until(lambda: host.line.is_open("b"))
    console = RawConsole(await host.line.open("a"))
    try:
        await console.enter()
        yield host, console
    finally:
        host.agent.stop()
        await running
