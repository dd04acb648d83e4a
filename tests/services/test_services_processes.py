"""ps and kill over channels in memory, against this very host."""

import asyncio
import os
import subprocess
import sys

import msgspec
import pytest
from support.channels import MemoryOpener, Serve, channel_pair

from guardpost.aio.channel import Channel
from guardpost.errors import ChannelReset, RemoteProtocolError, ResetCode
from guardpost.services import processes
from guardpost.services.processes import (
    ARGV_BYTES,
    MAX_TARGETS,
    KillResult,
    KillTarget,
    kill,
    kill_action,
    list_processes,
    ps_action,
    serve_kill,
    serve_ps,
)
from guardpost.services.records import write_record

SERVICES: dict[str, Serve] = {"ps": serve_ps, "kill": serve_kill}


def test_the_table_arrives_whole_and_shows_progress() -> None:
    async def story() -> None:
        progress: list[int] = []
        async with MemoryOpener(SERVICES) as opener:
            table = await list_processes(opener, progress.append)
        assert opener.opened[0][0] == "ps"
        (own,) = [each for each in table if each.pid == os.getpid()]
        assert own.ppid == os.getppid()
        assert own.argv
        assert progress[-1] == len(table)
        assert progress == sorted(progress)

    asyncio.run(story())


def test_a_long_table_comes_in_pieces_through_a_narrow_channel() -> None:
    async def story() -> None:
        table = [processes.Process(pid, argv=[b"x" * ARGV_BYTES]) for pid in range(1, 200)]

        async def serve(channel: Channel, request: bytes) -> None:
            channel.accept()
            for start in range(0, len(table), processes.CHUNK_PROCESSES):
                await write_record(channel, table[start : start + processes.CHUNK_PROCESSES])
            await channel.write_eof()

        progress: list[int] = []
        async with MemoryOpener({"ps": serve}, limit=1000) as opener:
            assert await list_processes(opener, progress.append) == table
        assert progress == [64, 128, 192, 199]

    asyncio.run(story())


def test_a_long_command_line_is_cut() -> None:
    assert processes._cut([b"a", b"b" * 5000, b"c"]) == [b"a", b"b" * (ARGV_BYTES - 2)]
    assert len(processes._cut([b""] * 100_000)) == ARGV_BYTES
    assert processes._cut([]) == []


def test_a_kill_is_reported_process_by_process() -> None:
    code = "import time; print(flush=True); time.sleep(60)"

    async def story() -> None:
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            targets = [KillTarget(0), KillTarget(child.pid, started=1.0), KillTarget(child.pid)]
            async with MemoryOpener(SERVICES) as opener:
                results = await kill(opener, targets, "KILL")
            assert child.wait(10) != 0
        assert [each.word for each in results] == ["signal-refused", "no-such-process", ""]
        assert results[0].text

    asyncio.run(story())


def test_an_unknown_signal_harms_nobody() -> None:
    async def story() -> None:
        async with MemoryOpener(SERVICES) as opener:
            results = await kill(opener, [KillTarget(os.getpid())], "NONSENSE")
        assert results[0].word == "unknown-signal"

    asyncio.run(story())


@pytest.mark.parametrize("request_bytes", [b"\xc1", b"\x81\xa7targets\x01", b"", b"\x80"])
def test_a_malformed_kill_is_refused(request_bytes: bytes) -> None:
    async def story() -> None:
        async with MemoryOpener(SERVICES) as opener:
            with pytest.raises(ChannelReset) as refusal:
                await opener.open("kill", request_bytes)
        assert refusal.value.code is ResetCode.BAD_REQUEST

    asyncio.run(story())


def test_too_many_targets_are_refused_before_any_is_signalled() -> None:
    async def story() -> None:
        async with MemoryOpener(SERVICES) as opener:
            with pytest.raises(ChannelReset) as refusal:
                await kill(opener, [KillTarget(0)] * (MAX_TARGETS + 1))
        assert refusal.value.code is ResetCode.LIMIT

    asyncio.run(story())


def test_fields_of_a_later_version_are_ignored() -> None:
    async def story() -> None:
        request = msgspec.msgpack.encode({"targets": [{"pid": 0, "new": 1}], "later": True})
        async with MemoryOpener(SERVICES) as opener:
            await opener.open("kill", request)
            await opener.open("ps", msgspec.msgpack.encode({"filter": "x"}))
            with pytest.raises(ChannelReset):
                await opener.open("ps", b"\xc1")

    asyncio.run(story())


@pytest.mark.parametrize("reply", [[], [KillResult(5)]])
def test_an_agent_that_reports_on_others_is_not_believed(reply: list[KillResult]) -> None:
    async def story() -> None:
        async def serve(channel: Channel, request: bytes) -> None:
            channel.accept()
            await write_record(channel, reply)
            await channel.write_eof()

        async with MemoryOpener({"kill": serve}) as opener:
            with pytest.raises(RemoteProtocolError):
                await kill(opener, [KillTarget(4)])

    asyncio.run(story())


def test_a_console_that_left_ends_the_service() -> None:
    async def story() -> None:
        console, agent = channel_pair(limit=1)
        serving = asyncio.ensure_future(serve_ps(agent, b"\x80"))
        await asyncio.sleep(0)
        console.reset(ResetCode.CANCELLED)
        with pytest.raises(ChannelReset):
            await serving

    asyncio.run(story())


def test_what_the_policy_is_asked() -> None:
    assert ps_action(b"").verb == "monitor"
    assert kill_action(b"").verb == "admin"
