"""LoopStream, as Windows uses it: the conformance tests run it too."""

import asyncio

import pytest

from guardpost.errors import LineLost
from guardpost.transports.loop_streams import LoopStream


def test_closing_releases_once_and_ends_both_directions() -> None:
    released: list[str] = []

    async def story() -> None:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        stream = LoopStream(reader, writer, "tcp", released=lambda: released.append("once"))
        reading = asyncio.create_task(stream.read())
        await asyncio.sleep(0)
        await stream.close()
        await stream.close()
        assert await reading == b""
        with pytest.raises(LineLost, match="tcp is closed"):
            await stream.write(b"too late")
        server.close()

    asyncio.run(story())
    assert released == ["once"]
