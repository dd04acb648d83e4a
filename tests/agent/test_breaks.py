"""A BREAK is seen by its count, when somebody types after it."""

from support.memory_line import MemoryLine
from support.virtual_time import run_virtual

from guardpost.agent.breaks import BreakWatch
from guardpost.aio.stream import ByteStream


class CountingLine:
    """A port whose driver counts BREAKs, as an 8250's does."""

    transparent = True

    def __init__(self, breaks: int | None) -> None:
        self.breaks = breaks

    async def read(self) -> bytes:
        return b""

    async def write(self, data: bytes) -> None: ...

    async def close(self) -> None: ...

    def breaks_received(self) -> int | None:
        return self.breaks


def test_a_break_is_news_once() -> None:
    line, watch = CountingLine(7), BreakWatch()
    watch.opened(line)
    assert not watch.came(), "those of before are no news"
    line.breaks = 9
    assert watch.came()
    assert not watch.came()
    watch.gone()
    line.breaks = 10
    assert not watch.came()
    watch.opened(line)
    assert not watch.came()


def test_a_line_that_counts_none_has_none() -> None:
    async def stream() -> ByteStream:
        return await MemoryLine().open("a")

    watch = BreakWatch()
    for line in (CountingLine(None), run_virtual(stream())):
        watch.opened(line)
        assert not watch.came()
