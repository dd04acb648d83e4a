"""What becomes of a command's block when its session ends."""

import asyncio
from pathlib import Path

import pytest
from support.virtual_time import run_virtual

from guardpost.aio.stream import ByteStream
from guardpost.console import session
from guardpost.console.line import ConnectOptions, Line
from guardpost.console.session import _lost_with, connect, teller
from guardpost.errors import (
    AgentRestarted,
    ChannelReset,
    GuardpostError,
    LineLost,
    NoSuchTarget,
    ResetCode,
)


def test_a_block_without_channels_is_ended_with_the_reason() -> None:
    async def story() -> None:
        ended: asyncio.Future[GuardpostError] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(5, ended.set_result, LineLost("gone"))
        with pytest.raises(LineLost, match="gone"):
            async with _lost_with(ended):
                await asyncio.sleep(3600)

    run_virtual(story())


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (ResetCode.LOST, LineLost),
        (ResetCode.SUPERSEDED, LineLost),
        (ResetCode.NOT_FOUND, ChannelReset),
    ],
)
def test_a_lost_channel_is_a_lost_line(code: ResetCode, kind: type[Exception]) -> None:
    async def story() -> None:
        ended: asyncio.Future[GuardpostError] = asyncio.get_running_loop().create_future()
        with pytest.raises(kind):
            async with _lost_with(ended):
                raise ChannelReset(code, "text")

    run_virtual(story())


def test_the_reason_may_come_a_little_after_the_channel_was_lost() -> None:
    async def story() -> None:
        ended: asyncio.Future[GuardpostError] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.5, ended.set_result, AgentRestarted("restarted"))
        with pytest.raises(AgentRestarted, match="restarted"):
            async with _lost_with(ended):
                raise ChannelReset(ResetCode.LOST, "text")

    run_virtual(story())


def test_cancelling_the_block_stays_a_cancellation() -> None:
    async def block() -> None:
        ended: asyncio.Future[GuardpostError] = asyncio.get_running_loop().create_future()
        async with _lost_with(ended):
            await asyncio.sleep(3600)

    async def story() -> None:
        task = asyncio.ensure_future(block())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run_virtual(story())


def test_without_an_owner_the_line_s_own_error_arrives_and_the_lock_is_free_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    async def missing() -> ByteStream:
        raise NoSuchTarget("no such port")

    async def story() -> None:
        async with connect(Line("x", "x", missing), ConnectOptions(use_owner=False)):
            raise AssertionError("there is no session")

    for _ in range(2):
        with pytest.raises(NoSuchTarget):
            asyncio.run(story())


def test_sentences_go_to_a_person_or_to_who_asked(capsys: pytest.CaptureFixture[str]) -> None:
    teller(ConnectOptions())("into a file")
    teller(ConnectOptions(verbose=1, quiet=True))("quiet")
    teller(ConnectOptions(verbose=1))("the line\x1b is back")
    assert capsys.readouterr().err == "guardpost: the line\\x1b is back\n"
    assert session.ConnectOptions is ConnectOptions
