import argparse
import asyncio
import contextlib
import dataclasses
import sys
import types
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.channels import MemoryOpener

from guardpost.aio.channel import Opener
from guardpost.cli import hosts, opening
from guardpost.cli.options import add_console_options
from guardpost.errors import NoSuchTarget


@dataclasses.dataclass
class ConnectOptions:
    identity: str | None
    agent_key: str | None
    trust_new: bool
    known_agents: str | None
    psk: str | None
    connect_timeout: float
    use_owner: bool
    persist: float
    quiet: bool
    verbose: int


@pytest.fixture
def connected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ConnectOptions]]:
    seen: list[tuple[str, ConnectOptions]] = []

    @contextlib.asynccontextmanager
    async def connect(target: str, options: ConnectOptions) -> AsyncIterator[MemoryOpener]:
        seen.append((target, options))
        async with MemoryOpener({}) as opener:
            yield opener

    session = types.ModuleType("guardpost.console.session")
    session.connect, session.ConnectOptions = connect, ConnectOptions  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "guardpost.console.session", session)
    (tmp_path / "hosts.toml").write_text('[web01]\nline = "/dev/ttyS0"\nidentity = "web.key"\n')
    monkeypatch.setattr(hosts, "FILES", [tmp_path / "hosts.toml"])
    return seen


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_console_options(parser)
    parser.add_argument("target")
    return parser.parse_args(words, argparse.Namespace(verbose=0))


async def seven(opener: Opener) -> int:
    return 7


def test_a_name_brings_its_line_and_key(connected: list[tuple[str, ConnectOptions]]) -> None:
    assert opening.run_with(parsed("web01"), seven) == 7
    target, options = connected[0]
    assert (target, options.identity, options.use_owner) == ("/dev/ttyS0", "web.key", True)


def test_an_option_outranks_the_file(connected: list[tuple[str, ConnectOptions]]) -> None:
    args = parsed("web01", "--identity", "mine.key", "--no-owner", "--persist", "60")
    opening.run_with(args, seven)
    options = connected[0][1]
    assert (options.identity, options.use_owner, options.persist) == ("mine.key", False, 60)


def test_an_unknown_name_is_told_before_anything_is_opened(
    connected: list[tuple[str, ConnectOptions]],
) -> None:
    with pytest.raises(NoSuchTarget):
        opening.run_with(parsed("nowhere"), seven)
    assert connected == []


def test_ctrl_c_cancels_the_work(connected: list[tuple[str, ConnectOptions]]) -> None:
    cancelled = []

    async def interrupted(opener: Opener) -> int:
        import signal

        signal.raise_signal(signal.SIGINT)
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise
        return 0

    with pytest.raises(KeyboardInterrupt):
        opening.run_with(parsed("web01"), interrupted)
    assert cancelled == [True]
