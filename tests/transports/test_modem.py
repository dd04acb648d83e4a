"""What a pty can show of BREAK, modem lines and counted errors: that it has none."""

import asyncio
import os
import struct
import sys

import pytest

from guardpost.aio.stream import BreakCountingStream, BreakingStream, StatusStream
from guardpost.transports import open_url
from guardpost.transports.modem import Counts, counted, counts, described, is_pty

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


def test_an_answer_holds_the_counts_where_the_kernel_has_them() -> None:
    cts, dsr, rng, dcd, rx, tx, frame, overrun, parity, brk = range(10)
    answer = struct.pack("20i", cts, dsr, rng, dcd, rx, tx, frame, overrun, parity, brk, *[99] * 10)
    assert counted(answer) == Counts(
        sent=tx, framing=frame, overrun=overrun, parity=parity, breaks=brk
    )
