import argparse
import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.channels import MemoryOpener

from guardpost.aio.channel import Opener
from guardpost.cli import hosts, opening
from guardpost.cli.options import add_console_options
from guardpost.console import session
from guardpost.console.line import ConnectOptions, Line
from guardpost.errors import NoSuchTarget, UsageError


@pytest.fixture
def connected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ConnectOptions]]:
    seen: list[tuple[str, ConnectOptions]] = []

    @contextlib.asynccontextmanager
    async def connect(
        line: Line, options: ConnectOptions, *_: object
    ) -> AsyncIterator[MemoryOpener]:
        seen.append((line.address, options))
        async with MemoryOpener({}) as opener:
            yield opener

    monkeypatch.setattr(session, "connect", connect)
    (tmp_path / "hosts.toml").write_text('[web01]\nline = "/dev/ttyS0"\nidentity = "web.key"\n')
    monkeypatch.setattr(hosts, "standard_files", lambda: (tmp_path / "hosts.toml",))
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


@pytest.mark.parametrize(
    ("words", "highest"),
    [
        (("/dev/ttyS0",), 0),
        (("/dev/ttyS0?raise-baud=460800",), 460800),
        (("--raise-baud=921600", "/dev/ttyS0?raise-baud=460800"), 921600),
        (("--raise-baud=921600", "web01"), 921600),
    ],
)
def test_how_fast_a_cable_may_be_run(
    connected: list[tuple[str, ConnectOptions]], words: tuple[str, ...], highest: int
) -> None:
    opening.run_with(parsed(*words), seven)
    assert connected[0][1].raise_baud == highest


@pytest.mark.parametrize(
    "target", ["amt:host", "ipmi:bmc", "tcp:host:1", "telnet:host", "exec:cat"]
)
def test_a_line_that_is_no_cable_is_not_asked(target: str) -> None:
    with pytest.raises(UsageError, match="never over SOL"):
        opening.run_with(parsed("--raise-baud=921600", target), seven)
