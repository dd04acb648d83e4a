"""Tunnels to unix sockets of the agent's host, and where their paths lead."""

import asyncio
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from support.channels import MemoryOpener

from guardpost.aio.channel import Channel
from guardpost.errors import ChannelReset, ResetCode
from guardpost.services import tunnel

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="unix sockets")


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """in: a socket that says `in`, which is permitted; out: one that is not; links to both."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "to-out").symlink_to("../out")
    (tmp_path / "in" / "to-nothing").symlink_to("../nothing")
    (tmp_path / "in" / "to-in").symlink_to("sock")
    (tmp_path / "in" / "file").touch()
    return tmp_path


def told(top: Path, story: Callable[[MemoryOpener], Awaitable[None]]) -> None:
    async def serve(channel: Channel, request: bytes) -> None:
        await tunnel.serve_unix(channel, request, (os.fsencode(top / "in"),))

    async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(os.path.basename(writer.get_extra_info("sockname")).encode())
        writer.close()

    async def run() -> None:
        async with asyncio.timeout(20), MemoryOpener({"unix": serve}) as opener:
            inside = await asyncio.start_unix_server(hello, top / "in" / "sock")
            async with inside, await asyncio.start_unix_server(hello, top / "out"):
                await story(opener)

    asyncio.run(run())


def test_a_path_and_a_link_to_it_lead_to_the_socket(top: Path) -> None:
    async def story(opener: MemoryOpener) -> None:
        before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
        for name in ("sock", "to-in"):
            channel = await tunnel.open_tunnel(opener, "", 0, str(top / "in" / name))
            assert await channel.read() == b"sock"
            await channel.close()
        while opener.serving:
            await asyncio.sleep(0)
        if before:
            assert len(os.listdir("/proc/self/fd")) <= before

    told(top, story)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("to-out", ResetCode.NOT_ALLOWED),
        ("to-nothing", ResetCode.NOT_ALLOWED),
        ("nothing", ResetCode.NOT_FOUND),
        ("file", ResetCode.REFUSED),
        ("file/x", ResetCode.FAILED),
        ("a\0b", ResetCode.FAILED),
    ],
)
def test_no_link_leads_out_and_whether_there_is_a_socket_stays_unknown(
    name: str, code: ResetCode, top: Path
) -> None:
    async def story(opener: MemoryOpener) -> None:
        with pytest.raises(ChannelReset) as caught:
            await tunnel.open_tunnel(opener, "", 0, f"{top}/in/{name}")
        assert caught.value.code is code

    told(top, story)


def test_a_link_that_is_turned_round_all_the_time_never_leads_out(top: Path) -> None:
    """Who may write to the permitted folder as well tries to win between look and use."""

    async def answer(opening: Awaitable[Channel]) -> bytes:
        try:
            channel = await opening
            return await channel.read()
        except ChannelReset as refusal:
            return refusal.code.name.encode()

    answers: set[bytes] = set()

    async def story(opener: MemoryOpener) -> None:
        link, other = top / "in" / "link", top / "in" / "other"
        for turn in range(100):
            link.unlink(missing_ok=True)
            link.symlink_to("sock" if turn % 2 else "../out")
            opening = asyncio.ensure_future(tunnel.open_tunnel(opener, "", 0, str(link)))
            for _ in range(turn // 8):
                await asyncio.sleep(0)
            other.symlink_to("../out")
            other.replace(link)
            answers.add(await answer(opening))
        assert answers == {b"sock", b"NOT_ALLOWED"}

    told(top, story)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="held by its number only there")
def test_a_path_longer_than_an_address_leads_there_too(top: Path) -> None:
    """sun_path has 108 bytes (unix(7)), a path 4096."""
    deep = top / "in" / ("d" * 120)
    deep.mkdir()
    here = os.open(deep, os.O_PATH)

    async def story(opener: MemoryOpener) -> None:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(f"/proc/self/fd/{here}/sock")
            server.listen()
            channel = await tunnel.open_tunnel(opener, "", 0, str(deep / "sock"))
            channel.reset(ResetCode.CANCELLED)

    told(top, story)
    os.close(here)
