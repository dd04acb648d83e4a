"""The prompt's words wait for a slow line, are dropped on a stuck one, and never pile up."""

import asyncio

from guardpost.agent.output import MAX_WAITING_BYTES, PIECE_BYTES, TextOutput


class Line:
    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.output = TextOutput(self.sent.append)
        self.output.opened()


def test_a_page_goes_out_in_small_pieces_each_when_the_last_was_taken() -> None:
    line = Line()
    line.output.write(b"x" * 1200)
    assert [len(piece) for piece in line.sent] == [PIECE_BYTES]
    line.output.written()
    line.output.written()
    line.output.written()
    assert [len(piece) for piece in line.sent] == [512, 512, 176]


def test_a_stuck_line_costs_no_more_than_its_limit() -> None:
    line = Line()
    for _ in range(2000):
        line.output.write(b"y" * 100)
    assert sum(map(len, line.sent)) == 100  # what was there when it still took something
    assert line.output.dropped_bytes >= 200_000 - MAX_WAITING_BYTES - 200
    line.output.written()
    line.output.write(b"heard again")
    for _ in range(200):
        line.output.written()
    assert sum(map(len, line.sent)) <= MAX_WAITING_BYTES + PIECE_BYTES
    assert b"".join(line.sent).endswith(b"heard again")


def test_who_prints_without_end_waits_until_few_bytes_wait() -> None:
    async def story() -> None:
        line = Line()
        line.output.write(b"z" * 5000)
        waiting = asyncio.ensure_future(line.output.drain())
        for _ in range(3):
            line.output.written()
            await asyncio.sleep(0)
        assert not waiting.done()
        for _ in range(8):
            line.output.written()
        await waiting

    asyncio.run(story())


def test_without_a_line_nothing_is_kept_and_nobody_waits() -> None:
    async def story() -> None:
        line = Line()
        line.output.write(b"z" * 5000)
        line.output.gone()
        await line.output.drain()
        line.output.write(b"to nobody")
        line.output.opened()
        line.output.written()
        assert len(line.sent) == 1

    asyncio.run(story())
