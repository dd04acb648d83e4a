"""What a pty can show of BREAK, modem lines and counted errors: that it has none."""

import asyncio
import os
import sys

import pytest

from guardpost.aio.stream import BreakCountingStream, BreakingStream, StatusStream
from guardpost.transports import open_url
from guardpost.transports.modem import Counts, counts, described, is_pty

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ptys")


def test_a_pty_is_known_and_has_nothing() -> None:
    leader, follower = os.openpty()
    try:
        assert is_pty(follower)
        assert counts(follower) is None
        assert described(follower) == "a pty: no modem lines"
    finally:
        os.close(leader)
        os.close(follower)


def test_what_is_no_port_is_no_pty_either() -> None:
    with open(os.devnull) as nothing:
        assert sys.platform != "linux" or not is_pty(nothing.fileno())
        assert described(nothing.fileno()).startswith("no modem lines")


def test_a_serial_line_says_that_a_pty_carries_no_break() -> None:
    async def story() -> None:
        leader, follower = os.openpty()
        stream = await open_url(f"{os.ttyname(follower)}?baud=57600")
        try:
            assert isinstance(stream, BreakingStream)
            assert isinstance(stream, StatusStream)
            assert isinstance(stream, BreakCountingStream)
            assert await stream.send_break() is False
            assert stream.status() == "57600 bit/s; a pty: no modem lines"
            assert stream.breaks_received() is None
        finally:
            await stream.close()
            os.close(leader)
            os.close(follower)

    asyncio.run(story())


def test_counts_are_named() -> None:
    assert Counts(1, 2, 3, 4)._asdict() == {
        "framing": 1, "overrun": 2, "parity": 3, "breaks": 4
    }  # fmt: skip
